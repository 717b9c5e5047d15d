"""Counts the values of vocabularies that a job builds from its own data, while it reads its input once.

values of a piece ─▶ a file of counts per vocabulary ─ merged, until few files are left ─▶ `counted_vocabularies`

Each file is a run of `records.statistics.value_counts`: sorted, so that any number of files is merged in little memory.
The counts are those of the sequences of the training split as they are written, so those of ids in the data set.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise.job.task_values import Job
from lengthwise.job.workspace.vocabulary_files import to_count
from lengthwise.records.arrays.arrow_batches import read_arrow_batch, write_arrow_batch
from lengthwise.records.arrays.arrow_lists import list_values
from lengthwise.records.rows.block_rows import Distinct, count_codes
from lengthwise.records.statistics.value_counts import SCHEMA, as_counts, in_batches, merge_runs, sum_counts
from lengthwise.storage import files

MOST_BYTES = 2**25
"""Of the values of a vocabulary in a worker's memory; beyond, it writes them to files, and merges these at the end."""
MOST_FILES = 32
"""That are merged at a time; a batch of about 1 MiB of each is in memory."""


class PieceCounts:
    """Counts the values of a piece, for each vocabulary that the job builds."""

    def __init__(self, job: Job, piece: str) -> None:
        names = job.config.split_names
        self._training = names.index(job.config.training_split) if job.config.training_split in names else -1
        self._counters = {
            tuple(column.key for column in columns): ValueCounter(path, job.work)
            for columns, path in zip(to_count(job).values(), counts_paths(job, piece), strict=True)
        }

    def add(self, rows: pa.RecordBatch, split: np.ndarray, distinct: Mapping[str, Distinct]) -> None:
        """Adds rows of codes, with their splits, int32 `[n]`, and the values that the codes represent."""
        if not self._counters:
            return
        is_training = split == self._training
        for keys, counter in self._counters.items():
            for key in keys:
                lists, values = rows.column(key), distinct[key].values
                codes = list_values(lists if is_training.all() else lists.filter(pa.array(is_training)))
                counter.add(values, count_codes(codes.astype(np.int64, copy=False), len(values)))

    def finish(self) -> None:
        """Writes the files of counts."""
        for counter in self._counters.values():
            counter.finish()


class ValueCounter:
    """Counts values into a file. It needs about twice `MOST_BYTES` of memory."""

    def __init__(self, path: str, below: str = "") -> None:
        self._path = path
        self._below = below
        self._parts: list[pa.RecordBatch] = []
        self._bytes = 0
        self._written: list[str] = []

    def add(self, values: pa.Array, counts: np.ndarray) -> None:
        """Adds distinct values, `large_binary [n]`, and the number of occurrences of each, int64 `[n]`."""
        occurring = np.flatnonzero(counts)
        self._parts.append(as_counts(values.take(pa.array(occurring)), counts[occurring]))
        self._bytes += self._parts[-1].nbytes
        if self._bytes < MOST_BYTES:
            return
        self._parts = [sum_counts(self._parts)]
        self._bytes = self._parts[0].nbytes
        if self._bytes > MOST_BYTES // 2:
            self._written.append(f"{self._path}-{len(self._written)}")
            _write(self._written[-1], in_batches(self._parts[0]), self._below)
            self._parts, self._bytes = [], 0

    def finish(self) -> None:
        """Writes the file of counts."""
        last = in_batches(sum_counts(self._parts))
        with _opened(self._written) as runs:
            _write(self._path, merge_runs([*runs, last]) if runs else last, self._below)
        for path in self._written:
            files.remove(path)


@dataclass(frozen=True, slots=True)
class MergeTask:
    """Files of counts to merge: their paths, and that of the merged file."""

    paths: tuple[str, ...]
    target: str


def merge_counts(job: Job, task: MergeTask) -> str:
    """Merges files of counts into one; returns its path."""
    if not files.exists(task.target):
        with merged_files(task.paths) as run:
            _write(task.target, run, job.work, durable=True)
    return task.target


def merge_tasks(paths: Sequence[str]) -> list[MergeTask]:
    """The merges that reduce the number of files; none if there are few enough."""
    if len(paths) <= MOST_FILES:
        return []
    groups = [tuple(paths[start : start + MOST_FILES]) for start in range(0, len(paths), MOST_FILES)]
    return [MergeTask(group, f"{group[0]}-merged") for group in groups]


def counts_paths(job: Job, piece: str) -> list[str]:
    """The files of counts of a piece, one for each vocabulary of `to_count`."""
    return [job.work_path("counts", f"{piece}-{number}") for number in range(len(to_count(job)))]


@contextmanager
def merged_files(paths: Sequence[str]) -> Iterator[Iterator[pa.RecordBatch]]:
    """One run of counts, merged from several files."""
    with _opened(paths) as runs:
        yield merge_runs(runs)


@contextmanager
def _opened(paths: Sequence[str]) -> Iterator[list[Iterator[pa.RecordBatch]]]:
    with ExitStack() as opened:
        yield [_read(opened.enter_context(files.open_binary(path))) for path in paths]


def _read(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    while (batch := read_arrow_batch(stream, SCHEMA)) is not None:
        yield batch


def _write(path: str, run: Iterator[pa.RecordBatch], below: str, *, durable: bool = False) -> None:
    with files.create(path, durable=durable, below=below) as stream:
        write_arrow_batch(stream, sum_counts([]))  # a remote file exists only once data is written
        for counts in run:
            for batch in in_batches(counts):
                write_arrow_batch(stream, batch)
