"""The values of list arrays, and strings by their places."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.records.arrays.arrow_steps import offsets_of


def list_values(lists: pa.Array) -> np.ndarray:
    """The numbers of a list array, flat, also where the array is a slice."""
    if lists.null_count:
        return lists.flatten().to_numpy(zero_copy_only=False)
    offsets = lists.offsets
    first, last = offsets[0].as_py(), offsets[len(lists)].as_py()
    return lists.values.to_numpy(zero_copy_only=False)[first:last]


def string_bytes(lists: pa.Array) -> np.ndarray:
    """int64 `[n]`: the bytes of each row's strings."""
    sizes = offsets_of(pc.binary_length(lists.flatten()).to_numpy())
    offsets = lists.offsets.to_numpy()
    return np.diff(sizes[offsets - offsets[0]])


def strings_at(strings: pa.Array, places: np.ndarray) -> pa.Array:
    """The strings at these places, int64 `[n]`; an empty one at -1."""
    strings = pa.concat_arrays([strings.cast(pa.large_binary()), pa.array([b""], pa.large_binary())])
    return strings.take(pa.array(np.where(places < 0, len(strings) - 1, places)))
