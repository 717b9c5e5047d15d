"""The columns that look up in a vocabulary, and where they read it."""

from collections.abc import Callable, Iterable
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
    """The configuration whose vocabulary files, those to be counted included, are at other paths.

    Args:
        config: a job's.
        path: from the column that looks up to the path.
    """

    def change(part: Spec) -> dict[str, Any]:
        if isinstance(part, VocabularyColumn) and (part.vocabulary_file or part.from_data):
            return {"vocabulary_file": path(part)}
        return {}

    return config.model_copy(update={"columns": tuple(with_changed_parts(one, change) for one in config.columns)})


def with_counted_files(job: Job) -> JobConfig:
    """The job's configuration, with vocabularies that are to be counted where the job writes them: see `counted`."""

    def path(column: VocabularyColumn) -> str | None:
        if not column.needs_counting:
            return column.vocabulary_file
        return counted_path(job, _owner(column))

    return with_vocabulary_files(job.config, path)


def as_given(job: Job) -> JobConfig:
    """The configuration as the job was given it: vocabularies that it counted itself are to be counted."""
    folder = job.place("vocabulary", "")

    def path(column: VocabularyColumn) -> str | None:
        name = column.vocabulary_file
        return None if name and column.from_data and name.startswith(folder) else name

    return with_vocabulary_files(job.config, path)


def to_count(job: Job) -> dict[str, tuple[VocabularyColumn, ...]]:
    """The vocabularies that the job counts in its own data: the columns of each, by the key of the one that says how.

    That one comes first.
    """
    found: dict[str, tuple[VocabularyColumn, ...]] = {}
    columns = [one for one in vocabulary_columns(as_given(job).columns).values() if one.needs_counting]
    for column in sorted(columns, key=lambda one: (_owner(one), _owner(one) != one.key, one.key)):
        found[_owner(column)] = (*found.get(_owner(column), ()), column)
    return found


def counted_path(job: Job, owner: str) -> str:
    """Where a vocabulary is that the job has counted."""
    return job.place(vocabulary_name(owner))


def _owner(column: VocabularyColumn) -> str:
    """The key of the column that says how this one's vocabulary is counted."""
    return (column.from_data.same_as if column.from_data else None) or column.key
