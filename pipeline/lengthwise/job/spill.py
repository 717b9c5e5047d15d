"""One input file -> its rows as sorted runs, its rejects, and the counts, whose writing is the end of the file.

Where boundaries are planned, rows wait as they were read until all lengths are known; then a second call sorts them.
"""

import os
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from lengthwise import files
from lengthwise.errors import EnvironmentFailure
from lengthwise.job.measure import add_lengths
from lengthwise.job.memory import keep_freed_memory
from lengthwise.job.model import Input, Job, Spilled
from lengthwise.job.reading import Reading
from lengthwise.job.runs import RunWriter, run_path
from lengthwise.job.waiting import WaitingWriter, waiting_path, waiting_rows
from lengthwise.progress import Reporter
from lengthwise.records.features import INDEX, WINDOW, length_columns, lengths_of
from lengthwise.records.framing import Block, frame
from lengthwise.records.order import in_order, shuffled
from lengthwise.records.refine import Refiner, Tally
from lengthwise.records.rejects_io import encode_reject
from lengthwise.records.splits import splits_of_rows
from lengthwise.records.statistics import merge_ranges, ranges
from lengthwise.rejects import RejectReason


def spill_file(job: Job, source: Input) -> Spilled:
    """Reads, decodes, validates and cuts a file; its rows go to a run file, its rejects beside it.

    Without boundaries, rows are not sorted yet. Done before (the same file of the same job), it is not read again,
    unless a power cut has shortened what it gave.
    """
    done = job.place("spilled", f"{source.rank:06d}.json")
    spilled = _done_before(job, done)
    if spilled is not None and (spilled.is_sorted or not job.boundaries):
        return spilled
    keep_freed_memory()
    try:
        spilled = _read(job, source) if spilled is None else _sort(job, spilled)
    except EnvironmentFailure:
        # A cluster may give one file to two workers: the other may have sorted its rows, and removed the waiting ones.
        sorted_meanwhile = _done_before(job, done)
        if sorted_meanwhile is None or not sorted_meanwhile.is_sorted:
            raise
        return sorted_meanwhile
    spilled = spilled.model_copy(update={"sizes": _sizes(job, spilled)})
    files.write_bytes(done, spilled.model_dump_json().encode())
    if spilled.is_sorted:
        files.remove(waiting_path(job, source.rank))
    return spilled


def _read(job: Job, source: Input) -> Spilled:
    path = (run_path if job.boundaries else waiting_path)(job, source.rank)
    # Not durable: the disk need not keep up with files that are read once, and then removed.
    refused = files.create(rejects_path(job, source.rank), durable=False)
    with files.create(path, durable=False) as stream, refused as rejects:
        writer = RunWriter(job, source.rank, stream) if job.boundaries else WaitingWriter(job, stream)
        return _Spill(job, source, writer).run(rejects.write)


def _sort(job: Job, spilled: Spilled) -> Spilled:
    with files.create(run_path(job, spilled.rank), durable=False) as stream:
        runs = RunWriter(job, spilled.rank, stream)
        for rows, order, split in waiting_rows(job, spilled.rank):
            runs.add(rows, order, split)
        runs.flush()
        found = sum(segment.rows for segment in runs.segments)
        if found != spilled.tally.sequences:
            path = waiting_path(job, spilled.rank)
            raise EnvironmentFailure(f"{path}: expected {spilled.tally.sequences:,} rows, found {found:,}; run again")
    return spilled.model_copy(update={"segments": runs.segments, "is_sorted": True})


def _done_before(job: Job, path: str) -> Spilled | None:
    if not files.exists(path):
        return None
    spilled = Spilled.model_validate_json(files.read_bytes(path))
    return spilled if spilled.sizes == _sizes(job, spilled) else None


def _sizes(job: Job, spilled: Spilled) -> list[int]:
    """The sizes of local files; remote ones are there whole or not at all."""
    rows = run_path if spilled.is_sorted else waiting_path
    paths = rows(job, spilled.rank), rejects_path(job, spilled.rank)
    return [os.path.getsize(path) for path in paths if not files.is_remote(path) and os.path.exists(path)]


def rejects_path(job: Job, rank: int) -> str:
    """Where the rejects of an input file wait, framed but not compressed."""
    return job.place("rejects", f"{rank:06d}.tfrecord")


def _damage_of(source: Input, block: Block) -> str:
    """How the file broke off in this block, in words; empty where it did not."""
    found = [one.detail for one in block.damage if one.reason is RejectReason.DAMAGED_FILE]
    return f"{source.path}: {found[0]}" if found else ""


class _Spill:
    """The state of one file's reading."""

    def __init__(self, job: Job, source: Input, rows: RunWriter | WaitingWriter) -> None:
        self._job = job
        self._source = source
        self._rows = rows
        self._columns = length_columns(job.config.columns)
        self._lengths: dict[str, dict[int, dict[int, int]]] = {group: {} for group in self._columns}
        self._ranges: dict[str, tuple[float, float]] = {}

    def run(self, write_rejects: Callable[[bytes], object]) -> Spilled:
        source, job = self._source, self._job
        refiner = Refiner(job.rules)
        reporter = Reporter(job.progress, f"read-{source.rank:06d}")
        tally = Tally()
        reading = Reading(job, source)
        damage = ""
        for block in reading.blocks():
            refined = refiner.refine(block, source.path)
            self._take(refined.rows, block)
            write_rejects(frame(map(encode_reject, refined.rejects)))
            tally.add(refined.tally)
            damage = _damage_of(source, block) or damage
            reporter.report(reading.consumed, tally.read, tally.rejected.total())
        self._rows.flush()
        reporter.report(source.size, tally.read, tally.rejected.total(), final=True)
        return Spilled(
            rank=source.rank,
            tally=tally,
            damage=damage,
            segments=self._rows.segments,
            is_sorted=bool(job.boundaries),
            lengths=self._lengths,
            ranges=self._ranges,
        )

    def _take(self, rows: pa.RecordBatch, block: Block) -> None:
        if rows.num_rows == 0:
            return
        split = self._split(rows, block)
        self._rows.add(rows, self._order(rows), split)
        self._ranges = merge_ranges([self._ranges, ranges(self._job.config.columns, rows)])
        for group, column in self._columns.items():
            lengths = lengths_of(rows, column)
            for index in np.unique(split).tolist():
                add_lengths(self._lengths[group].setdefault(index, {}), lengths[split == index])

    def _split(self, rows: pa.RecordBatch, block: Block) -> np.ndarray:
        if self._source.split is not None:
            return np.full(rows.num_rows, self._source.split, np.int32)
        return splits_of_rows(rows, block, self._job.config.splits)

    def _order(self, rows: pa.RecordBatch) -> np.ndarray:
        indices = rows.column(INDEX).to_numpy()
        if not self._job.config.shuffle.enabled:
            return in_order(self._source.rank, indices)
        return shuffled(self._source.name, self._job.config.shuffle.seed, indices, rows.column(WINDOW).to_numpy())
