"""Dense input: `[B,T]` or `[B,T,K]`. Written in `keras.ops`: it runs on every Keras backend."""

import math
from typing import TYPE_CHECKING

import keras
from keras import ops

from lengthwise.columns import IdColumn, NumericColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, StaticShape
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.dense_steps import DenseSteps, split_into_steps
from lengthwise.layers.reading.id_inputs import raw_to_ids
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.layers.reading.shared_sizes import require_weights_fit
from lengthwise.tensor import MISSING

if TYPE_CHECKING:
    from lengthwise.tensor.tensor_lookup import IdLookup


def dense_numbers(values: BackendTensor, column: NumericColumn) -> DenseSteps:
    """The steps of `[B,T]`, of `[B,T,*shape]`, or of `[B,N]` with `num_elements` consecutive values per step."""
    size = column.num_elements
    if len(values.shape) > 2:
        require_step_shape(values.shape[2:], column)
        batch, count = ops.shape(values)[:2]
        return DenseSteps(ops.reshape(values, (batch, count, size)))
    if size == 1:
        return DenseSteps(ops.expand_dims(values, -1))
    fill = exact_default(column, keras.backend.standardize_dtype(values.dtype))
    present = None
    if fill is None or column.normalizer_fn is not None:  # the input may lack numbers of a last step
        present = split_into_steps(ops.ones_like(values, dtype="bool"), size, False)
    return DenseSteps(split_into_steps(values, size, fill or 0), present=present)


def dense_ids(
    values: BackendTensor, weights: BackendTensor | None, column: IdColumn, lookup: "IdLookup | None", checks: Checks
) -> DenseSteps:
    """The steps of `[B,T]` or `[B,T,K]`; of `[B,N]` with `values_per_step` consecutive values, if that is not 1.

    On three axes -1, or the empty string, fills steps with fewer than K values.
    """
    if len(values.shape) > 3:
        raise ConfigError(
            f"feature {column.key!r}: expected shape [batch, T] or [batch, T, K], received {values.shape}"
        )
    ids = raw_to_ids(values, column, lookup, checks, has_slots=len(values.shape) == 3)
    if weights is not None:
        require_weights_fit(weights, ids, column, checks)
    return id_steps(ids, weights, column)


def id_steps(ids: BackendTensor, weights: BackendTensor | None, column: IdColumn) -> DenseSteps:
    """The steps of padded ids; `[B,N]` is cut into steps of `values_per_step` values."""
    size = column.values_per_step
    if len(ids.shape) == 2 and size > 1:
        ids = split_into_steps(ids, size, MISSING)
        weights = None if weights is None else split_into_steps(weights, size, 0)
    return DenseSteps(ids, weights)


def require_step_shape(shape: StaticShape, column: NumericColumn) -> None:
    """Raises ConfigError if the values of a step are known not to be of the column's shape."""
    if None not in shape and math.prod(size or 0 for size in shape) != column.num_elements:
        raise ConfigError(
            f"feature {column.key!r}: expected steps of shape {column.shape}, as in its column, received "
            f"{tuple(shape)}; correct the column's shape or reshape the feature"
        )
