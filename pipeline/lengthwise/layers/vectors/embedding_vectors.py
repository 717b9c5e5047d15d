"""From ids to vectors: gather, clip, combine, mask. Written in `keras.ops`, so that it runs on every Keras backend.

    ids [B,T]   (+ weights)  ->  gather  ->  x one factor a step     ->  [B,T,dimension]
    ids [B,T,K] (+ weights)  ->  gather  ->  weighted sum over K     ->  [B,T,dimension]

The factor is 0 for padding and for what is no id, so that masking costs one multiplication. It is NaN for ids that the
column refuses: where compiled code cannot raise, the mistake is still seen.
"""

from typing import Any

import keras
from keras import ops

from lengthwise.columns import EmbeddingSpec
from lengthwise.layers.vectors.xla_tracing import is_compiled
from lengthwise.tensor import REFUSED


def embed(table: Any, ids: Any, factors: Any, spec: EmbeddingSpec, dtype: str) -> Any:
    """The combined vectors of each step's ids, zero where a step has none.

    Args:
        table: float, `[num_buckets, dimension]`: a tensor or a variable.
        ids: integers in `[0, num_buckets)`, `[B,T]` or `[B,T,K]`.
        factors: float, of the shape of `ids`: each id's weight, 0 to leave it out.
        spec: gives the combiner and max_norm.
        dtype: the result's.
    """
    vectors = ops.cast(_gather(table, ids), dtype)
    if spec.max_norm is not None:
        vectors = clip_by_norm(vectors, spec.max_norm)
    if len(ids.shape) == 2:
        return _scaled(vectors, ops.expand_dims(factors, -1))
    total = ops.einsum("btk,btkd->btd", factors, vectors)
    if spec.combiner == "sum":
        return total
    norm = ops.sum(factors, -1) if spec.combiner == "mean" else ops.sqrt(ops.sum(ops.square(factors), -1))
    return ops.divide_no_nan(total, ops.expand_dims(norm, -1))


def count(ids: Any, factors: Any, num_buckets: int, dtype: str) -> Any:
    """How often each id occurs in a step, or the sum of its weights: `[B,T,num_buckets]`."""
    hot = ops.one_hot(ids, num_buckets, dtype=dtype) * ops.expand_dims(factors, -1)
    return hot if len(ids.shape) == 2 else ops.sum(hot, axis=2)


def real_ids(ids: Any, valid: Any, num_buckets: int) -> tuple[Any, Any]:
    """The ids, made safe to gather, and whether each was one: in range, and of a step that is no padding.

    Args:
        ids: integers, `[B,T]` or `[B,T,K]`.
        valid: bool, `[B,T]`: false on padding.
        num_buckets: the number of ids.
    """
    safe = ops.clip(ids, 0, num_buckets - 1)
    valid = valid if len(ids.shape) == 2 else ops.expand_dims(valid, -1)
    return safe, ops.logical_and(valid, ops.equal(safe, ids))


def factors_of(counts: Any, weights: Any, combiner: str, dtype: str) -> Any:
    """Each id's factor, 0 for those that do not count.

    Args:
        counts: bool: which ids count.
        weights: float, of the same shape; None for equal weights. As in TensorFlow, weights <= 0 count for the
            combiner `sum` only, and of a single id any other weight cancels out.
        combiner: `mean`, `sqrtn` or `sum`.
        dtype: the result's.
    """
    if weights is None:
        return ops.cast(counts, dtype)
    if combiner != "sum":
        counts = ops.logical_and(counts, weights > 0)
        if len(counts.shape) == 2:
            return ops.cast(counts, dtype)
    return ops.where(counts, ops.cast(weights, dtype), 0.0)


def poisoned(factors: Any, ids: Any, valid: Any) -> Any:
    """The factors, NaN where a step that is no padding holds a refused value."""
    valid = valid if len(ids.shape) == 2 else ops.expand_dims(valid, -1)
    return ops.where(ops.logical_and(valid, ops.equal(ids, REFUSED)), float("nan"), factors)


def clip_by_norm(vectors: Any, max_norm: float) -> Any:
    """The vectors, those longer than `max_norm` scaled down to it; the gradient at zero vectors is finite."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    norms = ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1.0)), squares)
    return vectors * max_norm / ops.maximum(norms, max_norm)


def _scaled(vectors: Any, factors: Any) -> Any:
    scaled = vectors * factors
    # XLA does not gather what a select leaves out (a quarter less time); TensorFlow's select costs more than it saves.
    return ops.where(ops.not_equal(factors, 0), scaled, 0) if is_compiled() else scaled


def _gather(table: Any, ids: Any) -> Any:
    if keras.backend.backend() != "tensorflow":
        return ops.take(table, ids, axis=0)
    import tensorflow as tf

    # `ops.take` would look for negative ids, and read the whole of a variable.
    return tf.gather(table.value if isinstance(table, keras.Variable) else table, ids)
