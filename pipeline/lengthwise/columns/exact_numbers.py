"""Numbers in a configuration: integers of integer dtypes stay exact, since floats cannot represent all above 2**53.

YAML, JSON, Python  --Number-->  int or float, as written  --in_dtype-->  a number of the column's dtype
"""

import operator
from typing import Annotated, Any

from pydantic import PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator

INT64 = range(-(2**63), 2**63)
"""The integers of 64 bits."""

INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (INT64[0], INT64[-1])}
"""The smallest and the largest integer of each integer dtype."""


def _as_written(value: Any, as_float: ValidatorFunctionWrapHandler) -> float:
    number: float = as_float(value)  # refuses a value that is not a number
    try:
        return int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        return number


def _as_it_is(number: float) -> float | int:
    return number


Number = Annotated[float, WrapValidator(_as_written), PlainSerializer(_as_it_is)]
"""A finite number; an integer, numpy's too, stays an integer."""


def dtype_name(dtype: Any) -> Any:
    """The name of a dtype given as a string, a numpy or a TensorFlow dtype, without importing TensorFlow."""
    return getattr(dtype, "name", None) or getattr(dtype, "__name__", dtype)


def in_dtype(number: float, dtype: str) -> float:
    """`number` as an int for an integer dtype, else as a float.

    Raises:
        ValueError: it is not an integer, or outside the range of the dtype.
    """
    if dtype not in INTEGER_RANGES:
        return float(number)
    low, high = INTEGER_RANGES[dtype]
    if number != int(number):
        raise ValueError(f"expected an integer with dtype {dtype}")
    if not low <= number <= high:
        raise ValueError(f"expected an integer in [{low}, {high}] with dtype {dtype}")
    return int(number)
