"""Ranges of the values of steps."""

import numpy as np

from lengthwise.rules.raw_steps import Steps


def gather(
    steps: Steps[np.ndarray], rows: np.ndarray, first: np.ndarray, counts: np.ndarray, fill: float
) -> np.ndarray:
    """The values of `counts` steps from step `first` on of each of `rows`, flat; `fill` for absent records."""
    lengths = counts * steps.width
    total = int(lengths.sum())
    each_once = len(rows) == len(steps.counts) and bool((np.diff(rows) == 1).all())
    if each_once and total == len(steps.values) and steps.present.all():
        return steps.values  # everything, in place
    positions = ranges(steps.splits[rows] + first * steps.width, lengths)
    if steps.present[rows].all():
        return steps.values.take(positions)
    absent = np.repeat(~steps.present[rows], lengths)
    return np.append(steps.values, np.asarray(fill, steps.values.dtype))[np.where(absent, -1, positions)]


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`[starts[0], starts[0] + 1, ...]` for `lengths[0]` items, then those from `starts[1]`, and so on."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """int64 `[n + 1]`: where each of n consecutive items of these lengths starts, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
