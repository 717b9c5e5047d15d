"""Validates the input only: which records a job would reject, and whether it would exceed a limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lengthwise.buckets import LengthHistogram
from lengthwise.job.planning.length_measurement import first_examples, leading_lengths
from lengthwise.job.task_values import Job, MeasuredPiece, Piece, RejectExample
from lengthwise.job.writing.limit_checks import check_limits
from lengthwise.manifest import Counts
from lengthwise.records.rows.block_rows import Tally
from lengthwise.records.samples.first_records import AllRejected
from lengthwise.reject_reasons import Reject, RejectReason


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    Attributes:
        tally: the counts of records.
        lengths: of the valid sequences (of the group that leads), cut and split as the configuration says.
        examples: the first few rejects of each reason and column.
        damaged: the number of files that are partly or completely unreadable.
        fault: a message about the limit of the configuration that the data exceeds; empty for none.
    """

    tally: Tally
    lengths: LengthHistogram
    examples: tuple[RejectExample, ...]
    damaged: int
    fault: str


def check_pieces(job: Job, pieces: Sequence[Piece], measured: Sequence[MeasuredPiece]) -> CheckResult:
    """The result for all pieces together, in the order of the input."""
    tally = Tally()
    examples: list[RejectExample] = []
    for piece, result in zip(pieces, measured, strict=True):
        tally.add(result.tally)
        examples += [reject.model_copy(update={"index": reject.index + piece.shift}) for reject in result.examples]
    damage = [f"{reject.file}: {reject.detail}" for reject in examples if reject.reason is RejectReason.DAMAGED_FILE]
    counts = Counts(read=tally.read, written=tally.written, rejected=dict(tally.rejected), sequences=tally.sequences)
    fault = check_limits(job, counts, damage)
    return CheckResult(tally, leading_lengths(measured), _sorted_examples(examples), len(damage), fault)


def check_hopeless(all_rejected: AllRejected) -> CheckResult:
    """The result if the first records are all rejected, so that no more are read."""
    examples = _sorted_examples(all_rejected.rejects)
    return CheckResult(all_rejected.tally, LengthHistogram.from_counts({}), examples, 0, all_rejected.describe())


def _sorted_examples(rejects: Iterable[Reject | RejectExample]) -> tuple[RejectExample, ...]:
    """The first few of each reason and column, sorted by reason."""
    reasons = list(RejectReason)
    return tuple(sorted(first_examples(rejects), key=lambda example: (reasons.index(example.reason), example.column)))
