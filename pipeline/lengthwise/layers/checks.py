"""Conditions on a batch's data, checked by the means of each backend.

TensorFlow: an assertion on which both outputs depend, so that also a `tf.Graph` that fetches one of them runs it. JAX
and PyTorch: an exception, where the values are known. Compiled code (XLA, `jax.jit`) cannot raise: there ids that a
column refuses give NaN vectors instead, see `embed`.
"""

from typing import Any

import keras


class Checks:
    """Collects the conditions while a batch is built, and ties them to its outputs."""

    def __init__(self) -> None:
        self._assertions: list[Any] = []

    def require(self, holds: Any, *message: Any) -> None:
        """Demands that every element of the boolean tensor `holds` is true.

        Args:
            holds: a boolean tensor, `[batch]` or any other shape.
            *message: strings and integer tensors; a tensor of the shape of `holds` is shown at the first place where
                the condition fails. `ROW` stands for the first index of that place.
        """
        if keras.backend.backend() == "tensorflow":
            self._assertions.append(_tensorflow_assertion(holds, message))
        elif _is_known(holds) and not bool(keras.ops.all(holds)):
            place = _first_false(keras.ops.convert_to_numpy(holds))
            raise ValueError(" ".join(str(_at(part, place)) for part in message))

    def attach(self, *tensors: Any) -> tuple[Any, ...]:
        """The tensors, to be had only if all conditions hold."""
        assertions = [assertion for assertion in self._assertions if assertion is not None]
        if not assertions:
            return tensors
        import tensorflow as tf

        with tf.control_dependencies(assertions):
            return tuple(tf.identity(tensor) for tensor in tensors)


class _Row:
    """Stands in a message for the row of the first failure."""


ROW = _Row()


def _tensorflow_assertion(holds: Any, message: tuple[Any, ...]) -> Any:
    import tensorflow as tf

    flat = tf.reshape(holds, [-1])
    # One more element, so that an empty batch has a place too.
    place = tf.argmax(tf.concat([tf.logical_not(flat), [False]], 0), output_type=tf.int32)
    row_size = tf.maximum(tf.size(holds) // tf.maximum(tf.shape(holds)[0], 1), 1)

    def at(part: Any) -> Any:
        if isinstance(part, str):
            return part
        if isinstance(part, _Row):
            return place // row_size
        return tf.cast(tf.reshape(part, [-1])[place : place + 1], tf.int32)

    # Strings and int32 only: with them Assert is one op, which XLA leaves out, instead of a conditional.
    return tf.debugging.Assert(tf.reduce_all(flat), [at(part) for part in message])


def _is_known(tensor: Any) -> bool:
    if keras.backend.backend() == "jax":
        import jax  # type: ignore[import-not-found, unused-ignore]

        return not isinstance(tensor, jax.core.Tracer)
    return not getattr(tensor, "is_meta", False)


def _first_false(holds: Any) -> tuple[int, ...]:
    import numpy as np

    return tuple(int(axis[0]) for axis in np.nonzero(~holds))


def _at(part: Any, place: tuple[int, ...]) -> Any:
    if isinstance(part, str):
        return part
    return place[0] if isinstance(part, _Row) else int(part[place])
