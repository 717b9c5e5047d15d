"""Where a sequence goes: its split, and its place in the global shuffle. Both by seeded 64-bit hashes of what it is.

Neither depends on the worker, the run, or the other sequences, so every run gives the same output.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.records.lookup import fingerprint64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser: uint64 `[n]` -> uint64 `[n]`, every bit depending on every bit.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def shuffled(file: str, seed: int, indices: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """uint64 `[n]`: the places of a file's sequences in the global shuffle.

    Args:
        file: the file's path relative to the folder of all inputs.
        seed: of the shuffle.
        indices: the records' positions in the file.
        windows: the sequences' numbers among the windows of their records.
    """
    start = np.uint64(fingerprint64(f"{seed}:{file}".encode()))
    return mix(mix(start + indices.astype(np.uint64) * _GOLDEN) + windows.astype(np.uint64) * _GOLDEN)


def in_order(rank: int, indices: np.ndarray) -> np.ndarray:
    """uint64 `[n]`: the places of a file's sequences in the input's order; `rank` is the file's among all files.

    24 bits for the file, 40 for the record; the windows of a record share a place, and keep their order because sorting
    is stable.
    """
    return np.uint64(rank) << np.uint64(40) | indices.astype(np.uint64)


def divide(hashes: np.ndarray, shares: list[float], seed: int) -> np.ndarray:
    """int32 `[n]`: the split of each hash: shares of the 64-bit range, in their order."""
    start = np.uint64((seed + 1) * int(_GOLDEN) % 2**64)
    places = mix(hashes + start)
    limits = np.cumsum(shares)[:-1] * 2.0**64
    return np.searchsorted(limits, places.astype(np.float64), side="right").astype(np.int32)


def hash_values(values: np.ndarray | pa.Array) -> np.ndarray:
    """uint64 `[n]`: hashes of a context column's values, one a record."""
    if isinstance(values, np.ndarray):
        return mix(
            np.ascontiguousarray(values.astype(np.float64 if values.dtype.kind == "f" else np.int64)).view(np.uint64)
        )
    encoded = pc.dictionary_encode(values)
    hashes = np.array([fingerprint64(value) for value in encoded.dictionary.to_pylist()], np.uint64)
    return hashes[encoded.indices.to_numpy(zero_copy_only=False)]
