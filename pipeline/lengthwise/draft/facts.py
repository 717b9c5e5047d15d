"""What a feature holds, gathered record by record."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MOST_DISTINCT = 10_000


@dataclass(slots=True)
class Facts:
    """One feature over the records looked at.

    Attributes:
        kinds: which lists it came as: `bytes_list`, `float_list`, `int64_list`.
        counts: the number of values (SequenceExample: of steps) in each record that has the feature, by record.
        widths: SequenceExample: how many values a step has, and how often.
        low: the smallest number.
        high: the largest number.
        finite: whether all numbers are.
        rising: whether the numbers of no record ever fall.
        distinct: values and how often they occur; at most 10,000 different ones are kept.
        values: how many values there are.
        is_text: whether all bytes are UTF-8.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    counts: dict[int, int] = field(default_factory=dict)
    widths: Counter[int] = field(default_factory=Counter)
    low: float | None = None
    high: float | None = None
    finite: bool = True
    rising: bool = True
    distinct: Counter[Any] = field(default_factory=Counter)
    values: int = 0
    is_text: bool = True
    _last: Any = None

    @property
    def kind(self) -> str:
        """The one list it comes as; empty where there are several, or no value was ever seen."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 else ""

    @property
    def is_distinct_known(self) -> bool:
        """Whether every different value was kept."""
        return len(self.distinct) < MOST_DISTINCT

    def add_flat(self, record: int, feature: Any) -> None:
        """Takes in one `tf.train.Feature`: the whole of a tf.Example's, or of a context's."""
        self._last = None
        if feature.WhichOneof("kind"):  # without a list it counts as absent
            self.counts[record] = self._add_values(feature)

    def add_steps(self, record: int, steps: Any) -> None:
        """Takes in the `tf.train.FeatureList` of one record."""
        self._last = None
        self.counts[record] = len(steps.feature)
        self.widths.update(self._add_values(step) for step in steps.feature)

    def _add_values(self, feature: Any) -> int:
        kind = feature.WhichOneof("kind")
        if kind is None:
            return 0
        self.kinds[kind] += 1
        values = getattr(feature, kind).value
        self.values += len(values)
        if len(values) == 0:
            return 0
        if kind == "bytes_list":
            self._add_texts(values)
        else:
            self._add_numbers(np.asarray(values))
        return len(values)

    def _add_texts(self, values: Any) -> None:
        for value in values:
            try:
                self._count(value.decode())
            except UnicodeDecodeError:
                self.is_text = False
                self._count(value)

    def _add_numbers(self, numbers: Any) -> None:
        finite = numbers[np.isfinite(numbers)]
        self.finite &= len(finite) == len(numbers)
        if len(finite):
            starts = finite[0] if self._last is None else self._last
            self.rising &= bool(finite[0] >= starts and np.all(finite[1:] >= finite[:-1]))
            self._last = finite[-1]
            low, high = finite.min().item(), finite.max().item()
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        if numbers.dtype.kind == "i":
            for number in np.unique(numbers)[:MOST_DISTINCT].tolist():
                self._count(number)

    def _count(self, value: Any) -> None:
        if value in self.distinct or len(self.distinct) < MOST_DISTINCT:
            self.distinct[value] += 1
