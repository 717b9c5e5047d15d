"""Validation alone: what would be rejected, and whether the limits would hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from lengthwise.buckets import LengthHistogram
from lengthwise.job.planning.hopeless_input import describe_hopeless
from lengthwise.job.planning.length_measurement import as_example, leading_lengths, reason_and_column
from lengthwise.job.task_values import Job, MeasuredPiece, Piece, RejectExample
from lengthwise.job.writing.publication import check_limits
from lengthwise.manifest import Counts
from lengthwise.records.rows.block_rows import Tally
from lengthwise.records.samples.first_records import AllRejected
from lengthwise.reject_reasons import RejectReason, first_of_each


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        tally: what was counted.
        lengths: of the valid sequences (of the group that leads), cut and split as the configuration says.
        examples: the first few rejects of each reason and column.
        damaged: how many files are unreadable in whole or in part.
        fault: which limit of the configuration the data breaks, in words; empty where it keeps them all.
    """

    tally: Tally
    lengths: LengthHistogram
    examples: tuple[RejectExample, ...]
    damaged: int
    fault: str


def judge(job: Job, pieces: Sequence[Piece], measured: Sequence[MeasuredPiece]) -> Verdict:
    """The verdict on all pieces together, in the order of the input."""
    tally = Tally()
    examples: list[RejectExample] = []
    for piece, one in zip(pieces, measured, strict=True):
        tally.add(one.tally)
        examples += [refused.model_copy(update={"index": refused.index + piece.shift}) for refused in one.examples]
    damage = [f"{one.file}: {one.detail}" for one in examples if one.reason is RejectReason.DAMAGED_FILE]
    counts = Counts(read=tally.read, written=tally.written, rejected=dict(tally.rejected), sequences=tally.sequences)
    fault = check_limits(job, counts, damage)
    return Verdict(tally, leading_lengths(measured), tuple(_first(examples)), len(damage), fault)


def judge_hopeless(found: AllRejected) -> Verdict:
    """The verdict where the first records are all rejected, so that no more were read."""
    examples = [as_example(reject) for reject in found.rejects]
    return Verdict(found.tally, LengthHistogram.from_counts({}), tuple(_first(examples)), 0, describe_hopeless(found))


def _first(examples: list[RejectExample]) -> list[RejectExample]:
    """Of each reason and column the first few, sorted by reason."""
    order = {reason: place for place, reason in enumerate(RejectReason)}
    return sorted(first_of_each(examples, reason_and_column), key=lambda one: (order[one.reason], one.column))
