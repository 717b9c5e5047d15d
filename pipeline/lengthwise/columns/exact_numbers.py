"""Numbers in a configuration: integers of integer dtypes stay exact, since floats skip some of them beyond 2**53.

YAML, JSON, Python  --Number-->  int or float, as written  --in_dtype-->  what the column's dtype holds
"""

import operator
from typing import Annotated, Any

from pydantic import PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator

INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
"""The smallest and the largest integer of each integer dtype."""


def _as_written(value: Any, as_float: ValidatorFunctionWrapHandler) -> float:
    number: float = as_float(value)  # what is no number is refused in the words for floats
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
        ValueError: it is no integer, or none that the dtype holds.
    """
    if dtype not in INTEGER_RANGES:
        return float(number)
    low, high = INTEGER_RANGES[dtype]
    if number != int(number):
        raise ValueError(f"expected an integer with dtype {dtype}")
    if not low <= number <= high:
        raise ValueError(f"expected an integer in [{low}, {high}] with dtype {dtype}")
    return int(number)
