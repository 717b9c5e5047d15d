"""A column of the draft, with the records that it rejects."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class ExceptionalRecords:
    """Records that a drafted column rejects.

    Attributes:
        rows: bool `[records]`.
        reason: what is wrong with them.
    """

    rows: np.ndarray
    reason: str

    @property
    def count(self) -> int:
        """Their number."""
        return int(self.rows.sum())


@dataclass(slots=True)
class DraftedColumn:
    """A column of the draft.

    Attributes:
        fields: the column as in YAML.
        comments: what it reads, and why it was chosen.
        exceptional: the records that it rejects, by reason.
    """

    fields: dict[str, Any]
    comments: list[str]
    exceptional: list[ExceptionalRecords] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The feature that it reads."""
        return str(self.fields["key"])

    def reject(self, rows: np.ndarray, reason: str) -> None:
        """Adds records that the column rejects, bool `[records]`, if there are any."""
        if rows.any():
            self.exceptional.append(ExceptionalRecords(rows, reason))
