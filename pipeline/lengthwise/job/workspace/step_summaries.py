"""The results of the steps of a job: one file in the work folder for each step, with a list."""

from typing import TypeVar

from pydantic import TypeAdapter

from lengthwise.job.task_values import Job, MeasuredPiece, SpilledPiece, WrittenShard
from lengthwise.storage import files

Result = TypeVar("Result")

SUMMARIES: dict[type, str] = {
    MeasuredPiece: "measured.json",
    SpilledPiece: "spilled.json",
    WrittenShard: "written.json",
}
"""The names of the files, by the type of their results."""


def read_summary(job: Job, kind: type[Result]) -> list[Result]:
    """The results of a step; an empty list if none arrived in the work folder, so the caller must count them."""
    path = job.work_path(SUMMARIES[kind])
    return _adapter(kind).validate_json(files.read_bytes(path)) if files.exists(path) else []


def write_summary(job: Job, kind: type[Result], results: list[Result]) -> None:
    """Writes the results of a step into the work folder."""
    files.write_bytes(job.work_path(SUMMARIES[kind]), _adapter(kind).dump_json(results), below=job.work)


def _adapter(kind: type[Result]) -> TypeAdapter[list[Result]]:
    return TypeAdapter(list[kind])  # type: ignore[valid-type]
