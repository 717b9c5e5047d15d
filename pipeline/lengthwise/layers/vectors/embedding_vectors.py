"""From ids to vectors: gather, clip, combine, mask. Written in `keras.ops`, so that it runs on every Keras backend.

    ids [B,T]   (+ weights)  ->  gather  ->  x one factor per step   ->  [B,T,dimension]
    ids [B,T,K] (+ weights)  ->  gather  ->  weighted sum over K     ->  [B,T,dimension]

The factor is 0 for padding and for values that are not ids, so that masking costs one multiplication. It is NaN for
ids that the column refuses: if compiled code cannot raise, the error is still visible.
"""

import keras
from keras import ops

from lengthwise.columns import EmbeddingSpec
from lengthwise.layers.keras_types import BackendTensor
from lengthwise.layers.tracing import is_compiled
from lengthwise.tensor import REFUSED


def embed(
    table: BackendTensor, ids: BackendTensor, factors: BackendTensor, spec: EmbeddingSpec, dtype: str
) -> BackendTensor:
    """The combined vectors of each step's ids, zero for a step without ids.

    Args:
        table: float, `[num_buckets, dimension]`: a tensor or a variable.
        ids: integers in `[0, num_buckets)`, `[B,T]` or `[B,T,K]`.
        factors: float, of the shape of `ids`: each id's weight, 0 to ignore it.
        spec: has the combiner and max_norm.
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


def id_counts(ids: BackendTensor, factors: BackendTensor, num_buckets: int, dtype: str) -> BackendTensor:
    """The number of occurrences of each id in a step, or the sum of its weights: `[B,T,num_buckets]`."""
    one_hot = ops.one_hot(ids, num_buckets, dtype=dtype) * ops.expand_dims(factors, -1)
    return one_hot if len(ids.shape) == 2 else ops.sum(one_hot, axis=2)


def safe_ids(ids: BackendTensor, valid: BackendTensor, num_buckets: int) -> tuple[BackendTensor, BackendTensor]:
    """The ids, clipped so that they can be gathered, and whether each is an id: in range, and not on padding.

    Args:
        ids: integers, `[B,T]` or `[B,T,K]`.
        valid: bool, `[B,T]`: false on padding.
        num_buckets: the number of ids.
    """
    safe = ops.clip(ids, 0, num_buckets - 1)
    valid = valid if len(ids.shape) == 2 else ops.expand_dims(valid, -1)
    return safe, ops.logical_and(valid, ops.equal(safe, ids))


def id_factors(counts: BackendTensor, weights: BackendTensor | None, combiner: str, dtype: str) -> BackendTensor:
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


def nan_where_refused(factors: BackendTensor, ids: BackendTensor, valid: BackendTensor) -> BackendTensor:
    """The factors, NaN where a step that is not padding has a refused value."""
    valid = valid if len(ids.shape) == 2 else ops.expand_dims(valid, -1)
    return ops.where(ops.logical_and(valid, ops.equal(ids, REFUSED)), float("nan"), factors)


def clip_by_norm(vectors: BackendTensor, max_norm: float) -> BackendTensor:
    """The vectors, scaled down to `max_norm` if they are longer; the gradient at zero vectors is finite."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    norms = ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1.0)), squares)
    return vectors * max_norm / ops.maximum(norms, max_norm)


def _scaled(vectors: BackendTensor, factors: BackendTensor) -> BackendTensor:
    scaled = vectors * factors
    # XLA does not gather what a select drops (25% less time); TensorFlow's select costs more than it saves.
    return ops.where(ops.not_equal(factors, 0), scaled, 0) if is_compiled() else scaled


def _gather(table: BackendTensor, ids: BackendTensor) -> BackendTensor:
    if keras.backend.backend() != "tensorflow":
        return ops.take(table, ids, axis=0)
    import tensorflow as tf

    # `ops.take` would check for negative ids, and read the whole variable.
    return tf.gather(table.value if isinstance(table, keras.Variable) else table, ids)
