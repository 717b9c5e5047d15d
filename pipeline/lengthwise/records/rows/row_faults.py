"""Collects what is wrong with the rows of a block; of a row's faults, the first in `RejectReason` counts."""

from collections.abc import Callable

import numpy as np

from lengthwise.records.decoding.record_decoder import RecordFault
from lengthwise.reject_reasons import RejectReason

_ORDER = {reason: position for position, reason in enumerate(RejectReason)}


class Faults:
    """Faults by row. Details are put into words only for the rows that need them."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._found: list[tuple[RejectReason, str, np.ndarray, Callable[[int], str]]] = []

    def add(self, reason: RejectReason, column: str, bad: np.ndarray, detail: Callable[[int], str]) -> None:
        """Marks the rows where `bad` (bool `[n]`) is true; `detail(row)` says in words what is wrong there."""
        if bad.any():
            self._found.append((reason, column, bad, detail))

    def add_values(
        self,
        reason: RejectReason,
        column: str,
        bad: np.ndarray,
        rows_of: Callable[[np.ndarray], np.ndarray],
        describe: Callable[[int], str],
    ) -> None:
        """Marks the rows that own values where `bad` (bool `[values]`) is true; `describe` words one position."""
        positions = np.flatnonzero(bad)
        if len(positions) == 0:
            return
        rows = rows_of(positions)
        mask = np.zeros(self._rows, bool)
        mask[rows] = True
        self.add(reason, column, mask, lambda row: describe(int(positions[np.searchsorted(rows, row)])))

    @property
    def bad(self) -> np.ndarray:
        """Bool `[n]`: the rows with a fault."""
        mask = np.zeros(self._rows, bool)
        for _, _, bad, _ in self._found:
            mask |= bad
        return mask

    def resolve(self) -> list[RecordFault]:
        """One fault a bad row, in the order of the rows."""
        first: dict[int, RecordFault] = {}
        for reason, column, bad, detail in sorted(self._found, key=lambda found: (_ORDER[found[0]], found[1])):
            for row in np.flatnonzero(bad).tolist():
                if row not in first:
                    first[row] = RecordFault(row, reason, column, detail(row))
        return [first[row] for row in sorted(first)]
