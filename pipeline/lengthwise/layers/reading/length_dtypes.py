"""The integers of lengths and of ids."""

import keras


def length_dtype() -> str:
    """int64; on JAX int32, which has no int64 unless it is switched on."""
    return "int32" if keras.backend.backend() == "jax" else "int64"
