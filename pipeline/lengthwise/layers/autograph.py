"""Our functions as they are written inside of a `tf.function`."""

from collections.abc import Callable
from typing import TypeVar

import keras

Function = TypeVar("Function", bound=Callable[..., object])


def unconverted(function: Function) -> Function:
    """Keeps AutoGraph away: our code branches on no tensor, and AutoGraph warns of syntax that it does not know."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    converted: Function = tf.autograph.experimental.do_not_convert(function)
    return converted
