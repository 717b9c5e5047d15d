"""From ids to vectors: gather, clip, combine, mask. Written in `keras.ops`, so that it runs on every Keras backend.

    ids [B,T]   (+ weights)  ->  gather  ->  x one factor a step     ->  [B,T,dimension]
    ids [B,T,K] (+ weights)  ->  gather  ->  weighted sum over K     ->  [B,T,dimension]

The factor is 0 for padding and for missing ids, so that masking costs one multiplication. It is NaN for ids that the
column refuses: where compiled code cannot raise, the mistake is still seen.
"""

from typing import Any

from keras import ops

from lengthwise.columns import EmbeddingSpec
from lengthwise.tensor import REFUSED


def embed(table: Any, ids: Any, weights: Any, valid: Any, spec: EmbeddingSpec, dtype: str) -> Any:
    """The combined vectors of each step's ids, zero where a step has none.

    Args:
        table: float, `[num_buckets, dimension]`.
        ids: integers, `[B,T]` or `[B,T,K]`; negative: none.
        weights: float, of the shape of `ids`; None for equal weights. As in TensorFlow, weights <= 0 count for the
            combiner `sum` only.
        valid: bool, `[B,T]`: false on padding.
        spec: gives the combiner and max_norm.
        dtype: the result's.
    """
    factors = _factors(ids, weights, valid, dtype, positive_only=spec.combiner != "sum")
    vectors = ops.cast(ops.take(table, ops.maximum(ids, 0), axis=0), dtype)
    if spec.max_norm is not None:
        vectors = clip_by_norm(vectors, spec.max_norm)
    if len(ids.shape) == 2:
        return vectors * ops.expand_dims(_of_one(factors, weights, spec.combiner), -1)
    total = ops.einsum("btk,btkd->btd", factors, vectors)
    if spec.combiner == "sum":
        return total
    norm = ops.sum(factors, -1) if spec.combiner == "mean" else ops.sqrt(ops.sum(ops.square(factors), -1))
    return ops.divide_no_nan(total, ops.expand_dims(norm, -1))


def count(ids: Any, weights: Any, valid: Any, num_buckets: int, dtype: str) -> Any:
    """How often each id occurs in a step, or the sum of its weights: `[B,T,num_buckets]`."""
    factors = _factors(ids, weights, valid, dtype, positive_only=False)
    hot = ops.one_hot(ops.maximum(ids, 0), num_buckets, dtype=dtype) * ops.expand_dims(factors, -1)
    return hot if len(ids.shape) == 2 else ops.sum(hot, axis=2)


def clip_by_norm(vectors: Any, max_norm: float) -> Any:
    """The vectors, those longer than `max_norm` scaled down to it; the gradient at zero vectors is finite."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    norms = ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1.0)), squares)
    return vectors * max_norm / ops.maximum(norms, max_norm)


def _factors(ids: Any, weights: Any, valid: Any, dtype: str, positive_only: bool) -> Any:
    valid = valid if len(ids.shape) == 2 else ops.expand_dims(valid, -1)
    counts = ops.logical_and(valid, ids >= 0)
    if weights is not None and positive_only:
        counts = ops.logical_and(counts, weights > 0)
    factors = ops.cast(counts, dtype) if weights is None else ops.where(counts, ops.cast(weights, dtype), 0.0)
    return ops.where(ops.logical_and(valid, ops.equal(ids, REFUSED)), float("nan"), factors)


def _of_one(factors: Any, weights: Any, combiner: str) -> Any:
    """The factor of a step's only id: any weight cancels out of a mean of one."""
    return factors if weights is None or combiner == "sum" else ops.where(factors > 0, 1.0, factors)
