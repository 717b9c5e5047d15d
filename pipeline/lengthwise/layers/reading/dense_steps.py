"""One feature of a batch, dense: what the readers of dense, sparse and ragged input all give."""

from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

from lengthwise.padding_side import places_from_right


@dataclass(frozen=True)
class DenseSteps:
    """A feature's values by step.

    Attributes:
        values: numbers `[B,S,elements]`, or ids `[B,S]` (one a step) or `[B,S,K]`, negative where there is none.
        weights: of the shape of the ids; None for equal weights.
        present: bool, of the shape of the numbers: false where the input held nothing; None where it is not known.
        is_padded: whether numbers are default_value already where the input held nothing.
    """

    values: Any
    weights: Any = None
    present: Any = None
    is_padded: bool = False


def group(values: Any, size: int, fill: Any) -> Any:
    """`[B,N]` to `[B, ceil(N / size), size]`: each step is `size` consecutive values, the last one filled up."""
    batch, width = ops.shape(values)[:2]
    count = -(-width // size)
    padded = values if isinstance(width, int) and width % size == 0 else pad_to(values, count * size, fill)
    return ops.reshape(padded, (batch, count, size))


def pad_to(values: Any, size: Any, fill: Any) -> Any:
    """Axis 1 lengthened to `size` with `fill`, a number that the values' dtype holds."""
    widths = [[0, 0], [0, size - ops.shape(values)[1]], *[[0, 0]] * (len(values.shape) - 2)]
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype)):
        fill = float(fill)  # backends take a fill of the values' own kind only
    return ops.pad(values, widths, constant_values=fill)


def fit(values: Any, size: Any, fill: Any) -> Any:
    """Axis 1 cut or lengthened to `size` with `fill`; None stays None."""
    return None if values is None else pad_to(values[:, :size], size, fill)


def to_left(steps: DenseSteps, lengths: Any) -> DenseSteps:
    """The steps, padded on the right, with the same padding on the left."""
    count = ops.shape(steps.values)[1]
    places = ops.expand_dims(ops.arange(count, dtype=lengths.dtype), 0)
    places = places_from_right(places, ops.expand_dims(lengths, 1), ops.cast(count, lengths.dtype))

    def moved(values: Any) -> Any:
        if values is None:
            return None
        wide = ops.reshape(places, (*ops.shape(places), *[1] * (len(values.shape) - 2)))
        return ops.take_along_axis(values, ops.broadcast_to(wide, ops.shape(values)), axis=1)

    return replace(steps, values=moved(steps.values), weights=moved(steps.weights), present=moved(steps.present))
