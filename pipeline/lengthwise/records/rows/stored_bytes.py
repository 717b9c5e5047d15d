"""Strings of steps by their places."""

import numpy as np
import pyarrow as pa


def strings_at(strings: pa.Array, places: np.ndarray) -> pa.Array:
    """The strings at these places, int64 `[n]`; an empty one at -1."""
    strings = pa.concat_arrays([strings.cast(pa.large_binary()), pa.array([b""], pa.large_binary())])
    return strings.take(pa.array(np.where(places < 0, len(strings) - 1, places)))
