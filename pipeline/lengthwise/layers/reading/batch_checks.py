"""Conditions on a batch's data, checked by the means of each backend.

TensorFlow: an assertion on which both outputs depend, so that also a `tf.Graph` that fetches one of them runs it. JAX
and PyTorch: an exception, where the values are known. Compiled code (XLA, `jax.jit`) cannot raise: there ids that a
column refuses give NaN vectors instead, see `embed`.
"""

from typing import Any

import keras
import numpy as np


class _Place:
    """Stands in a message for the index of the first failure."""


PLACE = _Place()


class Checks:
    """Collects the conditions while a batch is read, and ties them to its outputs."""

    def __init__(self) -> None:
        self._conditions: list[tuple[Any, tuple[Any, ...]]] = []
        self._assertions: list[Any] = []

    def require(self, holds: Any, *message: Any) -> None:
        """Demands that every element of `holds` is true.

        Args:
            holds: a boolean tensor of rank 1, such as one element a row, or a function that gives it.
            *message: strings, PLACE, integers, and integer tensors: scalars, or of the size of `holds`, of which the
                element at the first failure is shown.
        """
        self._conditions.append((holds() if callable(holds) else holds, message))

    def run(self) -> None:
        """Checks now, or in a graph makes the assertions, so that later operations need not expect such data."""
        conditions, self._conditions = self._conditions, []
        for holds, message in conditions:
            if keras.backend.backend() != "tensorflow":
                _raise_unless(holds, message)
            elif (assertion := _assertion(holds, message)) is not None:  # None: it holds, in eager code
                self._assertions.append(assertion)

    def attach(self, *tensors: Any) -> tuple[Any, ...]:
        """The tensors, to be had only if all conditions hold."""
        self.run()
        if not self._assertions:
            return tensors
        import tensorflow as tf

        with tf.control_dependencies(self._assertions):
            return tuple(tf.identity(tensor) for tensor in tensors)


class NoChecks(Checks):
    """Drops the conditions, for code that another call has checked already."""

    def require(self, holds: Any, *message: Any) -> None:
        del holds, message


def is_known(tensor: Any) -> bool:
    """Whether the tensor has values, which it has not while a function is traced."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.executing_eagerly())
    if keras.backend.backend() == "jax":
        import jax  # type: ignore[import-not-found, unused-ignore]

        return not isinstance(tensor, jax.core.Tracer)
    return not getattr(tensor, "is_meta", False)


def _assertion(holds: Any, message: tuple[Any, ...]) -> Any:
    import tensorflow as tf

    # One more element, so that an empty batch has a place too.
    place = tf.argmax(tf.concat([tf.logical_not(holds), [False]], 0), output_type=tf.int32)

    def at(part: Any) -> Any:
        if isinstance(part, str | int):
            return str(part)
        if isinstance(part, _Place):
            return place
        return tf.cast(part[place : place + 1] if part.shape.rank else part, tf.int32)

    # Strings and int32 only: with them Assert is one op, which XLA leaves out, instead of a conditional.
    return tf.debugging.Assert(tf.reduce_all(holds), [at(part) for part in message])


def _raise_unless(holds: Any, message: tuple[Any, ...]) -> None:
    if not is_known(holds) or bool(keras.ops.all(holds)):
        return
    place = int(np.argmin(keras.ops.convert_to_numpy(holds)))
    shown = (part if isinstance(part, str) else place if part is PLACE else int(part[place]) for part in message)
    raise ValueError(" ".join(map(str, shown)))
