"""The arrays of the rules on numpy; strings, and raw values of ids, are Arrow arrays without nulls."""

from collections.abc import Callable
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns.numeric_columns import Decode
from lengthwise.rules.array_protocol import Arrays, B


class NumpyArrays:
    """The operations of `Arrays` on numpy. Flags are bools, so that a rule that no entry breaks costs nothing more."""

    equal = staticmethod(np.equal)
    not_equal = staticmethod(np.not_equal)
    where = staticmethod(np.where)
    minimum = staticmethod(np.minimum)
    maximum = staticmethod(np.maximum)
    size = staticmethod(len)
    full = staticmethod(np.full)
    concatenate = staticmethod(np.concatenate)
    repeat = staticmethod(np.repeat)
    cumsum = staticmethod(np.cumsum)
    flatnonzero = staticmethod(np.flatnonzero)
    isfinite = staticmethod(np.isfinite)
    isinf = staticmethod(np.isinf)
    isnan = staticmethod(np.isnan)
    any_of = staticmethod(any)

    def any(self, mask: np.ndarray) -> bool:
        return bool(mask.any())

    def all(self, mask: np.ndarray) -> bool:
        return bool(mask.all())

    def cond(self, flag: bool, then: Callable[[], B], otherwise: Callable[[], B]) -> B:
        return then() if flag else otherwise()

    def differ(self, first: np.ndarray, second: np.ndarray) -> bool:
        return not np.array_equal(first, second)

    def arange(self, count: int, step: int = 1) -> np.ndarray:
        return np.arange(0, count * step, step)

    def take(self, values: np.ndarray, places: np.ndarray) -> np.ndarray:
        return values.take(places)

    def cast(self, values: np.ndarray, dtype: str) -> np.ndarray:
        return values.astype(dtype, copy=False)

    def stable_order(self, keys: np.ndarray) -> np.ndarray:
        return np.argsort(keys, kind="stable")

    def inverse(self, order: np.ndarray) -> np.ndarray:
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return places

    def is_floating(self, values: np.ndarray) -> bool:
        return values.dtype.kind == "f"

    def segment_count(self, mask: np.ndarray, splits: np.ndarray) -> np.ndarray:
        rows = np.searchsorted(splits, np.flatnonzero(mask), side="right") - 1
        return np.bincount(rows, minlength=len(splits) - 1)

    def padded(self, values: np.ndarray, splits: np.ndarray, width: int, filler: float | str) -> np.ndarray:
        if isinstance(values, pa.Array):
            value = filler.encode() if isinstance(filler, str) else filler
            places = self.padded(np.arange(len(values)), splits, width, len(values))
            return pa.concat_arrays([values, pa.array([value], values.type)]).take(pa.array(places))
        sizes = np.diff(splits)
        is_value = np.arange(width) < sizes[:, None]
        if (sizes > width).any():
            values = values[np.arange(len(values)) - np.repeat(splits[:-1], sizes) < width]
        steps = np.full(is_value.shape, filler, values.dtype)
        steps[is_value] = values
        return steps.reshape(-1)

    def byte_sizes(self, strings: pa.Array) -> np.ndarray:
        return pc.binary_length(strings).to_numpy(zero_copy_only=False)

    def numbers_in(self, strings: pa.Array, decode: Decode, width: int, wrong: np.ndarray) -> np.ndarray:
        strings, dtype = strings.cast(pa.large_binary()), np.dtype(decode.stored)
        if wrong.any():
            zeros = pa.scalar(bytes(width * dtype.itemsize), pa.large_binary())
            strings = pc.if_else(pa.array(wrong), zeros, strings)
        if not len(strings):
            return np.zeros(0, dtype)
        first = int(np.frombuffer(strings.buffers()[1], np.int64)[strings.offset])
        return np.frombuffer(strings.buffers()[2], dtype, len(strings) * width, first)

    def string_steps(self, strings: pa.Array) -> tuple[np.ndarray, int]:
        """The places of the strings, which are not copied; -1 is the place of the empty one."""
        return np.arange(len(strings)), -1


NUMPY = cast(Arrays[np.ndarray], NumpyArrays())  # mypy does not see that numpy's overloads cover the protocol
