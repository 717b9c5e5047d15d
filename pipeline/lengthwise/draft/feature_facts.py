"""What is to be known of a feature before a column is chosen for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc

from lengthwise.draft.feature_values import KINDS, FeatureValues


@dataclass(frozen=True)
class Facts:
    """One feature over the records looked at.

    Attributes:
        kinds: in how many records it came as which list: `bytes_list`, `float_list`, `int64_list`.
        kind: the list of most records; empty where no value was ever seen.
        counts: int64 `[records]`: the number of values (in a feature list: of steps) in each record; -1 without it.
        odd: bool `[records]`: the records that hold another list than `kind`.
        widths: int64 `[steps]`: how many values each step has; of features that are no feature list, none.
        step_rows: int64 `[steps]`: the record of each step.
        numbers: the values of `kind`, flat, where they are numbers; else none.
        record_ends: int64 `[records that have it]`: where each record's values end in `numbers`.
        texts: the different values of `kind` where they are bytes.
        occurrences: int64: how often each different value occurs, in the order of `texts` or of `distinct_numbers`.
    """

    kinds: dict[str, int]
    kind: str
    counts: np.ndarray
    odd: np.ndarray
    widths: np.ndarray
    step_rows: np.ndarray
    numbers: np.ndarray
    record_ends: np.ndarray
    texts: list[bytes]
    distinct_numbers: np.ndarray
    occurrences: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """The records that have the feature, bool `[records]`."""
        return self.counts >= 0

    @property
    def mean(self) -> float:
        """The mean of `counts` over the records that have the feature."""
        return float(self.counts[self.present].mean()) if self.present.any() else 0.0

    @property
    def values(self) -> int:
        """How many values of `kind` there are."""
        return int(self.occurrences.sum())

    @property
    def distinct(self) -> int:
        """How many different values of `kind` there are."""
        return len(self.occurrences)

    @cached_property
    def limits(self) -> tuple[float, float] | None:
        """The smallest and the largest finite number; None where there is none."""
        finite = self.numbers[np.isfinite(self.numbers)] if self.numbers.dtype.kind == "f" else self.numbers
        return (finite.min().item(), finite.max().item()) if len(finite) else None

    @cached_property
    def is_finite(self) -> bool:
        """Whether no number is NaN or infinite."""
        return bool(np.isfinite(self.numbers).all())

    @cached_property
    def is_ordered(self) -> bool:
        """Whether the numbers of a record only rise, or only fall, a few aside: one in a hundred."""
        inside = np.ones(max(len(self.numbers) - 1, 0), bool)
        bounds = self.record_ends[(self.record_ends > 0) & (self.record_ends < len(self.numbers))]
        inside[bounds - 1] = False
        before, after = self.numbers[:-1][inside], self.numbers[1:][inside]
        rises, falls = int((after > before).sum()), int((after < before).sum())
        return 100 * min(rises, falls) <= max(rises, falls) and rises != falls

    def most_common(self, count: int) -> list[bytes]:
        """The most frequent texts; none of a feature of numbers."""
        return self.texts and [self.texts[place] for place in np.argsort(-self.occurrences, kind="stable")[:count]]


def facts_of(held: FeatureValues, rows: np.ndarray, records: int, *, is_list: bool) -> Facts:
    """Sums up what a feature holds.

    Args:
        held: its values in the records that have it.
        rows: int64: which records these are.
        records: how many there are.
        is_list: whether it is a feature list. If not, a feature without a list of values counts as absent.
    """
    counts = np.full(records, -1)
    step_rows = np.repeat(rows, held.steps)
    if is_list:
        counts[rows] = held.steps
    else:
        counts[step_rows] = np.where(held.kinds < 0, -1, held.widths)
    holders = {place: np.unique(step_rows[held.kinds == place]) for place in range(len(KINDS))}
    kinds = {KINDS[place]: len(found) for place, found in holders.items() if len(found)}
    main = max(holders, key=lambda place: len(holders[place]))
    odd = np.zeros(records, bool)
    odd[step_rows[(held.kinds >= 0) & (held.kinds != main)]] = True
    values = held.values.get(main)
    numbers = np.zeros(0) if values is None or main == 0 else values
    ends = np.cumsum(np.where(held.kinds == main, held.widths, 0))
    record_ends = np.append(0, ends)[np.cumsum(held.steps)]
    return Facts(
        kinds,
        KINDS[main] if kinds else "",
        counts,
        odd,
        held.widths if is_list else np.zeros(0, np.int64),
        step_rows if is_list else np.zeros(0, np.int64),
        numbers,
        record_ends,
        *_count(values, is_bytes=main == 0),
    )


def _count(values: Any, *, is_bytes: bool) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """The different texts, the different numbers, and how often each occurs."""
    if values is None or len(values) == 0:
        return [], np.zeros(0), np.zeros(0, np.int64)
    if not is_bytes:
        distinct, occurrences = np.unique(values, return_counts=True)
        return [], distinct, occurrences
    counted = pc.value_counts(values)
    return counted.field(0).to_pylist(), np.zeros(0), counted.field(1).to_numpy()
