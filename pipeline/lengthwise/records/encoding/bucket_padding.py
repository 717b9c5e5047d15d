"""Rows -> matrices: every sequence right-padded to its bucket's boundary."""

import numpy as np

from lengthwise.records.arrays.arrow_steps import offsets_of


class Padder:
    """Right-pads the features of some rows.

    Args:
        lengths: int `[n]`, in steps, each at most `steps`.
        steps: the boundary.
    """

    def __init__(self, lengths: np.ndarray, steps: int) -> None:
        self._lengths = lengths
        self._steps = steps
        self._positions: dict[int, np.ndarray] = {}  # by width: all features of one width are padded in the same way

    def pad(self, values: np.ndarray, width: int, fill: float) -> np.ndarray:
        """Pads one feature.

        Args:
            values: `[sum(lengths) * width]`, flat, row after row.
            width: values per step.
            fill: the value of padding.

        Returns:
            `[n, steps * width]`, of the dtype of `values`.
        """
        if width not in self._positions:
            self._positions[width] = self._find_positions(width)
        return np.append(values, np.asarray(fill, values.dtype)).take(self._positions[width])

    def _find_positions(self, width: int) -> np.ndarray:
        """int64 `[n, steps * width]`: each cell's position in `values`; that of padding follows all values."""
        offsets = offsets_of(self._lengths * width)
        positions = offsets[:-1, None] + np.arange(self._steps * width)
        np.copyto(positions, offsets[-1], where=positions >= offsets[1:, None])
        return positions
