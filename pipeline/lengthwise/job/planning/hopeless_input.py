"""Stopping before the input is read where it would be in vain: the first records are all rejected for one reason."""

from lengthwise.errors import DataLimitError
from lengthwise.job.task_values import Job
from lengthwise.records.samples.first_records import AllRejected, look_ahead

_LEAST = 1024  # records that are looked at to tell which keys there are


def find_hopeless(job: Job) -> AllRejected | None:
    """What the first records are rejected for, where all are and `limits.stop_after_rejected` forbids to go on."""
    most = job.config.limits.looked_ahead
    found = _look(job, most) if most else None
    return found if found is not None and found.rest else None


def refuse_hopeless(job: Job) -> None:
    """Raises DataLimitError where the first records are all rejected for one reason; see `find_hopeless`."""
    found = find_hopeless(job)
    if found is not None:
        raise DataLimitError(describe_hopeless(found))


def describe_hopeless(found: AllRejected) -> str:
    """What is wrong and what to do, in words."""
    return found.describe("limits.stop_after_rejected")


def keys_of(job: Job) -> str:
    """The keys that the records have, in a sentence, where the first records are all rejected for one reason."""
    found = _look(job, _LEAST)
    return "" if found is None else found.keys()


def _look(job: Job, most: int) -> AllRejected | None:
    return look_ahead([source.path for source in job.inputs], job.rules, most, job.config).rejected
