"""Numbers to bucket ids: how many boundaries are at most the number. Written in `keras.ops`."""

import math
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from lengthwise.layers.reading.length_dtypes import length_dtype
from lengthwise.layers.vectors.xla_tracing import is_compiled

# XLA searches by comparing with every boundary: beyond so many, halving is faster (at 1,000 boundaries 70 times).
_MOST_COMPARED = 32


def bucket_ids(values: Any, boundaries: tuple[float, ...]) -> Any:
    """The bucket of each number, in [0, len(boundaries)]; NaN falls into the last one, as in TensorFlow on the CPU.

    Numbers are compared in their own dtype: float32 with the boundaries as float32, as `Bucketize` of TensorFlow does,
    integers exactly.

    Args:
        values: numbers of any shape.
        boundaries: finite, strictly increasing.

    Returns:
        int32, of the shape of `values`.
    """
    values = _searchable(values)
    limits = _limits(boundaries, keras.backend.standardize_dtype(values.dtype))
    by_halves = is_compiled() and keras.backend.backend() == "tensorflow" and len(limits) > _MOST_COMPARED
    if not len(limits):
        return ops.zeros_like(values, dtype="int32")
    flat = ops.reshape(values, (-1,))
    found = _halve(flat, limits) if by_halves else ops.searchsorted(ops.convert_to_tensor(limits), flat, side="right")
    return ops.cast(ops.reshape(found, ops.shape(values)), "int32")


def _searchable(values: Any) -> Any:
    """In a dtype that every backend searches; NaN, which compares with nothing, as infinity."""
    dtype = keras.backend.standardize_dtype(values.dtype)
    if dtype == "uint64":
        values = ops.cast(values, "int64")  # where the larger half is negative
        return ops.where(values < 0, ops.convert_to_tensor(np.int64(2**63 - 1)), values)
    if "float" not in dtype:
        kept = ("int32", "int64", "uint32") if length_dtype() == "int32" else ("int32", "int64")
        return values if dtype in kept else ops.cast(values, length_dtype())
    values = values if dtype in ("float32", "float64") else ops.cast(values, "float32")
    if keras.backend.backend() == "tensorflow" and not is_compiled():
        return values  # whose search takes NaN for the greatest by itself
    return ops.where(ops.isnan(values), float("inf"), values)


@cache
def _limits(boundaries: tuple[float, ...], dtype: str) -> Any:
    """The boundaries in the dtype. An integer is at least b where it is at least the next integer from b on."""
    if "float" in dtype:
        return np.asarray(boundaries, dtype)
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.asarray([max(least, whole) for whole in map(math.ceil, boundaries) if whole <= most], dtype)


def _halve(values: Any, limits: Any) -> Any:
    """`searchsorted` by binary search: as many steps as the number of limits has binary digits."""
    found = ops.zeros_like(values, dtype="int32")
    for digit in reversed(range(len(limits).bit_length())):
        place = found + 2**digit
        limit = ops.take(limits, ops.minimum(place, len(limits)) - 1)
        found = ops.where(ops.logical_and(place <= len(limits), limit <= values), place, found)
    return found
