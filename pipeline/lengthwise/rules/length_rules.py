"""The lengths of the sequences of a group: measured, checked, and cut."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Generic, NamedTuple

from lengthwise.config import GroupRules
from lengthwise.reject_reasons import RejectReason
from lengthwise.rules.array_protocol import A, Arrays
from lengthwise.rules.raw_steps import Steps
from lengthwise.rules.record_rules import RecordRule

_NO_LENGTH = 2**63 - 1


class GroupLengths(NamedTuple, Generic[A]):
    """The lengths of a group in some records.

    Attributes:
        shortest: int64 `[n]`: the number of steps of its shortest sequence: the record's length. 0 if it has none.
        longest: int64 `[n]`: that of its longest sequence.
    """

    shortest: A
    longest: A


def measure(arrays: Arrays[A], sequences: Mapping[str, Steps[A]]) -> GroupLengths[A]:
    """The lengths of a group's sequences, of which absent ones do not count."""
    counts = [(steps.present, steps.counts) for steps in sequences.values()]
    shortest = reduce(arrays.minimum, [arrays.where(present, count, _NO_LENGTH) for present, count in counts])
    longest = reduce(arrays.maximum, [arrays.where(present, count, 0) for present, count in counts])
    return GroupLengths(arrays.minimum(shortest, longest), longest)


def length_rules(
    arrays: Arrays[A], group: str, measured: GroupLengths[A], sequences: Mapping[str, Steps[A]], rules: GroupRules
) -> Iterator[RecordRule[A]]:
    """The sequences of a group have one length, which is neither too small nor too large."""
    lengths, longest, least = measured.shortest, rules.max_length, rules.min_steps or 0

    def rule(reason: RejectReason, broken: A, describe: Callable[[int], str]) -> RecordRule[A]:
        return RecordRule(reason, group, arrays.any(broken), lambda: broken, describe)

    if rules.mismatch == "reject":
        uneven = arrays.not_equal(lengths, measured.longest)
        yield rule(RejectReason.LENGTH_MISMATCH, uneven, lambda record: _describe_lengths(sequences, record))
    if rules.empty == "reject":
        empty = arrays.equal(lengths, 0)
        yield rule(RejectReason.EMPTY_SEQUENCE, empty, lambda _: "expected at least one step (sequences.empty)")
    if least > 1:
        yield rule(
            RejectReason.TOO_SHORT,
            (lengths > 0) & (lengths < least),
            lambda record: f"expected at least {least} steps, received {lengths[record]} (sequences.min_steps)",
        )
    if rules.over_long == "reject" and longest is not None:
        yield rule(
            RejectReason.OVER_LONG,
            lengths > longest,
            lambda record: f"expected at most {longest} steps, received {lengths[record]} (sequences.over_long)",
        )


def kept_steps(arrays: Arrays[A], lengths: A, longest: int | None, *, keeps_last: bool) -> tuple[A, A]:
    """The first step that is kept of each sequence, and how many are, int64 `[n]` each: at most `longest`."""
    none = lengths * 0
    if longest is None:
        return none, lengths
    kept = arrays.minimum(lengths, longest)
    return (lengths - kept if keeps_last else none), kept


def _describe_lengths(sequences: Mapping[str, Steps[A]], record: int) -> str:
    lengths = [f"{key}: {int(steps.counts[record])}" for key, steps in sequences.items() if steps.present[record]]
    return f"expected equal lengths, received {', '.join(lengths)}"
