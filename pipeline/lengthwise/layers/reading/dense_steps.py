"""One feature of a batch in dense form: the common result of the readers of dense, sparse and ragged input."""

from dataclasses import dataclass, replace

import keras
from keras import ops

from lengthwise.layers.keras_types import BackendTensor, Size
from lengthwise.padding_side import positions_from_right


@dataclass(frozen=True)
class DenseSteps:
    """A feature's values by step.

    Attributes:
        values: numbers `[B,S,elements]`, or ids `[B,S]` (one per step) or `[B,S,K]`, negative for none.
        weights: of the shape of the ids; None for equal weights.
        present: bool, of the shape of the numbers: false where the input had no value; None if it is not known.
        is_padded: whether numbers are already default_value where the input had no value.
    """

    values: BackendTensor
    weights: BackendTensor | None = None
    present: BackendTensor | None = None
    is_padded: bool = False


def split_into_steps(values: BackendTensor, size: int, fill: float) -> BackendTensor:
    """`[B,N]` to `[B, ceil(N / size), size]`: each step is `size` consecutive values, the last one padded."""
    batch, width = ops.shape(values)[:2]
    count = -(-width // size)
    padded = values if isinstance(width, int) and width % size == 0 else pad_steps(values, count * size, fill)
    return ops.reshape(padded, (batch, count, size))


def pad_steps(values: BackendTensor, size: Size, fill: float) -> BackendTensor:
    """Axis 1 padded to `size` with `fill`, a number that the values' dtype holds."""
    widths = [[0, 0], [0, size - ops.shape(values)[1]], *[[0, 0]] * (len(values.shape) - 2)]
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype)):
        fill = float(fill)  # backends accept a fill of the values' own kind only
    return ops.pad(values, widths, constant_values=fill)


def cut_or_pad(values: BackendTensor, size: Size, fill: float) -> BackendTensor:
    """Axis 1 cut or padded to `size` with `fill`."""
    return pad_steps(values[:, :size], size, fill)


def with_left_padding(steps: DenseSteps, lengths: BackendTensor) -> DenseSteps:
    """The steps, padded on the right, with the same padding on the left."""
    count = ops.shape(steps.values)[1]
    positions = ops.expand_dims(ops.arange(count, dtype=lengths.dtype), 0)
    positions = positions_from_right(positions, ops.expand_dims(lengths, 1), ops.cast(count, lengths.dtype))

    def moved(values: BackendTensor) -> BackendTensor:
        indices = ops.reshape(positions, (*ops.shape(positions), *[1] * (len(values.shape) - 2)))
        return ops.take_along_axis(values, ops.broadcast_to(indices, ops.shape(values)), axis=1)

    return replace(
        steps,
        values=moved(steps.values),
        weights=None if steps.weights is None else moved(steps.weights),
        present=None if steps.present is None else moved(steps.present),
    )
