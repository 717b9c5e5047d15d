"""A cluster's workers have another current folder than the command: relative local paths are made absolute for them."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from lengthwise import files
from lengthwise.columns import VocabularyColumn
from lengthwise.columns.base import Spec
from lengthwise.job.model import Job
from lengthwise.job.options import is_embedded


def for_workers(job: Job, options: Sequence[str]) -> Job:
    """The job as the workers of the chosen runner need it. Names in rejects and messages stay as they were given."""
    if is_embedded(options):
        return job
    config = job.config.model_copy(update={"columns": tuple(map(_absolute, job.config.columns))})
    return dataclasses.replace(job, config=config, work=_absolute_path(job.work), folder=os.getcwd())


def _absolute(spec: Any) -> Any:
    changes = {name: _absolute(value) for name, value in spec if isinstance(value, Spec)}
    if isinstance(spec, VocabularyColumn) and spec.vocabulary_file:
        changes["vocabulary_file"] = _absolute_path(spec.vocabulary_file)
    return spec.model_copy(update=changes) if changes else spec


def _absolute_path(path: str) -> str:
    return path if files.is_remote(path) else os.path.abspath(path)
