"""Python functions for datasets that other processes may run: known by one name in each process that imports them.

`tf.numpy_function` numbers functions in the order of their making, which is another in each process.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import script_ops


class ProcessFunction:
    """A function that the workers of a tf.data service know, if they were started by `lengthwise serve worker`."""

    def __init__(self, name: str, function: Callable[..., list[Any]], result: Sequence[Any]) -> None:
        """Makes it known in this process.

        Args:
            name: all that TensorFlow says in a process that does not know the function: what to do about it.
            function: from bytes and numbers to as many of them as `result` has.
            result: the dtypes of what it returns, each a scalar.
        """
        self._name = name
        self._result = list(result)
        # The registry beneath `numpy_function` holds weak references: this one is the strong one.
        self._function = function
        script_ops._py_funcs._funcs[name] = function

    def __call__(self, *values: Any) -> list[Any]:
        """The op that calls it."""
        found = tf.raw_ops.PyFunc(input=list(values), token=self._name, Tout=self._result)
        return [tf.reshape(one, []) for one in found]
