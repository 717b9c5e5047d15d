"""Validation alone: what would be rejected, and whether the limits would hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from lengthwise.buckets import LengthHistogram
from lengthwise.manifest import Counts
from lengthwise.prepare.measure import EXAMPLES, add_up
from lengthwise.prepare.model import Job, Measured, Refused
from lengthwise.prepare.publish import check_limits
from lengthwise.records.refine import Tally
from lengthwise.rejects import RejectReason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        tally: what was counted.
        lengths: of the valid sequences, cut and split as the configuration says.
        examples: the first few rejects of each reason and column.
        damaged: how many files are unreadable in whole or in part.
        fault: which limit of the configuration the data breaks, in words; empty where it keeps them all.
    """

    tally: Tally
    lengths: LengthHistogram
    examples: tuple[Refused, ...]
    damaged: int
    fault: str


def judge(job: Job, measured: Sequence[Measured]) -> Verdict:
    """The verdict on all files together."""
    tally = Tally()
    examples: list[Refused] = []
    for one in sorted(measured, key=lambda one: one.rank):
        tally.add(one.tally)
        examples += one.examples
    damage = [f"{one.file}: {one.detail}" for one in examples if one.reason is RejectReason.DAMAGED_FILE]
    counts = Counts(read=tally.read, written=tally.written, rejected=dict(tally.rejected), sequences=tally.sequences)
    fault = check_limits(job, counts, damage)
    return Verdict(tally, add_up(measured), tuple(_first(examples)), len(damage), fault)


def _first(examples: list[Refused]) -> list[Refused]:
    """Of each reason and column the first few, sorted by reason."""
    groups: dict[tuple[RejectReason, str], list[Refused]] = {}
    for one in examples:
        groups.setdefault((one.reason, one.column), []).append(one)
    order = {reason: place for place, reason in enumerate(RejectReason)}
    chosen = sorted(groups, key=lambda group: (order[group[0]], group[1]))
    return [one for group in chosen for one in groups[group][:EXAMPLES]]
