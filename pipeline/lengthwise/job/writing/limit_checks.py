"""Checks the counts of a job against the limits of its configuration, before anything is published."""

from collections import Counter
from collections.abc import Sequence

from lengthwise.job.planning.hopeless_input import describe_keys
from lengthwise.job.reading.input_files import NO_RECORD
from lengthwise.job.task_values import Job
from lengthwise.job.workspace.quantile_boundaries import keys_without_numbers
from lengthwise.job.workspace.vocabulary_files import to_count
from lengthwise.manifest import Counts, Manifest

_NAMED = 3  # damaged files in a message


def check_limits(job: Job, counts: Counts, damage: Sequence[str]) -> str:
    """A message about the limit that the data exceeds; empty for none.

    Args:
        job: the job.
        counts: of its records.
        damage: a line for each damaged file.
    """
    limits = job.config.limits
    if len(damage) > limits.damaged_files:
        more = f"; and {len(damage) - _NAMED} more" if len(damage) > _NAMED else ""
        return (
            f"{len(damage)} of {len(job.inputs)} input files are damaged or unreadable, limits.damaged_files allows "
            f"{limits.damaged_files} ({'; '.join(sorted(damage)[:_NAMED])}{more})"
        )
    if counts.read == 0:
        return NO_RECORD
    rejected = sum(counts.rejected.values())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in Counter(counts.rejected).most_common())
    if rejected > limits.rejected_fraction * counts.read:
        return (
            f"{rejected:,} of {counts.read:,} records were rejected ({reasons}), limits.rejected_fraction allows "
            f"{limits.rejected_fraction:.3%}{_describe_keys(job, counts)}"
        )
    if counts.written == 0 and not job.config.buckets.given:
        return f"all {counts.read:,} records were rejected ({reasons}), so there is nothing to plan buckets from"
    if counts.written == 0 and to_count(job):
        return f"all {counts.read:,} records were rejected ({reasons}), so there is nothing to count vocabularies in"
    return ""


def _describe_keys(job: Job, counts: Counts) -> str:
    """The keys of the records, if all are rejected for the same reason: a configured key may be wrong."""
    if counts.written or len(counts.rejected) > 1:
        return ""
    keys = describe_keys(job)
    return keys and f". {keys.removesuffix('.')}"


def check_quantiles(job: Job, manifest: Manifest) -> str:
    """A message if the training split has no numbers for the quantiles of a column; empty otherwise."""
    keys = keys_without_numbers(manifest)
    if not keys:
        return ""
    where = f"in the split {job.config.training_split!r}"
    if job.config.training_split is None:
        where = f"in a split 'train', which is not among {', '.join(job.config.split_names)}"
    return f"{keys[0]}: expected numbers {where} to take quantiles of, received none; write its boundaries as numbers"
