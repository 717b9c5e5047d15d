"""Checks of arguments that all planners share. Messages say what was expected, what was received and what to do."""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.errors import ConfigError

MAX_LENGTH = 2**31 - 1
"""The maximum length in a plan or a histogram: tensor dimensions are int32 in much of TensorFlow."""


def checked_int(name: str, value: Any, hint: str, *, minimum: int = 1, maximum: int = MAX_LENGTH) -> int:
    """Returns `value` as a Python int.

    Args:
        name: The name of the value in the message.
        value: Any integer, including numpy's. Booleans and floats are refused.
        hint: What to do about a wrong value.
        minimum: The smallest allowed value.
        maximum: The largest allowed value.

    Raises:
        ConfigError: The value is not an integer, or is outside `[minimum, maximum]`.
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        number = minimum - 1
    if not minimum <= number <= maximum:
        raise ConfigError(f"{name}: expected a whole number from {minimum} to {maximum}, received {value!r}. {hint}")
    return number


def checked_lengths(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns lengths of any integer dtype as one-dimensional int64.

    Raises:
        ConfigError: Not one-dimensional, not integers, or a length below 0 or above `MAX_LENGTH`.
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
