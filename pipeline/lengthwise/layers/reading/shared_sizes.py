"""Sizes that tensors of a batch must share. Known sizes are compared at once, others when the batch is there."""

from collections.abc import Sequence

import keras

from lengthwise.columns import IdColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, Size
from lengthwise.layers.reading.batch_checks import FIRST_FAILURE, Checks, MessagePart


def require_equal_sizes(axis: str, sizes: Sequence[tuple[str, Size]], checks: Checks) -> None:
    """Requires that all tensors have one size on an axis: nothing may be broadcast.

    Args:
        axis: the axis, for the message.
        sizes: each tensor's name and its size, an int or, in a graph, a scalar tensor.
        checks: receives the comparison of sizes that are not ints.

    Raises:
        ConfigError: two ints differ.
    """
    known = [size for _, size in sizes if isinstance(size, int)]
    message = f"features: expected one {axis}, received"
    if len(set(known)) > 1:
        shown = ", ".join(f"{size} in {name}" for name, size in sizes if isinstance(size, int))
        raise ConfigError(f"{message} {shown}")
    if len(known) == len(sizes) or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    stacked = tf.stack([size for _, size in sizes])
    received: list[MessagePart] = []
    for name, size in sizes:
        received += [size, f"in {name}"]
    checks.require(tf.equal(stacked[1:], stacked[0]), message, *received)


def require_weights_fit(weights: BackendTensor, ids: BackendTensor, column: IdColumn, checks: Checks) -> None:
    """Requires that the weights have the shape of the ids."""
    shape, weights_shape = tuple(ids.shape), tuple(weights.shape)
    message = f"feature {column.weight_key!r}: expected weights of the shape of {column.key!r}"
    if len(shape) != len(weights_shape) or any(map(_differ, shape, weights_shape)):
        raise ConfigError(f"{message} {shape}, received {weights_shape}")
    if None in shape + weights_shape and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        expected, received = tf.shape(ids), tf.shape(weights)
        checks.require(
            tf.equal(expected, received),
            f"{message}; on axis",
            *(FIRST_FAILURE, "expected", expected, "received", received),
        )


def _differ(size: int | None, other: int | None) -> bool:
    return size is not None and other is not None and size != other
