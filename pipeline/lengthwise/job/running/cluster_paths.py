"""Absolute paths for the workers of a cluster, whose current folder differs from that of the command."""

import dataclasses
import os
from collections.abc import Sequence

from lengthwise.columns import VocabularyColumn
from lengthwise.job.running.beam_options import is_embedded
from lengthwise.job.task_values import Job
from lengthwise.job.workspace.vocabulary_files import with_vocabulary_files
from lengthwise.storage import files


def for_workers(job: Job, options: Sequence[str]) -> Job:
    """The job as the workers of the selected runner need it. Names in rejects and messages stay as they were given."""
    if is_embedded(options):
        return job
    config = with_vocabulary_files(job.config, _absolute_vocabulary)
    return dataclasses.replace(job, config=config, work=_absolute_path(job.work), folder=os.getcwd())


def _absolute_path(path: str) -> str:
    return path if files.is_remote(path) else os.path.abspath(path)


def _absolute_vocabulary(column: VocabularyColumn) -> str | None:
    return column.vocabulary_file and _absolute_path(column.vocabulary_file)
