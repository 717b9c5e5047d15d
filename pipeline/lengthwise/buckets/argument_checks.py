"""Checks of arguments that every planner shares: what was expected, what was received, what to do."""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.errors import ConfigError

MAX_LENGTH = 2**31 - 1
"""The longest length that a plan or a histogram holds: tensor dimensions are int32 in much of TensorFlow."""


def checked_int(name: str, value: Any, hint: str, *, least: int = 1, most: int = MAX_LENGTH) -> int:
    """Returns `value` as a Python int.

    Args:
        name: What the message calls the value.
        value: Any integer, numpy's included. Booleans and floats are refused.
        hint: What to do about a wrong value.
        least: The smallest value allowed.
        most: The largest value allowed.

    Raises:
        ConfigError: The value is no integer, or outside `[least, most]`.
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        raise ConfigError(f"{name}: expected a whole number from {least} to {most}, received {value!r}. {hint}")
    return number


def checked_lengths(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns lengths of any integer dtype as one-dimensional int64.

    Raises:
        ConfigError: Not one dimension, not integers, or a length below 0 or above `MAX_LENGTH`.
    """
    array = np.asarray(lengths)
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ConfigError(
            f"lengths: expected a one-dimensional array of integers, received dtype {array.dtype} of shape "
            f"{array.shape}. Pass the number of steps of each sequence, such as np.array([3, 17, 8])."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > MAX_LENGTH:
        raise ConfigError(
            f"lengths: expected values from 0 to {MAX_LENGTH}, received {low if low < 0 else high}. "
            "A length is a number of steps; look for overflow or for bytes counted as steps."
        )
    return array.astype(np.int64, copy=False)
