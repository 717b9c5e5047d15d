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
        self._places: dict[int, np.ndarray] = {}  # by width: features of one width are padded alike

    def pad(self, values: np.ndarray, width: int, fill: float) -> np.ndarray:
        """Pads one feature.

        Args:
            values: `[sum(lengths) * width]`, flat, row after row.
            width: values a step.
            fill: the value of padding.

        Returns:
            `[n, steps * width]`, of the dtype of `values`.
        """
        if width not in self._places:
            self._places[width] = self._find_places(width)
        return np.append(values, np.asarray(fill, values.dtype)).take(self._places[width])

    def _find_places(self, width: int) -> np.ndarray:
        """int64 `[n, steps * width]`: the place in `values` of each cell; that behind all values in padding."""
        offsets = offsets_of(self._lengths * width)
        places = offsets[:-1, None] + np.arange(self._steps * width)
        np.copyto(places, offsets[-1], where=places >= offsets[1:, None])
        return places
