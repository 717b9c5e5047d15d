"""What the steps of the job leave in the work folder for who comes next: one list for each step."""

from typing import Any

from pydantic import TypeAdapter

from lengthwise.job.task_values import Job
from lengthwise.storage import files

MEASURED, SPILLED, WRITTEN = "measured.json", "spilled.json", "written.json"


def read_summary(job: Job, name: str, kind: type) -> list:  # type: ignore[type-arg]
    """What a step left in the work folder; nothing where nothing arrived there, so count what should have."""
    path = job.place(name)
    return TypeAdapter(kind).validate_json(files.read_bytes(path)) if files.exists(path) else []


def write_summary(job: Job, name: str, kind: type, found: list[Any]) -> None:
    """Leaves what a step found in the work folder."""
    files.write_bytes(job.place(name), TypeAdapter[Any](kind).dump_json(found), below=job.work)
