"""Sorted runs: rows wait for their shard in files, not in memory and not in Beam's shuffle; Beam has only references.

run file   the rows of one piece of the input, in runs of about 64 MiB, each sorted by (split, bucket, place)
run        a segment for each split and bucket; without a shuffle, several of at most about 1 MiB
segment    an index, and parts: part k has the rows whose places begin with the `bits` bits of k; without a shuffle, one
index      int64 `[2**bits + 1]`: the start of each part, and the end of the last one, from the segment's first byte
part       serialized Arrow record batches; none if it has no rows

A row's place is its position in the output's order, uint64. With a shuffle, each shard reads a small range of places
from every run. The index shows which parts overlap this range, so a shard reads little more than its own rows, for any
number of runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise.buckets import assign, plan_of
from lengthwise.columns import context_features
from lengthwise.job.task_values import Job, Piece, Segment
from lengthwise.records.arrays.arrow_batches import concat_batches, take_rows
from lengthwise.records.arrays.arrow_lists import string_bytes
from lengthwise.records.arrays.arrow_steps import offsets_of
from lengthwise.records.rows.row_features import (
    INDEX,
    ORDER,
    WINDOW,
    length_columns,
    lengths_of,
    spilled_schema,
    step_features,
)
from lengthwise.records.rows.shuffle_order import input_places, shuffled_places
from lengthwise.storage import files

RUN_BYTES = 64 * 2**20
_SEGMENT_BYTES = 2**20
_MIN_PART_BYTES = 16 * 2**10  # a batch has 1 KiB in addition to its rows, and takes 10 us to write and read
_INDEX = np.dtype("<i8")
_REFERENCE = np.dtype([("piece", "S32"), ("offset", "<i8"), ("bits", "<i1"), ("first", "<u8"), ("last", "<u8")])
_SPLIT, _BUCKET = "##split", "##bucket"


class RunWriter:
    """Collects rows, and writes them as a sorted run when there are enough."""

    def __init__(self, job: Job, piece: Piece, stream: BinaryIO) -> None:
        self._job = job
        self._piece = piece
        self._stream = stream
        self._plan = plan_of(job.boundaries)
        self._part_bytes = _part_bytes(job)
        self._schema = spilled_schema(job.config.columns)
        self._lengths = tuple(length_columns(job.config.columns).values())
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._offset = 0
        self.segments: list[Segment] = []

    def add(self, rows: pa.RecordBatch, split: np.ndarray) -> None:
        """Adds rows with their splits, int32 `[n]`."""
        bucket = assign(self._plan, [lengths_of(rows, column) for column in self._lengths[:2]])
        columns = {ORDER: pa.array(self._order(rows))} | {name: rows.column(name) for name in self._schema.names[1:]}
        batch = pa.RecordBatch.from_pydict(columns, schema=self._schema)
        batch = batch.append_column(_SPLIT, pa.array(split)).append_column(_BUCKET, pa.array(bucket))
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= RUN_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes the collected rows as one sorted run."""
        if not self._batches:
            return
        rows = concat_batches(self._batches)
        self._batches, self._bytes = [], 0
        order, bucket, split = (rows.column(name).to_numpy() for name in (ORDER, _BUCKET, _SPLIT))
        at = np.lexsort((order, bucket, split))
        others = [lengths_of(rows, column).take(at) for column in self._lengths[1:]]
        sizes, weights = _row_bytes(self._job, rows, bucket)
        columns = (column.take(at) for column in (order, bucket, split, sizes, weights))
        run = _Run(rows.select(self._schema.names), others, at, *columns)
        changes = np.flatnonzero((np.diff(run.bucket) != 0) | (np.diff(run.split) != 0)) + 1
        bounds = np.concatenate([[0], changes, [len(at)]])
        if self._job.config.shuffle.enabled:
            ranges = list(pairwise(bounds.tolist()))
        else:
            ranges = _cut_ranges(bounds, run.weights)
        for start, stop in ranges:
            self._write(run, start, stop)

    def _order(self, rows: pa.RecordBatch) -> np.ndarray:
        """uint64 `[n]`: the rows' places in the output's order."""
        source, shuffle = self._piece.source, self._job.config.shuffle
        indices = rows.column(INDEX).to_numpy() + self._piece.shift
        if not shuffle.enabled:
            return input_places(source.rank, indices)
        return shuffled_places(source.name, shuffle.seed, indices, rows.column(WINDOW).to_numpy())

    def _write(self, run: "_Run", start: int, stop: int) -> None:
        """Writes rows of one split and bucket as a segment."""
        within = slice(start, stop)
        bits = (int(run.sizes[within].sum()) // self._part_bytes).bit_length() if self._part_bytes else 0
        index, contents = _serialize(run, start, stop, bits)
        self._stream.write(index.tobytes())
        for content in contents:
            self._stream.write(content)
        self.segments.append(
            Segment(
                piece=self._piece.name,
                offset=self._offset,
                bits=bits,
                split=int(run.split[start]),
                bucket=int(run.bucket[start]),
                rows=stop - start,
                weight=int(run.weights[within].sum()),
                first=int(run.order[start]),
                last=int(run.order[stop - 1]),
                longest=tuple(int(lengths[within].max()) for lengths in run.others),
            )
        )
        self._offset += int(index[-1])


@dataclass(frozen=True, slots=True)
class _Run:
    """Collected rows, and their properties sorted by (split, bucket, place): `at` is the position in `rows`.

    `others` are the lengths of the groups that do not lead.
    """

    rows: pa.RecordBatch
    others: list[np.ndarray]
    at: np.ndarray
    order: np.ndarray
    bucket: np.ndarray
    split: np.ndarray
    sizes: np.ndarray
    weights: np.ndarray


def _part_bytes(job: Job) -> int:
    """The approximate maximum size of a part; 0 without a shuffle, as a segment is one part.

    It is half the bytes that a shard reads from a run, so that little else is read with them.
    """
    if not job.config.shuffle.enabled:
        return 0
    share = RUN_BYTES * job.config.output.shard_bytes // max(1, sum(source.size for source in job.inputs))
    return min(max(share // 2, _MIN_PART_BYTES), _SEGMENT_BYTES)


def _serialize(run: _Run, start: int, stop: int, bits: int) -> tuple[np.ndarray, list[pa.Buffer]]:
    """The index of a segment, and its parts' batches."""
    starts = np.arange(1, 2**bits, dtype=np.uint64) << np.uint64(64 - bits)
    parts = np.searchsorted(starts, run.order[start:stop], side="right")
    sizes = np.zeros(2**bits, np.int64)
    contents = []
    for low, high in _cut_ranges(
        np.array([0, stop - start]), run.sizes[start:stop]
    ):  # all at once need twice the memory
        rows = take_rows(run.rows, run.at[start + low : start + high])
        parts_of_rows = parts[low:high]
        changes = np.flatnonzero(np.diff(parts_of_rows)) + 1
        for first, last in pairwise([0, *changes.tolist(), high - low]):
            contents.append(rows.slice(first, last - first).serialize())
            sizes[parts_of_rows[first]] += contents[-1].size
    return (offsets_of(sizes) + (len(sizes) + 1) * _INDEX.itemsize).astype(_INDEX), contents


def _row_bytes(job: Job, rows: pa.RecordBatch, bucket: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 `[n]`: the approximate bytes of each row in a run, and in a shard; the same in every run of the job."""
    columns = job.config.columns
    padded_to = {}
    if job.config.output.layout == "example":
        padded_to = dict(zip(length_columns(columns).values(), np.asarray(job.boundaries)[bucket].T, strict=False))
    others = np.full(rows.num_rows, 32, np.int64)
    for column in context_features(columns):
        others += 8 * column.num_elements + len(column.key)
        if column.dtype == "string":
            others += string_bytes(rows.column(column.key))
    for step in step_features(columns):
        if step.is_bytes:
            others += string_bytes(rows.column(step.key))
    sizes, weights = others.copy(), others
    for name in length_columns(columns).values():
        step_bytes = 0
        for step in step_features(columns):
            if step.length == name:
                step_bytes += 4 * step.width if step.decode is None else step.stored_bytes
        steps = lengths_of(rows, name)
        sizes += steps * step_bytes
        weights += padded_to.get(name, steps) * step_bytes
    return sizes, weights


def row_weights(job: Job, segment: Segment) -> tuple[np.ndarray, np.ndarray]:
    """For each row of a segment, its place (uint64), and its share of `Segment.weight` (int64); each `[n]`."""
    rows = concat_batches(list(_read(job, _table([segment]), segment.first, segment.last)))
    bucket = np.full(rows.num_rows, segment.bucket)
    return rows.column(ORDER).to_numpy(), _row_bytes(job, rows, bucket)[1]


def _cut_ranges(bounds: np.ndarray, weights: np.ndarray) -> list[tuple[int, int]]:
    """The ranges of rows between `bounds`, cut further if they weigh more than a segment."""
    total = np.concatenate([[0], np.cumsum(weights)])
    ranges = []
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        while start < stop:
            end = int(np.searchsorted(total, total[start] + _SEGMENT_BYTES, side="right")) - 1
            end = min(stop, max(end, start + 1))
            ranges.append((start, end))
            start = end
    return ranges


def run_path(job: Job, piece: str) -> str:
    """The file with the sorted rows of a piece."""
    return job.work_path("runs", f"{piece}.rows")


def save_references(job: Job, split: int, bucket: int, segments: list[Segment]) -> None:
    """Writes the references to the rows of a split and bucket, once for all of its shards: each needs most of them."""
    table = _table(sorted(segments, key=lambda segment: (segment.piece, segment.offset)))
    path = _references_path(job, split, bucket)
    files.write_bytes(path, table.tobytes(), durable=False, below=job.work)  # written again in each run


def read_rows(job: Job, split: int, bucket: int, first: int, last: int) -> pa.RecordBatch:
    """The rows of a split and bucket whose places are in [first, last], sorted by place."""
    table = np.frombuffer(files.read_bytes(_references_path(job, split, bucket)), _REFERENCE)
    overlapping = table[(table["first"] <= np.uint64(last)) & (table["last"] >= np.uint64(first))]
    empty = pa.RecordBatch.from_pylist([], schema=spilled_schema(job.config.columns))
    rows = concat_batches([empty, *_read(job, overlapping, first, last)])
    order = rows.column(ORDER).to_numpy()
    if (order[1:] >= order[:-1]).all():  # without a shuffle, they are in their order of reading
        return rows
    return take_rows(rows, np.argsort(order, kind="stable"))


def _table(segments: list[Segment]) -> np.ndarray:
    names = _REFERENCE.names or ()
    return np.array([tuple(getattr(segment, name) for name in names) for segment in segments], _REFERENCE)


def _references_path(job: Job, split: int, bucket: int) -> str:
    return job.work_path("references", f"{split:03d}-{bucket:05d}")


def _read(job: Job, references: np.ndarray, first: int, last: int) -> Iterator[pa.RecordBatch]:
    """The rows of each segment whose places are in [first, last], in the order of the input."""
    schema = spilled_schema(job.config.columns)
    for piece, members in groupby(references.tolist(), key=lambda reference: reference[0].decode()):
        with files.open_binary(run_path(job, piece)) as stream:
            for _, offset, bits, *_ in members:
                low, high = first >> (64 - bits), last >> (64 - bits)
                stream.seek(offset + low * _INDEX.itemsize)
                index = np.frombuffer(stream.read((high - low + 2) * _INDEX.itemsize), _INDEX)
                stream.seek(offset + int(index[0]))
                content = pa.py_buffer(stream.read(int(index[-1] - index[0])))
                yield from _between(list(_batches(content, schema)), first, last)


def _batches(content: pa.Buffer, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    reader = pa.BufferReader(content)
    while reader.tell() < content.size:
        yield pa.ipc.read_record_batch(pa.ipc.read_message(reader), schema)


def _between(batches: list[pa.RecordBatch], first: int, last: int) -> list[pa.RecordBatch]:
    """The rows whose places are in [first, last]; copied if they are so few that the others should be freed."""
    kept = []
    for batch in batches:
        order = batch.column(ORDER).to_numpy()
        start = int(np.searchsorted(order, np.uint64(first), side="left"))
        stop = int(np.searchsorted(order, np.uint64(last), side="right"))
        if start < stop:
            kept.append(batch.slice(start, stop - start))
    wanted = sum(batch.num_rows for batch in kept)
    if not kept or 2 * wanted >= sum(batch.num_rows for batch in batches):
        return kept
    return [take_rows(concat_batches(kept), np.arange(wanted))]
