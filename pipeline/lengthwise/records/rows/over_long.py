"""What becomes of sequences that are longer than the last boundary."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

OverLong = Literal["reject", "truncate_left", "truncate_right", "window"]


@dataclass(frozen=True, slots=True)
class Cuts:
    """The sequences to write, as parts of records.

    Attributes:
        rows: int64 `[m]`: the record of each.
        first: int64 `[m]`: its first step there.
        counts: int64 `[m]`: its number of steps.
        windows: int32 `[m]`: its number among the windows of its record, from 0.
    """

    rows: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    windows: np.ndarray


def cut(lengths: np.ndarray, longest: int | None, policy: OverLong, overlap: int = 0) -> Cuts:
    """Cuts sequences to at most `longest` steps (None: leaves them) under a policy other than `reject`.

    Windows start every `longest - overlap` steps until one reaches the end; only the last may be shorter.

    Args:
        lengths: int64 `[n]`.
        longest: the last boundary.
        policy: `truncate_left` keeps the last steps, `truncate_right` the first, `window` all.
        overlap: the steps that a window shares with the one before.
    """
    rows = np.arange(len(lengths))
    none = np.zeros(len(lengths), np.int64)
    if longest is None or policy == "reject" or not (lengths > longest).any():
        return Cuts(rows, none, lengths, none.astype(np.int32))
    if policy == "window":
        return _windows(lengths, longest, longest - overlap)
    first = np.maximum(lengths - longest, 0) if policy == "truncate_left" else none
    return Cuts(rows, first, np.minimum(lengths, longest), none.astype(np.int32))


def _windows(lengths: np.ndarray, longest: int, stride: int) -> Cuts:
    numbers = np.where(lengths > longest, 1 + -(-(lengths - longest) // stride), 1)
    rows = np.repeat(np.arange(len(lengths)), numbers)
    windows = np.arange(len(rows)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    first = windows * stride
    return Cuts(rows, first, np.minimum(lengths[rows] - first, longest), windows.astype(np.int32))
