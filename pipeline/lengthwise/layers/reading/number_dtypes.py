"""Dtypes of numbers and lengths. Numbers keep all bits until their column's dtype: integer columns never see floats."""

import keras
import numpy as np
from keras import ops

from lengthwise.columns import NumericColumn
from lengthwise.layers.keras_types import BackendTensor

_KEPT = ("int32", "int64", "uint64", "float32", "float64")


def length_dtype() -> str:
    """The dtype of lengths and ids: int64; on JAX int32, since JAX has no int64 unless it is switched on."""
    return "int32" if keras.backend.backend() == "jax" else "int64"


def in_column_dtype(values: BackendTensor, column: NumericColumn) -> BackendTensor:
    """The numbers in the dtype of the column, if that loses nothing; for an integer column in a dtype that holds them.

    Integers of a float column become its floats; floats of an integer column stay floats; nothing becomes narrower.
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    if not column.is_integer:
        return ops.cast(values, "float64" if column.dtype == "float64" else "float32")
    if "float" in dtype:
        return values if dtype in _KEPT else ops.cast(values, "float32")
    if keras.backend.backend() == "jax":  # it has no int64 unless it is switched on, and then some values are int64
        return values if dtype in (*_KEPT, "uint32") else ops.cast(values, "int32")
    if dtype == "uint32" or (dtype != "uint64" and column.dtype == "int64"):
        return ops.cast(values, "int64")
    return values if dtype in _KEPT else ops.cast(values, "int32")


def exact_default(column: NumericColumn, dtype: str) -> float | int | None:
    """`default_value` as a number of the dtype; None if the dtype cannot hold it, such as 0.5 among integers."""
    default = column.default_value
    if "float" in dtype:
        return float(default)
    if dtype == "bool" or default != int(default):
        return None
    limits = np.iinfo(dtype)
    return int(default) if limits.min <= default <= limits.max else None


def with_default(present: BackendTensor, numbers: BackendTensor, column: NumericColumn) -> BackendTensor:
    """The numbers, with `default_value` where `present` is false; floats if the integer dtype cannot hold it."""
    default = exact_default(column, keras.backend.standardize_dtype(numbers.dtype))
    if default is None:
        numbers, default = ops.cast(numbers, "float32"), float(column.default_value)
    dtype = keras.backend.standardize_dtype(numbers.dtype)
    filling = default if dtype == "bfloat16" else np.asarray(default, dtype)
    return ops.where(present, numbers, ops.convert_to_tensor(filling, dtype))
