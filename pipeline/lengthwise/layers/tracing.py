"""What tracing means for our code: whether values are known, whether XLA compiles it, and no AutoGraph."""

from collections.abc import Callable
from typing import TypeVar

import keras

from lengthwise.layers.keras_types import BackendTensor

UnconvertedFunction = TypeVar("UnconvertedFunction", bound=Callable[..., object])


def unconverted(function: UnconvertedFunction) -> UnconvertedFunction:
    """The function, not converted by AutoGraph, which warns about new syntax. Our code branches on no tensor."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    converted: UnconvertedFunction = tf.autograph.experimental.do_not_convert(function)
    return converted


def is_known(tensor: BackendTensor) -> bool:
    """Whether the tensor has values. While a function is traced it has none."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.executing_eagerly())
    if keras.backend.backend() == "jax":
        import jax  # type: ignore[import-not-found, unused-ignore]

        return not isinstance(tensor, jax.core.Tracer)
    return not getattr(tensor, "is_meta", False)


def is_compiled() -> bool:
    """Whether the code being traced will be compiled by XLA, whose operations have other costs than TensorFlow's.

    True within a `tf.function(jit_compile=True)`, and always on JAX.
    """
    if keras.backend.backend() != "tensorflow":
        return bool(keras.backend.backend() == "jax")
    import tensorflow as tf
    from tensorflow.python.ops import control_flow_util

    if tf.executing_eagerly():
        return False
    return bool(control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))
