"""The facts of a feature by which a column is chosen for it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow.compute as pc

from lengthwise.draft.feature_values import KINDS, FeatureValues


@dataclass(frozen=True)
class FeatureFacts:
    """One feature in the sampled records.

    Attributes:
        key: its name.
        kinds: the number of records with each list: `bytes_list`, `float_list`, `int64_list`.
        kind: the list of most records; empty if no record has a value.
        counts: int64 `[records]`: the number of values (in a feature list: of steps) in each record; -1 without it.
        other_kind: bool `[records]`: the records with another list than `kind`.
        widths: int64 `[steps]`: how many values each step has; empty if it is not a feature list.
        step_rows: int64 `[steps]`: the record of each step.
        numbers: the values of `kind`, flat, if they are numbers; else empty.
        record_ends: int64 `[records that have it]`: where each record's values end in `numbers`.
        strings: the distinct values of `kind` if they are bytes.
        distinct_numbers: the distinct values of `kind` if they are numbers.
        occurrences: int64: how often each distinct value occurs, in the order of `strings` or of `distinct_numbers`.
    """

    key: str
    kinds: dict[str, int]
    kind: str
    counts: np.ndarray
    other_kind: np.ndarray
    widths: np.ndarray
    step_rows: np.ndarray
    numbers: np.ndarray
    record_ends: np.ndarray
    strings: list[bytes]
    distinct_numbers: np.ndarray
    occurrences: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """The records that have the feature, bool `[records]`."""
        return self.counts >= 0

    @property
    def values(self) -> int:
        """The number of values of `kind`."""
        return int(self.occurrences.sum())

    @property
    def distinct(self) -> int:
        """The number of distinct values of `kind`."""
        return len(self.occurrences)

    @cached_property
    def limits(self) -> tuple[float, float] | None:
        """The smallest and the largest finite number; None without one."""
        finite = self.numbers[np.isfinite(self.numbers)] if self.numbers.dtype.kind == "f" else self.numbers
        return (finite.min().item(), finite.max().item()) if len(finite) else None

    @cached_property
    def is_finite(self) -> bool:
        """Whether no number is NaN or infinite."""
        return bool(np.isfinite(self.numbers).all())

    @cached_property
    def is_ordered(self) -> bool:
        """Whether the numbers of each record only rise, or only fall, except for one in a hundred."""
        inside = np.ones(max(len(self.numbers) - 1, 0), bool)
        bounds = self.record_ends[(self.record_ends > 0) & (self.record_ends < len(self.numbers))]
        inside[bounds - 1] = False
        before, after = self.numbers[:-1][inside], self.numbers[1:][inside]
        rises, falls = int((after > before).sum()), int((after < before).sum())
        return 100 * min(rises, falls) <= max(rises, falls) and rises != falls

    def most_common(self, count: int) -> list[bytes]:
        """The most frequent strings; none of a feature of numbers."""
        most_frequent = np.argsort(-self.occurrences, kind="stable")[:count]
        return self.strings and [self.strings[index] for index in most_frequent]

    def records_with(self, steps: np.ndarray) -> np.ndarray:
        """The records that have one of these steps (bool `[steps]`), bool `[records]`."""
        return _occur(self.step_rows[steps], len(self.counts))


def summarize_feature(
    key: str, values: FeatureValues, rows: np.ndarray, records: int, *, is_list: bool
) -> FeatureFacts:
    """Summarizes a feature's values.

    Args:
        key: its name.
        values: its values in the records that have it.
        rows: int64: the positions of these records.
        records: the number of all records.
        is_list: whether it is a feature list. If not, a feature without a list of values counts as absent.
    """
    counts = np.full(records, -1)
    step_rows = np.repeat(rows, values.steps)
    if is_list:
        counts[rows] = values.steps
    else:
        counts[step_rows] = np.where(values.kinds < 0, -1, values.widths)
    by_kind = [int(_occur(step_rows[values.kinds == kind], records).sum()) for kind in range(len(KINDS))]
    main = by_kind.index(max(by_kind))
    content = values.values.get(main, np.zeros(0))
    if isinstance(content, np.ndarray):
        strings, numbers = [], content
        distinct_numbers, occurrences = np.unique(content, return_counts=True)
    else:
        counted = pc.value_counts(content)
        strings, numbers = counted.field(0).to_pylist(), np.zeros(0)
        distinct_numbers, occurrences = np.zeros(0), counted.field(1).to_numpy()
    ends = np.cumsum(np.where(values.kinds == main, values.widths, 0))
    return FeatureFacts(
        key=key,
        kinds={kind: number for kind, number in zip(KINDS, by_kind, strict=True) if number},
        kind=KINDS[main] if any(by_kind) else "",
        counts=counts,
        other_kind=_occur(step_rows[(values.kinds >= 0) & (values.kinds != main)], records),
        widths=values.widths if is_list else np.zeros(0, np.int64),
        step_rows=step_rows if is_list else np.zeros(0, np.int64),
        numbers=numbers,
        record_ends=np.append(0, ends)[np.cumsum(values.steps)],
        strings=strings,
        distinct_numbers=distinct_numbers,
        occurrences=occurrences,
    )


def _occur(rows: np.ndarray, records: int) -> np.ndarray:
    """Which of the records are among `rows`, bool `[records]`."""
    return np.bincount(rows, minlength=records) > 0
