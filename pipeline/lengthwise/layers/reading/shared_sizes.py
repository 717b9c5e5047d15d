"""Sizes that tensors of a batch share. Where both are known they are compared at once, else when the batch is there."""

from collections.abc import Sequence
from typing import Any

import keras

from lengthwise.columns import IdColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_checks import PLACE, Checks


def require_one(what: str, sizes: Sequence[tuple[str, Any]], checks: Checks) -> None:
    """Demands that all have one size: nothing may be broadcast.

    Args:
        what: the axis.
        sizes: each tensor's name and its size, an int or, in a graph, a scalar tensor.
        checks: gets the comparison of those that are no ints.

    Raises:
        ConfigError: two ints differ.
    """
    known = [size for _, size in sizes if isinstance(size, int)]
    message = f"features: expected one {what}, received"
    if len(set(known)) > 1:
        shown = ", ".join(f"{size} in {name}" for name, size in sizes if isinstance(size, int))
        raise ConfigError(f"{message} {shown}")
    if len(known) == len(sizes) or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    stacked = tf.stack([size for _, size in sizes])
    checks.require(
        tf.equal(stacked[1:], stacked[0]), message, *(part for name, size in sizes for part in (size, f"in {name}"))
    )


def require_weights_fit(weights: Any, ids: Any, column: IdColumn, checks: Checks) -> None:
    """Demands that the weights have the shape of the ids."""
    shapes = tuple(ids.shape), tuple(weights.shape)
    message = f"feature {column.weight_key!r}: expected weights of the shape of {column.key!r}"
    if len(shapes[0]) != len(shapes[1]) or any(
        None not in (size, other) and size != other for size, other in zip(*shapes, strict=True)
    ):
        raise ConfigError(f"{message} {shapes[0]}, received {shapes[1]}")
    if None in shapes[0] + shapes[1] and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        wanted, given = tf.shape(ids), tf.shape(weights)
        checks.require(tf.equal(wanted, given), f"{message}; on axis", PLACE, "expected", wanted, "received", given)
