"""One piece of the input -> its rows as sorted runs, its rejects, and the counts, whose writing is the piece's end.

Rows and rejects wait as they were read until all that they depend on is known: the boundaries, where these are planned,
the vocabularies, where these are counted, and the numbers of the records, where the piece is not the first of its file.
Then a second call looks up, numbers and sorts them.
"""

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from lengthwise.columns import needs_counting
from lengthwise.errors import EnvironmentFailure
from lengthwise.job.planning.length_measurement import add_lengths, pack_lengths
from lengthwise.job.planning.pair_counts import PairCounter
from lengthwise.job.planning.value_counting import counts_paths
from lengthwise.job.reading.piece_reader import PieceReader
from lengthwise.job.spilling.process_memory import keep_freed_memory
from lengthwise.job.spilling.sorted_runs import RunWriter, run_path
from lengthwise.job.spilling.waiting_rows import WaitingRows, WaitingWriter, waiting_path
from lengthwise.job.task_values import Input, Job, Piece, SpilledPiece
from lengthwise.job.workspace.vocabulary_files import as_given
from lengthwise.progress import Reporter
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.rejected.reject_files import encode_reject, read_rejects
from lengthwise.records.rows.block_rows import Refined, Refiner, Tally
from lengthwise.records.rows.row_features import length_columns, lengths_of
from lengthwise.records.rows.splits import splits_of_rows
from lengthwise.records.statistics.column_statistics import Ranges
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage import files


def spill_piece(job: Job, piece: Piece) -> SpilledPiece:
    """Reads, decodes, validates and cuts a piece; its rows go to a run file, its rejects beside it, or both wait.

    Done before (the same piece of the same job), it is not read again, unless a power cut has shortened what it gave.
    """
    done = job.place("spilled", f"{piece.name}.json")
    spilled = _done_before(job, piece, done)
    keep_freed_memory()
    if spilled is None:
        spilled = _keep(job, piece, _read(job, piece), done)
    if spilled.is_sorted or not _is_planned(job) or piece.first is None:
        return spilled
    try:
        spilled = _sort(job, piece, spilled)
    except EnvironmentFailure:
        # A cluster may give one piece to two workers: the other may have sorted its rows, and removed the waiting ones.
        sorted_meanwhile = _done_before(job, piece, done)
        if sorted_meanwhile is None or not sorted_meanwhile.is_sorted:
            raise
        return sorted_meanwhile
    spilled = _keep(job, piece, spilled, done)
    for path in waiting_path(job, piece.name), _waiting_rejects_path(job, piece):
        files.remove(path)
    return spilled


def _keep(job: Job, piece: Piece, spilled: SpilledPiece, done: str) -> SpilledPiece:
    spilled = spilled.model_copy(update={"sizes": _sizes(job, piece, spilled)})
    files.write_bytes(done, spilled.model_dump_json().encode(), below=job.work)
    return spilled


def _read(job: Job, piece: Piece) -> SpilledPiece:
    is_sorted = _is_planned(job) and piece.is_exact
    if not is_sorted:
        job = replace(job, config=as_given(job))  # rows wait with codes, whenever they are read
    # Not durable: the disk need not keep up with files that are read once, and then removed.
    rejects_to = (rejects_path if piece.is_exact else _waiting_rejects_path)(job, piece)
    refused = files.create(rejects_to, durable=False, below=job.work)
    rows = files.create((run_path if is_sorted else waiting_path)(job, piece.name), durable=False, below=job.work)
    with rows as stream, refused as rejects:
        writer = RunWriter(job, piece, stream) if is_sorted else WaitingWriter(job, piece.name, stream)
        return _Spill(job, piece, writer).run(rejects.write)


def _is_planned(job: Job) -> bool:
    """Whether rows need not wait for what follows from all of the input."""
    return bool(job.boundaries) and not any(map(needs_counting, job.config.columns))


def _sort(job: Job, piece: Piece, spilled: SpilledPiece) -> SpilledPiece:
    waiting = WaitingRows(job, piece.name)
    with files.create(run_path(job, piece.name), durable=False, below=job.work) as stream:
        runs = RunWriter(job, piece, stream)
        for rows, split in waiting:
            runs.add(rows, split)
        runs.flush()
        _expect(waiting_path(job, piece.name), spilled.tally.sequences, sum(one.rows for one in runs.segments), "rows")
    if not piece.is_exact:
        _number_rejects(job, piece, spilled.tally.rejected.total())
    tally = Tally(repaired=waiting.outside)
    tally.add(spilled.tally)
    return spilled.model_copy(update={"segments": runs.segments, "is_sorted": True, "tally": tally})


