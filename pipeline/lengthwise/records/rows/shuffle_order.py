"""A sequence's position in the global shuffle: a seeded 64-bit hash of its file and its position there.

It does not depend on the worker, the run or the other sequences, so every run produces the same output.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lengthwise.records.rows.id_lookup import fingerprint64

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix_bits(values: Any, shift_right: Callable[[Any, Any], Any] = np.right_shift) -> Any:
    """SplitMix64's finaliser: uint64 `[n]` -> uint64 `[n]`, where every bit depends on every bit.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

    Args:
        values: an array, or a tensor with TensorFlow's `shift_right`.
        shift_right: the one operation whose name differs.
    """
    values = (values ^ shift_right(values, np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ shift_right(values, np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ shift_right(values, np.uint64(31))


def shuffled_places(file: str, seed: int, indices: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """uint64 `[n]`: the positions of a file's sequences in the global shuffle.

    Args:
        file: the file's path relative to the folder of all inputs.
        seed: of the shuffle.
        indices: the records' positions in the file.
        windows: the sequences' numbers among the windows of their records.
    """
    start = np.uint64(fingerprint64(f"{seed}:{file}".encode()))
    return mix_bits(mix_bits(start + indices.astype(np.uint64) * GOLDEN) + windows.astype(np.uint64) * GOLDEN)


def input_places(rank: int, indices: np.ndarray) -> np.ndarray:
    """uint64 `[n]`: the positions of a file's sequences in the input's order; `rank` is the file's among all files.

    24 bits for the file, 40 for the record; the windows of a record have the same position, and keep their order
    because sorting is stable.
    """
    return np.uint64(rank) << np.uint64(40) | indices.astype(np.uint64)
