"""Steps of bytes: the numbers in them, still as they are stored, or the strings themselves."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns.numeric_columns import Decode
from lengthwise.records.arrays.arrow_steps import RawSteps


def wrong_sizes(raw: RawSteps, size: int) -> np.ndarray:
    """Bool `[values]`: which strings have not `size` bytes."""
    return pc.binary_length(raw.values).to_numpy(zero_copy_only=False) != size


def strings_at(strings: pa.Array, places: np.ndarray) -> pa.Array:
    """The strings at these places, int64 `[n]`; an empty one at -1."""
    strings = pa.concat_arrays([strings.cast(pa.large_binary()), pa.array([b""], pa.large_binary())])
    return strings.take(pa.array(np.where(places < 0, len(strings) - 1, places)))


def numbers_of(raw: RawSteps, decode: Decode, width: int, wrong: np.ndarray) -> RawSteps:
    """The steps with `width` numbers in place of each string; zeros where it is of a wrong size."""
    strings = raw.values.cast(pa.large_binary())
    dtype = np.dtype(decode.stored)
    if wrong.any():
        strings = pc.if_else(pa.array(wrong), pa.scalar(bytes(width * dtype.itemsize), pa.large_binary()), strings)
    content = strings.buffers()[2]
    first = int(np.frombuffer(strings.buffers()[1], np.int64)[strings.offset]) if len(strings) else 0
    count = len(strings) * width
    numbers = np.frombuffer(content, dtype, count, first) if count else np.zeros(0, dtype)
    flat = raw.step_offsets is None
    return replace(
        raw,
        values=pa.array(numbers),
        value_starts=raw.value_starts * width,
        step_offsets=None if raw.step_offsets is None else raw.step_offsets * width,
        row_offsets=raw.row_offsets * width if flat else raw.row_offsets,
        value_counts=raw.value_counts * width,
    )
