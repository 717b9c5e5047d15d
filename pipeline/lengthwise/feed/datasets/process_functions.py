"""Python functions for datasets that other processes may run: registered under one name in each process.

`tf.numpy_function` numbers functions in the order of their creation, which differs between processes.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow.python.ops import script_ops

from lengthwise.tensor.tensor_types import DType, Tensor, TensorLike


class ProcessFunction:
    """A function that workers of a tf.data service can call if they were started by `lengthwise serve worker`."""

    def __init__(self, name: str, function: Callable[..., list[bytes] | list[int]], result: Sequence[DType]) -> None:
        """Registers the function in this process.

        Args:
            name: TensorFlow's only message in a process where the function is not registered: describes what to do.
            function: from bytes and numbers to a list as long as `result`.
            result: the dtypes of its results, each a scalar.
        """
        self._name = name
        self._result = list(result)
        # The registry of `numpy_function` holds weak references; this is the strong one.
        self._function = function
        script_ops._py_funcs._funcs[name] = function

    def __call__(self, *values: TensorLike) -> list[Tensor]:
        """The op that calls the function."""
        results = tf.raw_ops.PyFunc(input=list(values), token=self._name, Tout=self._result)
        return [tf.reshape(result, []) for result in results]
