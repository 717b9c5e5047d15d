"""Context features next to every step of a sequence."""

from typing import Any

import keras
from keras import ops

from lengthwise.errors import ConfigError, ConfigTypeError
from lengthwise.layers.keras_types import BackendTensor, KerasConfig, StaticShape
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.batch_inputs import mask_of_lengths
from lengthwise.layers.reading.batch_lengths import flat_lengths
from lengthwise.layers.tracing import unconverted
from lengthwise.padding_side import Padding, checked_padding


@unconverted
def concatenate_context_input(
    context_input: BackendTensor,
    sequence_input: BackendTensor,
    sequence_length: BackendTensor | None = None,
    *,
    padding: Padding = "right",
) -> BackendTensor:
    """Repeats the context along the T axis and concatenates it to the sequence input, after its vectors.

    Args:
        context_input: float `[batch, C]`.
        sequence_input: float `[batch, T, D]`, of the same dtype.
        sequence_length: integers `[batch]`: the context is zero on padding. None: the context is on the padding too,
            as in TensorFlow's function.
        padding: the side of a sequence on which its padding is.

    Returns:
        `[batch, T, D + C]`, with the mask of `sequence_input` if it has one.

    Raises:
        ConfigError: a ValueError; ranks are not as described.
        ConfigTypeError: a ValueError and a TypeError; dtypes are not as described.

    Example:
    >>> import keras, lengthwise as lw
    >>> steps = keras.ops.ones((2, 3, 1))
    >>> context = keras.ops.array([[5.0], [7.0]])
    >>> lw.concatenate_context_input(context, steps, keras.ops.array([3, 1])).numpy()[1].tolist()
    [[1.0, 7.0], [1.0, 0.0], [1.0, 0.0]]
    """
    return ConcatenateContext(padding)(sequence_input, context_input, sequence_length)


@keras.saving.register_keras_serializable(package="lengthwise")
class ConcatenateContext(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """`concatenate_context_input` as a layer, for models that are saved.

    Args:
        padding: the side of a sequence on which its padding is.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        sequence_input: float `[batch, T, D]`; its mask is passed on to the output.
        context_input: float `[batch, C]`.
        sequence_length: integers `[batch]`, or None.

    Input shape:
        `[batch, T, D]`, `[batch, C]` and `[batch]`.

    Output shape:
        `[batch, T, D + C]`.

    Example:
    >>> import keras
    >>> from lengthwise.layers import ConcatenateContext
    >>> steps, context = keras.Input((None, 4)), keras.Input((2,))
    >>> ConcatenateContext()(steps, context).shape
    (None, None, 6)
    """

    def __init__(self, padding: Padding = "right", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.padding = checked_padding(padding)
        self.supports_masking = True

    def call(
        self, sequence_input: BackendTensor, context_input: BackendTensor, sequence_length: BackendTensor | None = None
    ) -> BackendTensor:
        _require_shapes_and_dtypes(sequence_input, context_input)
        if sequence_length is None:
            return join_context(sequence_input, context_input)
        checks = Checks()
        count = ops.shape(sequence_input)[1]
        valid = mask_of_lengths(flat_lengths(sequence_length, checks), count, self.padding)
        (joined,) = checks.attach(join_context(sequence_input, context_input, valid))
        return joined

    def compute_output_spec(
        self, sequence_input: BackendTensor, context_input: BackendTensor, sequence_length: BackendTensor | None = None
    ) -> keras.KerasTensor:
        del sequence_length
        _require_shapes_and_dtypes(sequence_input, context_input)
        return keras.KerasTensor(_joined_shape(sequence_input.shape, context_input.shape), dtype=sequence_input.dtype)

    def compute_output_shape(
        self,
        sequence_input_shape: StaticShape,
        context_input_shape: StaticShape,
        sequence_length_shape: StaticShape | None = None,
    ) -> tuple[int | None, ...]:
        del sequence_length_shape
        return _joined_shape(sequence_input_shape, context_input_shape)

    def get_config(self) -> KerasConfig:
        """The configuration."""
        return {**super().get_config(), "padding": self.padding}


def join_context(steps: BackendTensor, context: BackendTensor, valid: BackendTensor | None = None) -> BackendTensor:
    """`[B,T,D]` and `[B,C]` to `[B,T,D+C]`; the context is zero where `valid` `[B,T]`, if given, is false."""
    batch, count = ops.shape(steps)[:2]
    context = ops.broadcast_to(ops.expand_dims(context, 1), (batch, count, ops.shape(context)[1]))
    if valid is not None:
        context = ops.where(ops.expand_dims(valid, -1), context, 0)
    return ops.concatenate([steps, context], axis=-1)


def _joined_shape(sequence_shape: StaticShape, context_shape: StaticShape) -> tuple[int | None, ...]:
    batch, count, steps = tuple(sequence_shape)
    context = tuple(context_shape)[1]
    return batch, count, None if steps is None or context is None else steps + context


def _require_shapes_and_dtypes(steps: BackendTensor, context: BackendTensor) -> None:
    for value, rank, name in ((steps, 3, "sequence_input"), (context, 2, "context_input")):
        if len(value.shape) != rank:
            raise ConfigError(f"{name}: expected rank {rank}, received shape {tuple(value.shape)}")
    dtype, context_dtype = (keras.backend.standardize_dtype(value.dtype) for value in (steps, context))
    if dtype != context_dtype or "float" not in dtype:
        raise ConfigTypeError(
            "concatenate_context_input: expected inputs of one float dtype, received context_input "
            f"{context_dtype} and sequence_input {dtype}; cast one of them"
        )
