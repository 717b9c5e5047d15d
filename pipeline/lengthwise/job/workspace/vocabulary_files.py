"""The columns that look up in a vocabulary, and the paths of their vocabulary files."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from lengthwise.columns import AnyColumn, VocabularyColumn, id_features
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import with_changed_parts
from lengthwise.config import JobConfig
from lengthwise.job.task_values import Job
from lengthwise.job.workspace.data_set_files import vocabulary_name


def vocabulary_columns(columns: Iterable[AnyColumn]) -> dict[str, VocabularyColumn]:
    """The columns that look up in a vocabulary, by key."""
    return {column.key: column for column in id_features(columns) if isinstance(column, VocabularyColumn)}


def with_vocabulary_files(config: JobConfig, path: Callable[[VocabularyColumn], str | None]) -> JobConfig:
    """The configuration with other paths of vocabulary files, including those that are to be counted.

    Args:
        config: a job's.
        path: from a column to the path of its file.
    """

    def change(part: Spec) -> dict[str, Any]:
        if isinstance(part, VocabularyColumn) and (part.vocabulary_file or part.from_data):
            return {"vocabulary_file": path(part)}
        return {}

    return config.model_copy(update={"columns": tuple(with_changed_parts(column, change) for column in config.columns)})


def with_counted_files(job: Job) -> JobConfig:
    """The job's configuration, with the paths of the vocabularies that it counts; see `counted_vocabularies`."""

    def path(column: VocabularyColumn) -> str | None:
        if not column.needs_counting:
            return column.vocabulary_file
        return counted_path(job, _owner(column))

    return with_vocabulary_files(job.config, path)


def as_given(job: Job) -> JobConfig:
    """The configuration as it was given to the job: without the vocabularies that the job has counted itself."""
    folder = job.work_path("vocabulary", "")

    def path(column: VocabularyColumn) -> str | None:
        name = column.vocabulary_file
        return None if name and column.from_data and name.startswith(folder) else name

    return with_vocabulary_files(job.config, path)


def to_count(job: Job) -> dict[str, tuple[VocabularyColumn, ...]]:
    """The vocabularies that the job counts in its own data: the columns of each, by the key of the one that defines it.

    The defining column is the first.
    """

    def order(column: VocabularyColumn) -> tuple[str, bool, str]:
        return _owner(column), _owner(column) != column.key, column.key

    columns = [column for column in vocabulary_columns(as_given(job).columns).values() if column.needs_counting]
    return {owner: tuple(members) for owner, members in groupby(sorted(columns, key=order), key=_owner)}


def counted_path(job: Job, owner: str) -> str:
    """The file of a vocabulary that the job has counted."""
    return job.work_path(vocabulary_name(owner))


def _owner(column: VocabularyColumn) -> str:
    """The key of the column that defines how this one's vocabulary is counted."""
    return (column.from_data.same_as if column.from_data else None) or column.key
