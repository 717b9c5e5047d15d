"""Cuts sequences that are longer than the last boundary."""

from dataclasses import dataclass

import numpy as np

from lengthwise.config.sequences_section import OverLong
from lengthwise.rules.length_rules import kept_steps
from lengthwise.rules.numpy_arrays import NUMPY


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


def cut_sequences(lengths: np.ndarray, longest: int | None, policy: OverLong | None, overlap: int) -> Cuts:
    """Cuts sequences to at most `longest` steps (None: any number), where the policy is not `reject`.

    Windows start every `longest - overlap` steps until one reaches the end; only the last may be shorter.

    Args:
        lengths: int64 `[n]`.
        longest: the most steps.
        policy: `sequences.over_long`: `truncate_left` keeps the last steps, `truncate_right` the first, `window` all.
        overlap: the steps that a window shares with the one before.
    """
    if longest is not None and policy == "window" and (lengths > longest).any():
        return _windows(lengths, longest, longest - overlap)
    first, counts = kept_steps(NUMPY, lengths, longest, keeps_last=policy == "truncate_left")
    return Cuts(np.arange(len(lengths)), first, counts, np.zeros(len(lengths), np.int32))


def _windows(lengths: np.ndarray, longest: int, stride: int) -> Cuts:
    numbers = np.where(lengths > longest, 1 + -(-(lengths - longest) // stride), 1)
    rows = np.repeat(np.arange(len(lengths)), numbers)
    windows = np.arange(len(rows)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    first = windows * stride
    return Cuts(rows, first, np.minimum(lengths[rows] - first, longest), windows.astype(np.int32))