def _number_rejects(job: Job, piece: Piece, count: int) -> None:
    path, rejects = _waiting_rejects_path(job, piece), []
    with files.create(rejects_path(job, piece), durable=False, below=job.work) as target:
        if files.exists(path):
            with files.open_binary(path) as stream:
                rejects = [replace(one, index=one.index + piece.shift) for one in read_rejects(stream, "none")]
        target.write(frame(map(encode_reject, rejects)))
        _expect(path, count, len(rejects), "rejects")


def _expect(path: str, expected: int, found: int, what: str) -> None:
    if found != expected:
        raise EnvironmentFailure(f"{path}: expected {expected:,} {what}, found {found:,}; run again")


def _done_before(job: Job, piece: Piece, path: str) -> SpilledPiece | None:
    if not files.exists(path):
        return None
    spilled = SpilledPiece.model_validate_json(files.read_bytes(path))
    return spilled if spilled.sizes == _sizes(job, piece, spilled) else None


def _sizes(job: Job, piece: Piece, spilled: SpilledPiece) -> list[int]:
    """The sizes of local files; remote ones are there whole or not at all."""
    rows = run_path if spilled.is_sorted else waiting_path
    rejects = rejects_path if spilled.is_sorted or piece.is_exact else _waiting_rejects_path
    counts = [] if spilled.is_sorted else counts_paths(job, piece.name)
    paths = rows(job, piece.name), rejects(job, piece), *counts
    return [os.path.getsize(path) for path in paths if not files.is_remote(path) and os.path.exists(path)]


def rejects_path(job: Job, piece: Piece) -> str:
    """Where the rejects of a piece wait, framed but not compressed."""
    return job.place("rejects", f"{piece.name}.tfrecord")


def _waiting_rejects_path(job: Job, piece: Piece) -> str:
    """Where they wait until their records are numbered."""
    return job.place("waiting", f"{piece.name}.tfrecord")


def _damage_of(source: Input, block: Block) -> str:
    """How the file broke off in this block, in words; empty where it did not."""
    found = [one.detail for one in block.damage if one.reason is RejectReason.DAMAGED_FILE]
    return f"{source.path}: {found[0]}" if found else ""


def _packed(splits: dict[int, dict[int, int]]) -> dict[int, bytes]:
    return {split: pack_lengths(counts) for split, counts in splits.items()}


class _Spill:
    """The state of one piece's reading."""

    def __init__(self, job: Job, piece: Piece, rows: RunWriter | WaitingWriter) -> None:
        self._job = job
        self._piece = piece
        self._rows = rows
        self._columns = length_columns(job.config.columns)
        self._lengths: dict[str, dict[int, dict[int, int]]] = {group: {} for group in self._columns}
        self._pairs = PairCounter(self._columns.values())
        self._ranges = Ranges(job.config.columns)

    def run(self, write_rejects: Callable[[bytes], object]) -> SpilledPiece:
        piece, job, source = self._piece, self._job, self._piece.source
        refiner = Refiner(job.rules)
        reporter = Reporter(job.progress, f"read-{piece.name}")
        tally = Tally()
        reader = PieceReader(job, piece)
        damage = ""
        for block in reader.blocks():
            refined = refiner.refine(block, source.path)
            self._take(refined, block)
            write_rejects(frame(map(encode_reject, refined.rejects)))
            tally.add(refined.tally)
            damage = _damage_of(source, block) or damage
            reporter.report(reader.consumed, tally.read, tally.rejected.total())
        self._rows.flush()
        reporter.report(piece.stop - piece.start, tally.read, tally.rejected.total(), final=True)
        return SpilledPiece(
            **reader.summary,
            tally=tally,
            damage=damage,
            segments=self._rows.segments,
            is_sorted=not isinstance(self._rows, WaitingWriter),
            lengths={group: _packed(splits) for group, splits in self._lengths.items()},
            pairs=self._pairs.triples,
            ranges=self._ranges.found,
        )

    def _take(self, refined: Refined, block: Block) -> None:
        rows = refined.rows
        if rows.num_rows == 0:
            return
        split = self._split(rows, block)
        if isinstance(self._rows, WaitingWriter):
            self._rows.add(rows, split, refined.distinct)
        else:
            self._rows.add(rows, split)
        self._pairs.add(rows)
        self._ranges.add(rows)
        for group, column in self._columns.items():
            lengths = lengths_of(rows, column)
            for index in np.unique(split).tolist():
                add_lengths(self._lengths[group].setdefault(index, {}), lengths[split == index])

    def _split(self, rows: pa.RecordBatch, block: Block) -> np.ndarray:
        if self._piece.source.split is not None:
            return np.full(rows.num_rows, self._piece.source.split, np.int32)
        return splits_of_rows(rows, block, self._job.config.splits)
