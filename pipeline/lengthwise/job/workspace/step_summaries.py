"""The results of the steps of a job: one file in the work folder for each step, with a list."""

from typing import Any

from pydantic import TypeAdapter

from lengthwise.job.task_values import Job
from lengthwise.storage import files

MEASURED, SPILLED, WRITTEN = "measured.json", "spilled.json", "written.json"


def read_summary(job: Job, name: str, kind: type) -> list:  # type: ignore[type-arg]
    """The results of a step; an empty list if none arrived in the work folder, so the caller must count them."""
    path = job.place(name)
    return TypeAdapter(kind).validate_json(files.read_bytes(path)) if files.exists(path) else []


def write_summary(job: Job, name: str, kind: type, results: list[Any]) -> None:
    """Writes the results of a step into the work folder."""
    files.write_bytes(job.place(name), TypeAdapter[Any](kind).dump_json(results), below=job.work)
