"""Numbers that are stored as bytes: a string per step, with all its numbers one after the other."""

from typing import Any

import numpy as np

from lengthwise.columns import NumericColumn
from lengthwise.columns.numeric_columns import Decode
from lengthwise.rules.array_protocol import A, Arrays
from lengthwise.rules.raw_steps import RawSteps


def stored_size(column: NumericColumn, decode: Decode) -> int:
    """The bytes of a step."""
    return column.num_elements * np.dtype(decode.stored).itemsize


def stored_steps(arrays: Arrays[A], column: NumericColumn, decode: Decode, raw: RawSteps[A], wrong: A) -> RawSteps[A]:
    """The steps with their numbers as they are stored in place of strings; zeros where `wrong`, bool `[strings]`."""
    width = column.num_elements
    numbers = arrays.numbers_in(raw.values, decode, width, wrong)
    if raw.step_splits is None:
        return RawSteps(numbers, raw.row_splits * width, None, raw.present)
    return RawSteps(numbers, raw.row_splits, raw.step_splits * width, raw.present)


def decoded(arrays: Arrays[A], stored: A, decode: Decode, dtype: Any) -> A:
    """Stored numbers as numbers of `dtype`, float32 or int64; the arithmetic is that of float32."""
    numbers = arrays.cast(stored, dtype)
    if decode.is_unscaled:
        return numbers
    scaled: A = numbers * np.float32(decode.scale) + np.float32(decode.offset)
    return scaled
