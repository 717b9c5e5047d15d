"""Dense input: `[B,T]` or `[B,T,K]`, padded on the right. Written in `keras.ops`: it runs on every Keras backend."""

import math
from typing import Any

import keras
from keras import ops

from lengthwise.columns import HashColumn, IdColumn, IdentityColumn, NumericColumn, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.dtypes import length_dtype
from lengthwise.layers.steps import Steps, group
from lengthwise.tensor import MISSING, REFUSED


def dense_numbers(values: Any, column: NumericColumn) -> Steps:
    """The steps of `[B,T]`, of `[B,T,*shape]`, or of `[B,N]` with `num_elements` consecutive values a step."""
    size = column.num_elements
    if len(values.shape) == 2:
        values = ops.expand_dims(values, -1) if size == 1 else group(values, size, column.default_value)
    else:
        require_elements(values.shape[2:], column)
        batch, count = ops.shape(values)[:2]
        values = ops.reshape(values, (batch, count, size))
    return Steps(values)


def dense_ids(values: Any, weights: Any, column: IdColumn, lookup: Any) -> Steps:
    """The steps of `[B,T]` or `[B,T,K]`; of `[B,N]` with `values_per_step` consecutive values, where that is not 1.

    On three axes -1, or the empty string, stands where a step has fewer than K values.
    """
    ids = ids_of(values, column, lookup)
    if len(ids.shape) == 3:
        absent = "" if keras.backend.standardize_dtype(values.dtype) == "string" else MISSING
        ids = ops.where(ops.equal(values, absent), MISSING, ids)
    if len(ids.shape) > 3:
        raise ConfigError(f"feature {column.key!r}: expected shape [batch, T] or [batch, T, K], received {ids.shape}")
    if weights is not None and len(weights.shape) != len(ids.shape):
        raise ConfigError(
            f"feature {column.weight_key!r}: expected weights of the shape of {column.key!r} {ids.shape}, "
            f"received {weights.shape}"
        )
    if len(ids.shape) == 2 and column.values_per_step > 1:
        ids = group(ids, column.values_per_step, MISSING)
        weights = None if weights is None else group(weights, column.values_per_step, 0)
    return Steps(ids, weights)


def ids_of(values: Any, column: IdColumn, lookup: Any) -> Any:
    """The ids of raw values: looked up, except for integers of a string column, which are ids already.

    Floats are cast to integers, as `keras.layers.Embedding` does: Keras gives them where an Input has no dtype, and
    where it builds a model that is loaded.

    Args:
        values: a tensor of any shape.
        column: says what the values are.
        lookup: the `lengthwise.tensor.lookup.IdLookup` of the column; None where the backend has none.
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    if "float" in dtype:
        values, dtype = ops.cast(values, length_dtype()), length_dtype()
    is_integer = "int" in dtype
    if isinstance(column, IdentityColumn) and is_integer:
        return _by_policy(values, column)
    if isinstance(column, HashColumn | VocabularyColumn) and column.dtype == "string" and is_integer:
        return ops.where(values < MISSING, REFUSED, ops.where(values < column.num_buckets, values, REFUSED))
    if lookup is None:
        raise ConfigError(
            f"feature {column.key!r}: expected ids, received raw values of dtype {dtype}, whose look-up needs "
            f"TensorFlow (Keras runs on {keras.backend.backend()!r}); feed prepared data to the columns "
            "lengthwise.looked_up(columns)"
        )
    return lookup(values)


def require_elements(shape: tuple[int | None, ...], column: NumericColumn) -> None:
    """Raises ConfigError where the values of a step are known not to be of the column's shape."""
    if None not in shape and math.prod(size or 0 for size in shape) != column.num_elements:
        raise ConfigError(
            f"feature {column.key!r}: expected steps of shape {column.shape}, as its column says, received "
            f"{tuple(shape)}; correct the column's shape or reshape the feature"
        )


def _by_policy(values: Any, column: IdentityColumn) -> Any:
    if column.oov == "zero":
        return values  # the embedding takes whatever is no id for none
    outside = REFUSED if column.oov == "error" else column.default_value
    return ops.where(ops.logical_and(values >= 0, values < column.num_buckets), values, outside)
