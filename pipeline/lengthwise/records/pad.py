"""Rows -> matrices: every sequence right-padded to its bucket's boundary."""

import numpy as np


def pad(values: np.ndarray, lengths: np.ndarray, width: int, steps: int, fill: float) -> np.ndarray:
    """Right-pads sequences.

    Args:
        values: `[sum(lengths) * width]`, flat, row after row.
        lengths: int `[n]`, in steps, each at most `steps`.
        width: values a step.
        steps: the boundary.
        fill: the value of padding.

    Returns:
        `[n, steps * width]`, of the dtype of `values`.
    """
    padded = np.full((len(lengths), steps * width), fill, values.dtype)
    padded[np.arange(steps * width) < (lengths * width)[:, None]] = values
    return padded
