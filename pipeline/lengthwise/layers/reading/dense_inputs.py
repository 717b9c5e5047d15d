"""Dense input: `[B,T]` or `[B,T,K]`, padded on the right. Written in `keras.ops`: it runs on every Keras backend."""

import math
from typing import Any

import keras
from keras import ops

from lengthwise.columns import IdColumn, NumericColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.dense_steps import DenseSteps, group
from lengthwise.layers.reading.id_inputs import ids_of
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.layers.reading.shared_sizes import require_weights_fit
from lengthwise.tensor import MISSING


def dense_numbers(values: Any, column: NumericColumn) -> DenseSteps:
    """The steps of `[B,T]`, of `[B,T,*shape]`, or of `[B,N]` with `num_elements` consecutive values a step."""
    size = column.num_elements
    if len(values.shape) > 2:
        require_elements(values.shape[2:], column)
        batch, count = ops.shape(values)[:2]
        return DenseSteps(ops.reshape(values, (batch, count, size)))
    if size == 1:
        return DenseSteps(ops.expand_dims(values, -1))
    fill = exact_default(column, keras.backend.standardize_dtype(values.dtype))
    present = None
    if fill is None or column.normalizer_fn is not None:  # of a last step, the numbers that the input lacks
        present = group(ops.ones_like(values, dtype="bool"), size, False)
    return DenseSteps(group(values, size, fill or 0), present=present)


def dense_ids(values: Any, weights: Any, column: IdColumn, lookup: Any, checks: Checks) -> DenseSteps:
    """The steps of `[B,T]` or `[B,T,K]`; of `[B,N]` with `values_per_step` consecutive values, where that is not 1.

    On three axes -1, or the empty string, stands where a step has fewer than K values.
    """
    if len(values.shape) > 3:
        raise ConfigError(
            f"feature {column.key!r}: expected shape [batch, T] or [batch, T, K], received {values.shape}"
        )
    ids = ids_of(values, column, lookup, checks, has_slots=len(values.shape) == 3)
    if weights is not None:
        require_weights_fit(weights, ids, column, checks)
    if len(ids.shape) == 2 and column.values_per_step > 1:
        ids = group(ids, column.values_per_step, MISSING)
        weights = None if weights is None else group(weights, column.values_per_step, 0)
    return DenseSteps(ids, weights)


def require_elements(shape: tuple[int | None, ...], column: NumericColumn) -> None:
    """Raises ConfigError where the values of a step are known not to be of the column's shape."""
    if None not in shape and math.prod(size or 0 for size in shape) != column.num_elements:
        raise ConfigError(
            f"feature {column.key!r}: expected steps of shape {column.shape}, as its column says, received "
            f"{tuple(shape)}; correct the column's shape or reshape the feature"
        )
