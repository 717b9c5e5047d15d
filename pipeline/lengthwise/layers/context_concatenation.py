"""Context features beside every step of a sequence."""

from typing import Any

import keras
from keras import ops

from lengthwise.errors import ConfigError, ConfigTypeError
from lengthwise.layers.autograph import unconverted
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.batch_inputs import step_mask
from lengthwise.layers.reading.batch_lengths import flat_lengths
from lengthwise.padding_side import Padding, checked_padding


@unconverted
def concatenate_context_input(
    context_input: Any, sequence_input: Any, sequence_length: Any = None, *, padding: Padding = "right"
) -> Any:
    """Repeats the context along the T axis and joins it to the right of the sequence input.

    Args:
        context_input: float `[batch, C]`.
        sequence_input: float `[batch, T, D]`, of the same dtype.
        sequence_length: integers `[batch]`: the context is zero on padding. None: it fills the padding too, as
            TensorFlow's function did.
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
        sequence_input: float `[batch, T, D]`; its mask is handed on to the output.
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

    def call(self, sequence_input: Any, context_input: Any, sequence_length: Any = None) -> Any:
        _require(sequence_input, context_input)
        if sequence_length is None:
            return join_context(sequence_input, context_input)
        checks = Checks()
        valid = step_mask(flat_lengths(sequence_length, checks), ops.shape(sequence_input)[1], self.padding)
        (joined,) = checks.attach(join_context(sequence_input, context_input, valid))
        return joined

    def compute_output_spec(self, sequence_input: Any, context_input: Any, sequence_length: Any = None) -> Any:
        del sequence_length
        _require(sequence_input, context_input)
        return keras.KerasTensor(_joined(sequence_input.shape, context_input.shape), dtype=sequence_input.dtype)

    def compute_output_shape(
        self, sequence_input_shape: Any, context_input_shape: Any, sequence_length_shape: Any = None
    ) -> tuple[int | None, ...]:
        del sequence_length_shape
        return _joined(tuple(sequence_input_shape), tuple(context_input_shape))

    def get_config(self) -> dict[str, Any]:
        """The configuration."""
        return {**super().get_config(), "padding": self.padding}


def _joined(sequence_shape: tuple[int | None, ...], context_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    batch, count, steps = sequence_shape
    context = context_shape[1]
    return batch, count, None if steps is None or context is None else steps + context


def join_context(steps: Any, context: Any, valid: Any = None) -> Any:
    """`[B,T,D]` and `[B,C]` to `[B,T,D+C]`; the context is zero where `valid` `[B,T]`, if given, is false."""
    batch, count = ops.shape(steps)[:2]
    context = ops.broadcast_to(ops.expand_dims(context, 1), (batch, count, ops.shape(context)[1]))
    if valid is not None:
        context = ops.where(ops.expand_dims(valid, -1), context, 0)
    return ops.concatenate([steps, context], axis=-1)


def _require(steps: Any, context: Any) -> None:
    for value, rank, name in ((steps, 3, "sequence_input"), (context, 2, "context_input")):
        if len(value.shape) != rank:
            raise ConfigError(f"{name}: expected rank {rank}, received shape {tuple(value.shape)}")
    dtypes = [keras.backend.standardize_dtype(value.dtype) for value in (context, steps)]
    if dtypes[0] != dtypes[1] or "float" not in dtypes[0]:
        raise ConfigTypeError(
            "concatenate_context_input: expected inputs of one float dtype, received context_input "
            f"{dtypes[0]} and sequence_input {dtypes[1]}; cast one of them"
        )
