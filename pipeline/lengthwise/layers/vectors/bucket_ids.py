"""Numbers to bucket ids: the number of boundaries that are at most the number. Written in `keras.ops`."""

import math
from functools import cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from lengthwise.layers.keras_types import BackendTensor
from lengthwise.layers.reading.number_dtypes import length_dtype
from lengthwise.layers.tracing import is_compiled

BoundaryArray = npt.NDArray[Any]
"""Boundaries in the dtype of the numbers."""

# XLA searches by comparing with every boundary: with more, binary search is faster (at 1,000 boundaries 70 times).
_MAX_COMPARED = 32


def bucketize(values: BackendTensor, boundaries: tuple[float, ...]) -> BackendTensor:
    """The bucket of each number, in [0, len(boundaries)]; NaN is in the last one, as in TensorFlow on the CPU.

    Numbers are compared in their own dtype: float32 with the boundaries as float32, as TensorFlow's `Bucketize` does,
    integers exactly.

    Args:
        values: numbers of any shape.
        boundaries: finite, strictly increasing.

    Returns:
        int32, of the shape of `values`.
    """
    values = _searchable(values)
    limits = _limits(boundaries, keras.backend.standardize_dtype(values.dtype))
    if not len(limits):
        return ops.zeros_like(values, dtype="int32")
    flat = ops.reshape(values, (-1,))
    if is_compiled() and keras.backend.backend() == "tensorflow" and len(limits) > _MAX_COMPARED:
        buckets = _binary_search(flat, limits)
    else:
        buckets = ops.searchsorted(ops.convert_to_tensor(limits), flat, side="right")
    return ops.cast(ops.reshape(buckets, ops.shape(values)), "int32")


def _searchable(values: BackendTensor) -> BackendTensor:
    """The numbers in a dtype that every backend searches; NaN, which compares with nothing, as infinity."""
    dtype = keras.backend.standardize_dtype(values.dtype)
    if dtype == "uint64":
        values = ops.cast(values, "int64")  # where the larger half is negative
        return ops.where(values < 0, ops.convert_to_tensor(np.int64(2**63 - 1)), values)
    if "float" not in dtype:
        searched = ("int32", "int64", "uint32") if length_dtype() == "int32" else ("int32", "int64")
        return values if dtype in searched else ops.cast(values, length_dtype())
    values = values if dtype in ("float32", "float64") else ops.cast(values, "float32")
    if keras.backend.backend() == "tensorflow" and not is_compiled():
        return values  # TensorFlow's search sorts NaN last
    return ops.where(ops.isnan(values), float("inf"), values)


@cache
def _limits(boundaries: tuple[float, ...], dtype: str) -> BoundaryArray:
    """The boundaries in the dtype. An integer is at least b if it is at least b rounded up."""
    if "float" in dtype:
        return np.asarray(boundaries, dtype)
    smallest, largest = np.iinfo(dtype).min, np.iinfo(dtype).max
    rounded_up = [math.ceil(boundary) for boundary in boundaries]
    return np.asarray([max(smallest, limit) for limit in rounded_up if limit <= largest], dtype)


def _binary_search(values: BackendTensor, limits: BoundaryArray) -> BackendTensor:
    """`searchsorted(limits, values, side="right")`, with as many steps as the number of limits has binary digits."""
    buckets = ops.zeros_like(values, dtype="int32")
    for digit in reversed(range(len(limits).bit_length())):
        candidate = buckets + 2**digit
        limit = ops.take(limits, ops.minimum(candidate, len(limits)) - 1)
        buckets = ops.where(ops.logical_and(candidate <= len(limits), limit <= values), candidate, buckets)
    return buckets
