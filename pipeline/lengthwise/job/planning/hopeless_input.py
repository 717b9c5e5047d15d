"""Stops a job before it reads its input if the first records are all rejected for the same reason."""

from lengthwise.errors import DataLimitError
from lengthwise.job.task_values import Job
from lengthwise.records.samples.first_records import AllRejected, look_ahead

_MIN_RECORDS = 1024  # that are read to list their keys


def find_hopeless(job: Job) -> AllRejected | None:
    """The first records, if all are rejected and `limits.stop_after_rejected` does not allow to continue."""
    most = job.config.limits.looked_ahead
    all_rejected = _look_ahead(job, most) if most else None
    return all_rejected if all_rejected is not None and all_rejected.has_more else None


def refuse_hopeless(job: Job) -> None:
    """Raises DataLimitError if the first records are all rejected for the same reason; see `find_hopeless`."""
    all_rejected = find_hopeless(job)
    if all_rejected is not None:
        raise DataLimitError(all_rejected.describe())


def describe_keys(job: Job) -> str:
    """A sentence with the keys of the records, if the first ones are all rejected for the same reason."""
    all_rejected = _look_ahead(job, _MIN_RECORDS)
    return "" if all_rejected is None else all_rejected.describe_keys()


def _look_ahead(job: Job, most: int) -> AllRejected | None:
    return look_ahead([source.path for source in job.inputs], job.rules, most, job.config).rejected
