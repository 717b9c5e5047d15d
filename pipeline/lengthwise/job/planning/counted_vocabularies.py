"""Builds vocabularies from counted values: files in the work folder, and a job that looks up in them.

counts of the pieces ─ merged ─ the most frequent ─▶ vocabulary/word.txt, one entry per line
                                                     vocabulary/word.counts.txt, the number of occurrences of each
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from lengthwise.columns import VocabularyColumn
from lengthwise.columns.vocabulary_columns import MOST_ENTRIES
from lengthwise.errors import ConfigError, DataLimitError
from lengthwise.job.planning.value_counting import MergeTask, counts_paths, merge_tasks, merged_files
from lengthwise.job.task_values import Job, SpilledPiece
from lengthwise.job.workspace.data_set_files import counts_name
from lengthwise.job.workspace.vocabulary_files import counted_path, to_count, vocabulary_columns, with_counted_files
from lengthwise.manifest import CountedVocabulary
from lengthwise.progress import Event, ProgressSink
from lengthwise.records.statistics.value_counts import counts_of, most_frequent
from lengthwise.storage import files

_PLACEHOLDER = b"0"  # valid as a string and as an integer


def count_vocabularies(
    job: Job,
    spilled: Sequence[SpilledPiece],
    run_steps: Callable[[str, Job, Sequence[MergeTask]], None],
    progress: ProgressSink,
) -> Job:
    """The job with its vocabularies, if it builds any from its data.

    Args:
        job: the job, which has read its whole input.
        spilled: the results of each piece.
        run_steps: runs steps of `job_steps` by their name.
        progress: receives a message for each vocabulary.

    Raises:
        ConfigError: a vocabulary is too small for the `default_value` of a column.
        DataLimitError: no value occurs often enough.
    """
    by_piece = [counts_paths(job, name) for name in sorted(piece.piece for piece in spilled)]
    is_empty = not any(piece.tally.written for piece in spilled)
    for owner, files_of_pieces in zip(to_count(job), zip(*by_piece, strict=True), strict=True):
        if not files.exists(counted_path(job, owner)):
            paths = list(files_of_pieces)
            while tasks := merge_tasks(paths):
                run_steps("merge_counts", job, tasks)
                paths = [task.target for task in tasks]
            _write_vocabulary(job, owner, paths, is_empty=is_empty)
        progress(Event("log", message=_describe(job, owner)))
    job = dataclasses.replace(job, config=with_counted_files(job))
    for key, column in vocabulary_columns(job.config.columns).items():
        if column.from_data is not None and column.default_value >= column.size:
            rule = f"expected an id in [0, {column.size}), the vocabulary that was counted"
            raise ConfigError(f"column {key!r}: default_value: {rule}, received {column.default_value}")
    return job


def read_counted_vocabulary(job: Job, owner: str) -> CountedVocabulary:
    """The counts of a vocabulary that the job has built."""
    return CountedVocabulary.model_validate_json(files.read_bytes(_summary_path(job, owner)))


def counted_columns(job: Job) -> Iterator[tuple[VocabularyColumn, str]]:
    """The columns whose vocabulary the job counts, each with the key of the column that defines it."""
    for owner, columns in to_count(job).items():
        for column in columns:
            yield column, owner


def _write_vocabulary(job: Job, owner: str, paths: Sequence[str], *, is_empty: bool) -> None:
    """Writes the vocabulary of the column `owner` from the files of counts at `paths`.

    If no record is valid (`is_empty`), it has one placeholder: the job continues, and writes its rejects.
    """
    column = to_count(job)[owner][0]
    rules = column.from_data
    assert rules is not None
    with merged_files(paths) as run:
        frequent = most_frequent(run, rules.top or MOST_ENTRIES, rules.min_count)
    entries, counts = frequent.entries.column("values").to_pylist(), counts_of(frequent.entries)
    if is_empty:
        entries = [_PLACEHOLDER]
    elif not entries:
        raise DataLimitError(
            f"column {owner!r}: from_data: expected lines of text that occur {rules.min_count:,} times (min_count) in "
            f"the split {job.config.training_split!r}, found none among {frequent.distinct:,} distinct values; lower "
            "min_count, or give more data"
        )
    summary = CountedVocabulary(
        values=frequent.values,
        distinct=frequent.distinct,
        entries=len(entries),
        covered=int(counts.sum()),
        unfit=frequent.unfit,
    )
    files.write_bytes(_summary_path(job, owner), summary.model_dump_json().encode())
    files.write_bytes(job.work_path(counts_name(owner)), "".join(f"{count}\n" for count in counts.tolist()).encode())
    files.write_bytes(counted_path(job, owner), b"".join(entry + b"\n" for entry in entries))


def _describe(job: Job, owner: str) -> str:
    """A message with the counts of a vocabulary."""
    counts = read_counted_vocabulary(job, owner)
    share = counts.covered / counts.values if counts.values else 0.0
    unfit = ""
    if counts.unfit:
        unfit = f"; {counts.unfit:,} values cannot be a line of a text file, so they are outside the vocabulary"
    entries = f"vocabulary of {owner!r}: {counts.entries:,} of {counts.distinct:,} distinct values"
    return f"{entries}, {share:.1%} of all values of the split {job.config.training_split!r}{unfit}"


def _summary_path(job: Job, owner: str) -> str:
    return job.work_path(counts_name(owner) + ".json")
