"""Numbers keep all their bits until their column's own dtype: integers of an integer column are never floats before."""

from typing import Any

import keras
import numpy as np
from keras import ops

from lengthwise.columns import NumericColumn

_WIDE = ("int32", "int64", "uint64", "float32", "float64")


def of_the_column(values: Any, column: NumericColumn) -> Any:
    """The numbers in the dtype of the column, where that loses nothing: for an integer column whatever holds them.

    Integers of a float column become its floats; floats of an integer column stay floats; nothing is made narrower.
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    if not column.is_integer:
        return ops.cast(values, "float64" if column.dtype == "float64" else "float32")
    if "float" in dtype:
        return values if dtype in _WIDE else ops.cast(values, "float32")
    if keras.backend.backend() == "jax":  # which has no int64, unless it is switched on; then it gives some by itself
        return values if dtype in (*_WIDE, "uint32") else ops.cast(values, "int32")
    if dtype == "uint32" or (dtype != "uint64" and column.dtype == "int64"):
        return ops.cast(values, "int64")
    return values if dtype in _WIDE else ops.cast(values, "int32")


def exact_default(column: NumericColumn, dtype: str) -> float | int | None:
    """`default_value` as a number of the dtype; None where the dtype does not hold it, such as 0.5 among integers."""
    default = column.default_value
    if "float" in dtype:
        return float(default)
    if dtype == "bool" or default != int(default):
        return None
    limits = np.iinfo(dtype)
    return int(default) if limits.min <= default <= limits.max else None


def with_default(present: Any, numbers: Any, column: NumericColumn) -> Any:
    """The numbers, `default_value` where `present` is false; floats where integers do not hold it."""
    default = exact_default(column, keras.backend.standardize_dtype(numbers.dtype))
    if default is None:
        numbers, default = ops.cast(numbers, "float32"), float(column.default_value)
    dtype = keras.backend.standardize_dtype(numbers.dtype)
    filling = default if dtype == "bfloat16" else np.asarray(default, dtype)
    return ops.where(present, numbers, ops.convert_to_tensor(filling, dtype))
