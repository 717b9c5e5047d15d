"""Gaps in numbers that a layer is given raw, NaN in their place: filled as the job does. On every Keras backend."""

from dataclasses import replace

import keras
from keras import ops

from lengthwise.columns import NumericColumn
from lengthwise.layers.reading.dense_steps import DenseSteps
from lengthwise.layers.reading.number_dtypes import with_default


def without_gaps(steps: DenseSteps, column: NumericColumn) -> DenseSteps:
    """The steps `[B,S,elements]` with numbers in place of NaN, if the column says so."""
    numbers = steps.values
    if column.missing == "error" or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(numbers.dtype)):
        return steps
    observed = ops.logical_not(ops.isnan(numbers))
    if column.missing == "fill":
        return replace(steps, values=with_default(observed, numbers, column))
    # Sorted, the places of what was observed come first: the n-th of them is that of the n-th number.
    count = ops.shape(numbers)[1]
    place = ops.reshape(ops.arange(count, dtype="int32"), (1, -1, 1))
    places = ops.sort(ops.where(observed, place, place + count), axis=1)
    before = ops.cumsum(ops.cast(observed, "int32"), axis=1)  # how many up to here
    last = ops.take_along_axis(places, ops.maximum(before - 1, 0), axis=1)
    carried = ops.take_along_axis(numbers, ops.where(before > 0, last, 0), axis=1)
    return replace(steps, values=with_default(before > 0, carried, column))
