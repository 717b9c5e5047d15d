"""Turns one piece of the input into sorted runs of rows, rejects, and counts. The counts are written last.

Rows and rejects wait in their order of reading until all that they depend on is known: the boundaries, if these are
planned; the vocabularies, if these are counted; and the numbers of the records, if the piece is not the first of its
file. Then a second call looks up, numbers and sorts them.
"""

import os
from collections import Counter
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
from lengthwise.records.rows.block_rows import Refiner, Tally
from lengthwise.records.rows.row_features import length_columns, lengths_of
from lengthwise.records.rows.splits import splits_of_rows
from lengthwise.records.statistics.number_ranges import NumberRanges
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage import files


def spill_piece(job: Job, piece: Piece) -> SpilledPiece:
    """Reads, decodes, validates and cuts a piece. Writes its rows to a run file, and its rejects; or both wait.

    If the same job has done this piece before, it is not read again, unless a power failure has shortened its files.
    """
    done = job.work_path("spilled", f"{piece.name}.json")
    spilled = _finished_before(job, piece, done)
    keep_freed_memory()
    if spilled is None:
        spilled = _write_result(job, piece, _read(job, piece), done)
    if spilled.is_sorted or not _is_planned(job) or piece.first is None:
        return spilled
    try:
        spilled = _sort(job, piece, spilled)
    except EnvironmentFailure:
        # A cluster may give one piece to two workers: the other may have sorted its rows, and removed the waiting ones.
        sorted_meanwhile = _finished_before(job, piece, done)
        if sorted_meanwhile is None or not sorted_meanwhile.is_sorted:
            raise
        return sorted_meanwhile
    spilled = _write_result(job, piece, spilled, done)
    for path in waiting_path(job, piece.name), _waiting_rejects_path(job, piece):
        files.remove(path)
    return spilled


def _write_result(job: Job, piece: Piece, spilled: SpilledPiece, done: str) -> SpilledPiece:
    spilled = spilled.model_copy(update={"sizes": _sizes(job, piece, spilled)})
    files.write_bytes(done, spilled.model_dump_json().encode(), below=job.work)
    return spilled


def _read(job: Job, piece: Piece) -> SpilledPiece:
    is_sorted = _is_planned(job) and piece.is_exact
    if not is_sorted:
        job = replace(job, config=as_given(job))  # waiting rows have codes, also when they are read again
    # Not durable: these files are read once, and then removed, so they do not have to be flushed to the disk.
    rows_file = run_path(job, piece.name) if is_sorted else waiting_path(job, piece.name)
    rejects_file = rejects_path(job, piece) if piece.is_exact else _waiting_rejects_path(job, piece)
    with (
        files.create(rows_file, durable=False, below=job.work) as stream,
        files.create(rejects_file, durable=False, below=job.work) as rejects,
    ):
        writer = RunWriter(job, piece, stream) if is_sorted else WaitingWriter(job, piece.name, stream)
        return _spill(job, piece, writer, rejects.write)


def _spill(
    job: Job, piece: Piece, writer: RunWriter | WaitingWriter, write_rejects: Callable[[bytes], object]
) -> SpilledPiece:
    """Reads a piece, writes its rows and rejects, and counts them."""
    source, length_keys = piece.source, length_columns(job.config.columns)
    lengths: dict[str, dict[int, Counter[int]]] = {group: {} for group in length_keys}
    pairs, ranges = PairCounter(length_keys.values()), NumberRanges(job.config.columns)
    refiner, reader = Refiner(job.rules), PieceReader(job, piece)
    reporter = Reporter(job.progress, f"read-{piece.name}")
    tally = Tally()
    damage = ""
    for block in reader.blocks():
        refined = refiner.refine(block, source.path)
        rows = refined.rows
        if rows.num_rows:
            split = _split_of_rows(job, piece, rows, block)
            if isinstance(writer, WaitingWriter):
                writer.add(rows, split, refined.distinct)
            else:
                writer.add(rows, split)
            pairs.add(rows)
            ranges.add(rows)
            for group, key in length_keys.items():
                _count_lengths(lengths[group], split, lengths_of(rows, key))
        write_rejects(frame(map(encode_reject, refined.rejects)))
        tally.add(refined.tally)
        damage = _damage_of(source, block) or damage
        reporter.report(reader.consumed, tally.read, tally.rejected.total())
    writer.flush()
    reporter.report(piece.stop - piece.start, tally.read, tally.rejected.total(), final=True)
    return SpilledPiece(
        **reader.summary,
        tally=tally,
        damage=damage,
        segments=writer.segments,
        is_sorted=not isinstance(writer, WaitingWriter),
        lengths={
            group: {split: pack_lengths(counts) for split, counts in splits.items()}
            for group, splits in lengths.items()
        },
        pairs=pairs.triples,
        ranges=ranges.by_key,
    )


