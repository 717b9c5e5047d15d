"""Records that differ from the others: up to a limit, the draft rejects them instead of allowing for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def allowed_exceptions(records: int) -> int:
    """One record in a hundred, as the job's default limit has it; of ten records or more, at least one."""
    return max(records // 100, int(records >= 10))


def allowed_in_total(records: int) -> int:
    """How many records may be rejected for all features together."""
    return max(records // 20, allowed_exceptions(records))


@dataclass(frozen=True, slots=True)
class ExceptionalRecords:
    """Records that the drafted column rejects.

    Attributes:
        rows: bool `[records]`.
        why: what is wrong with them.
    """

    rows: np.ndarray
    why: str

    @property
    def count(self) -> int:
        """Their number."""
        return int(self.rows.sum())


def most_common(values: np.ndarray) -> int:
    """The most frequent of at least one integer; the smallest of equally frequent ones."""
    distinct, occurrences = np.unique(values, return_counts=True)
    return int(distinct[np.argmax(occurrences)])


def any_exceptional(odd: Sequence[ExceptionalRecords], records: int) -> np.ndarray:
    """The records that are exceptional for any reason, bool `[records]`."""
    rows = np.zeros(records, bool)
    for exceptional in odd:
        rows |= exceptional.rows
    return rows
