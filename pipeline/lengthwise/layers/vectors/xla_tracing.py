"""Whether the code being traced will be compiled by XLA, to which other operations are cheap than to TensorFlow."""

import keras


def is_compiled() -> bool:
    """True within a `tf.function(jit_compile=True)`, and always on JAX."""
    if keras.backend.backend() != "tensorflow":
        return bool(keras.backend.backend() == "jax")
    import tensorflow as tf
    from tensorflow.python.ops import control_flow_util

    if tf.executing_eagerly():
        return False
    return bool(control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))