def _split_of_rows(job: Job, piece: Piece, rows: pa.RecordBatch, block: Block) -> np.ndarray:
    """int32 `[n]`: the index of the split of each row."""
    if piece.source.split is not None:
        return np.full(rows.num_rows, piece.source.split, np.int32)
    return splits_of_rows(rows, block, job.config.splits)


def _count_lengths(by_split: dict[int, Counter[int]], split: np.ndarray, lengths: np.ndarray) -> None:
    for index in np.unique(split).tolist():
        add_lengths(by_split.setdefault(index, Counter()), lengths[split == index])


def _is_planned(job: Job) -> bool:
    """Whether rows depend on no result from the whole input, so that they do not have to wait."""
    return bool(job.boundaries) and not any(map(needs_counting, job.config.columns))


def _sort(job: Job, piece: Piece, spilled: SpilledPiece) -> SpilledPiece:
    waiting = WaitingRows(job, piece.name)
    with files.create(run_path(job, piece.name), durable=False, below=job.work) as stream:
        runs = RunWriter(job, piece, stream)
        for rows, split in waiting:
            runs.add(rows, split)
        runs.flush()
        sorted_rows = sum(segment.rows for segment in runs.segments)
        _check_count(waiting_path(job, piece.name), spilled.tally.sequences, sorted_rows, "rows")
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
                unnumbered = read_rejects(stream, "none")
                rejects = [replace(reject, index=reject.index + piece.shift) for reject in unnumbered]
        target.write(frame(map(encode_reject, rejects)))
        _check_count(path, count, len(rejects), "rejects")


def _check_count(path: str, expected: int, received: int, what: str) -> None:
    if received != expected:
        raise EnvironmentFailure(f"{path}: expected {expected:,} {what}, found {received:,}; run again")


def _finished_before(job: Job, piece: Piece, path: str) -> SpilledPiece | None:
    if not files.exists(path):
        return None
    spilled = SpilledPiece.model_validate_json(files.read_bytes(path))
    return spilled if spilled.sizes == _sizes(job, piece, spilled) else None


def _sizes(job: Job, piece: Piece, spilled: SpilledPiece) -> list[int]:
    """The sizes of local files; remote files are complete, or do not exist."""
    if spilled.is_sorted:
        paths = [run_path(job, piece.name), rejects_path(job, piece)]
    else:
        rejects = rejects_path(job, piece) if piece.is_exact else _waiting_rejects_path(job, piece)
        paths = [waiting_path(job, piece.name), rejects, *counts_paths(job, piece.name)]
    return [os.path.getsize(path) for path in paths if not files.is_remote(path) and os.path.exists(path)]


def rejects_path(job: Job, piece: Piece) -> str:
    """The file with the rejects of a piece, framed but not compressed."""
    return job.work_path("rejects", f"{piece.name}.tfrecord")


def _waiting_rejects_path(job: Job, piece: Piece) -> str:
    """The file with the rejects of a piece until their records are numbered."""
    return job.work_path("waiting", f"{piece.name}.tfrecord")


def _damage_of(source: Input, block: Block) -> str:
    """A message about the damage that ends the file in this block; empty if none does."""
    for damage in block.damage:
        if damage.reason is RejectReason.DAMAGED_FILE:
            return f"{source.path}: {damage.detail}"
    return ""
