"""Rules as values, and the first fault of each record by them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic

from lengthwise.reject_reasons import RejectReason
from lengthwise.rules.array_protocol import A, Arrays

VALID = -1
"""The code of a record that breaks no rule."""
_ORDER = {reason: position for position, reason in enumerate(RejectReason)}


@dataclass(frozen=True, slots=True)
class RecordRule(Generic[A]):
    """A rule about some records, and which of their entries (values, steps, or the records themselves) break it.

    Attributes:
        reason: why a record that breaks it is rejected.
        column: the feature, or the group.
        is_broken: bool `[]`: whether an entry may break it. The rest is evaluated only then.
        broken: bool `[entries]`.
        describe: what was expected and received, by the number of a broken entry. Only the job calls it.
        splits: int64 `[n + 1]`: where each record's entries start; None where an entry is a record.
    """

    reason: RejectReason
    column: str
    is_broken: A | bool
    broken: Callable[[], A]
    describe: Callable[[int], str]
    splits: Callable[[], A] | None = None

    @property
    def name(self) -> str:
        """The reason, and the column if it has a name."""
        return f"{self.reason.value} ({self.column})" if self.column else self.reason.value

    def broken_records(self, arrays: Arrays[A]) -> A:
        """Bool `[n]`: the records with an entry that breaks the rule."""
        broken = self.broken()
        return broken if self.splits is None else arrays.segment_count(broken, self.splits()) > 0


@dataclass(frozen=True, slots=True)
class Verdicts(Generic[A]):
    """What is wrong with some records.

    Attributes:
        codes: int32 `[n]`: `VALID`, or a position in `rules`.
        rules: in the order in which they count.
    """

    codes: A
    rules: list[RecordRule[A]]

    @property
    def names(self) -> list[str]:
        """The names of the rules."""
        return [rule.name for rule in self.rules]


def verdicts(arrays: Arrays[A], rules: Iterable[RecordRule[A]], count: A) -> Verdicts[A]:
    """The first fault of each of `count` records, in the order of `RejectReason`, then of the columns' names."""
    may_be_broken = (rule for rule in rules if rule.is_broken is not False)  # numpy knows it, TensorFlow does not
    ordered = sorted(may_be_broken, key=lambda rule: (_ORDER[rule.reason], rule.column))
    valid = arrays.full(count, VALID, "int32")

    def judge() -> A:
        codes = valid
        for position, rule in reversed(list(enumerate(ordered))):
            codes = arrays.where(rule.broken_records(arrays), position, codes)
        return codes

    return Verdicts(arrays.cond(arrays.any_of([rule.is_broken for rule in ordered]), judge, lambda: valid), ordered)
