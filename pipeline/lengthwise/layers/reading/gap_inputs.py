"""Gaps in raw numbers that a layer receives as NaN, filled as in the job. On every Keras backend."""

from dataclasses import replace

import keras
from keras import ops

from lengthwise.columns import NumericColumn
from lengthwise.layers.reading.dense_steps import DenseSteps
from lengthwise.layers.reading.number_dtypes import with_default


def without_gaps(steps: DenseSteps, column: NumericColumn) -> DenseSteps:
    """The steps `[B,S,elements]` with numbers in place of NaN, by the column's policy `missing`."""
    numbers = steps.values
    if column.missing == "error" or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(numbers.dtype)):
        return steps
    observed = ops.logical_not(ops.isnan(numbers))
    if column.missing == "fill":
        return replace(steps, values=with_default(observed, numbers, column))
    # Sorted, the positions of observed numbers come first: the n-th of them is that of the n-th number.
    count = ops.shape(numbers)[1]
    indices = ops.reshape(ops.arange(count, dtype="int32"), (1, -1, 1))
    positions = ops.sort(ops.where(observed, indices, indices + count), axis=1)
    num_observed = ops.cumsum(ops.cast(observed, "int32"), axis=1)  # up to each step
    last = ops.take_along_axis(positions, ops.maximum(num_observed - 1, 0), axis=1)
    carried = ops.take_along_axis(numbers, ops.where(num_observed > 0, last, 0), axis=1)
    return replace(steps, values=with_default(num_observed > 0, carried, column))
