"""Conditions on a batch's data, checked by the means of each backend.

TensorFlow: an assertion on which both outputs depend, so that a `tf.Graph` that fetches only one of them runs it too.
JAX and PyTorch: an exception, if the values are known. Compiled code (XLA, `jax.jit`) cannot raise: there ids that a
column refuses become NaN vectors instead, see `vectors/embedding_vectors`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np

from lengthwise.layers.keras_types import BackendTensor
from lengthwise.layers.tracing import is_known

if TYPE_CHECKING:
    import tensorflow as tf


class _FirstFailure:
    """Represents, in a message, the index of the first element that fails."""


FIRST_FAILURE = _FirstFailure()

MessagePart = str | int | _FirstFailure | BackendTensor


class Checks:
    """Collects the conditions while a batch is read, and ties them to its outputs."""

    def __init__(self) -> None:
        self._conditions: list[tuple[BackendTensor, tuple[MessagePart, ...]]] = []
        self._assertions: list[tf.Operation] = []

    def require(self, holds: BackendTensor | Callable[[], BackendTensor], *message: MessagePart) -> None:
        """Requires that every element of `holds` is true.

        Args:
            holds: a boolean tensor of rank 1, such as one element per row, or a function that returns it.
            *message: strings, FIRST_FAILURE, integers, and integer tensors: scalars, or tensors of the size of
                `holds`, whose element at the first failure is shown.
        """
        self._conditions.append((holds() if callable(holds) else holds, message))

    def check_now(self) -> None:
        """Checks now, or in a graph creates the assertions, so that later operations can rely on the conditions."""
        conditions, self._conditions = self._conditions, []
        for holds, message in conditions:
            if keras.backend.backend() != "tensorflow":
                _raise_unless(holds, message)
            elif (assertion := _assertion(holds, message)) is not None:  # None: it holds, in eager code
                self._assertions.append(assertion)

    def attach(self, *tensors: BackendTensor) -> tuple[BackendTensor, ...]:
        """The tensors, available only if all conditions hold."""
        self.check_now()
        if not self._assertions:
            return tensors
        import tensorflow as tf

        with tf.control_dependencies(self._assertions):
            return tuple(tf.identity(tensor) for tensor in tensors)


class NoChecks(Checks):
    """Drops the conditions, for code whose conditions another call has already checked."""

    def require(self, holds: BackendTensor | Callable[[], BackendTensor], *message: MessagePart) -> None:
        del holds, message


def _assertion(holds: BackendTensor, message: tuple[MessagePart, ...]) -> "tf.Operation | None":
    import tensorflow as tf

    # One more element, so that an empty batch has a position too.
    position = tf.argmax(tf.concat([tf.logical_not(holds), [False]], 0), output_type=tf.int32)

    def shown(part: MessagePart) -> str | BackendTensor:
        if isinstance(part, str | int):
            return str(part)
        if isinstance(part, _FirstFailure):
            return position
        return tf.cast(part[position : position + 1] if part.shape.rank else part, tf.int32)

    # Strings and int32 only: with them Assert is one op, which XLA removes, instead of a conditional.
    return tf.debugging.Assert(tf.reduce_all(holds), [shown(part) for part in message])


def _raise_unless(holds: BackendTensor, message: tuple[MessagePart, ...]) -> None:
    if not is_known(holds) or bool(keras.ops.all(holds)):
        return
    position = int(np.argmin(keras.ops.convert_to_numpy(holds)))

    def shown(part: MessagePart) -> str | int:
        if isinstance(part, str | int):
            return part
        return position if isinstance(part, _FirstFailure) else int(part[position])

    raise ValueError(" ".join(str(shown(part)) for part in message))
