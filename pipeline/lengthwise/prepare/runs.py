"""Sorted runs: rows wait for their shard in files, not in memory and not in Beam's shuffle; only references travel.

A run file holds the rows of one input file: pieces of about 64 MiB, each sorted by (split, bucket, place) and cut into
segments of at most about 1 MiB of one split and bucket, each a serialized Arrow record batch.
"""

from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise import files
from lengthwise.columns import context_features
from lengthwise.prepare.model import Job, Segment
from lengthwise.records.arrow import concat_batches, take_rows
from lengthwise.records.features import LENGTH, ORDER, spilled_schema, step_features
from lengthwise.records.steps import offsets_of

RUN_BYTES = 64 * 2**20
_SEGMENT_BYTES = 2**20
_SPLIT, _BUCKET = "##split", "##bucket"


class RunWriter:
    """Collects rows, and writes them sorted whenever there are enough."""

    def __init__(self, job: Job, rank: int, stream: BinaryIO) -> None:
        self._job = job
        self._rank = rank
        self._stream = stream
        self._schema = spilled_schema(job.config.columns)
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._offset = 0
        self.segments: list[Segment] = []

    def add(self, rows: pa.RecordBatch, order: np.ndarray, split: np.ndarray, bucket: np.ndarray) -> None:
        """Takes rows with their places (uint64), splits and buckets (int32), each `[n]`."""
        columns = {ORDER: pa.array(order)} | {name: rows.column(name) for name in self._schema.names[1:]}
        batch = pa.RecordBatch.from_pydict(columns, schema=self._schema)
        batch = batch.append_column(_SPLIT, pa.array(split)).append_column(_BUCKET, pa.array(bucket))
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= RUN_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what was collected as one sorted piece."""
        if not self._batches:
            return
        rows = concat_batches(self._batches)
        self._batches, self._bytes = [], 0
        keys = [rows.column(name).to_numpy() for name in (ORDER, _BUCKET, _SPLIT)]
        places = np.lexsort(keys)
        order, bucket, split = (key.take(places) for key in keys)
        weights = self._weights(rows).take(places)
        groups = np.flatnonzero((np.diff(bucket) != 0) | (np.diff(split) != 0)) + 1
        for start, stop in _cut(np.concatenate([[0], groups, [len(places)]]), weights):
            taken = take_rows(rows.select(self._schema.names), places[start:stop])
            content = taken.serialize()
            self._stream.write(content)
            self.segments.append(
                Segment(
                    rank=self._rank,
                    offset=self._offset,
                    size=content.size,
                    split=int(split[start]),
                    bucket=int(bucket[start]),
                    rows=int(stop - start),
                    weight=int(weights[start:stop].sum()),
                    first=int(order[start]),
                    last=int(order[stop - 1]),
                )
            )
            self._offset += content.size

    def _weights(self, rows: pa.RecordBatch) -> np.ndarray:
        """int64 `[n]`: about how many bytes each row takes in a shard; the same in every run."""
        columns = self._job.config.columns
        lengths = rows.column(LENGTH).to_numpy().astype(np.int64)
        if self._job.config.output.layout == "example":
            lengths = np.asarray(self._job.boundaries)[rows.column(_BUCKET).to_numpy()]
        weights = lengths * sum(4 * step.width for step in step_features(columns)) + 32
        for column in context_features(columns):
            weights += 8 * column.num_elements + len(column.key)
            if column.dtype == "string":
                weights += _text_bytes(rows.column(column.key))
        return weights


def _text_bytes(lists: pa.Array) -> np.ndarray:
    """int64 `[n]`: the bytes of each row's strings."""
    sizes = offsets_of(pc.binary_length(lists.flatten()).to_numpy())
    offsets = lists.offsets.to_numpy()
    return np.diff(sizes[offsets - offsets[0]])


def _cut(bounds: np.ndarray, weights: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of rows between `bounds`, cut further where they weigh more than a segment."""
    total = np.concatenate([[0], np.cumsum(weights)])
    ranges = []
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        while start < stop:
            end = int(np.searchsorted(total, total[start] + _SEGMENT_BYTES, side="right")) - 1
            end = min(stop, max(end, start + 1))
            ranges.append((start, end))
            start = end
    return ranges


def run_path(job: Job, rank: int) -> str:
    """Where the rows of an input file wait."""
    return job.place("runs", f"{rank:06d}.rows")


def read_segments(job: Job, segments: tuple[Segment, ...], first: int, last: int) -> pa.RecordBatch:
    """The rows of segments whose places are in [first, last], sorted by place."""
    schema = spilled_schema(job.config.columns)
    batches = [pa.RecordBatch.from_pylist([], schema=schema)]
    for rank in sorted({segment.rank for segment in segments}):
        with files.open_binary(run_path(job, rank)) as stream:
            for segment in segments:
                if segment.rank == rank:
                    stream.seek(segment.offset)
                    batch = pa.ipc.read_record_batch(pa.py_buffer(stream.read(segment.size)), schema)
                    batches.append(_between(batch, first, last))
    rows = concat_batches(batches)
    order = rows.column(ORDER).to_numpy()
    if (order[1:] >= order[:-1]).all():  # without a shuffle, they stand as they were read
        return rows
    return take_rows(rows, np.argsort(order, kind="stable"))


def _between(batch: pa.RecordBatch, first: int, last: int) -> pa.RecordBatch:
    order = batch.column(ORDER).to_numpy()
    start = int(np.searchsorted(order, np.uint64(first), side="left"))
    stop = int(np.searchsorted(order, np.uint64(last), side="right"))
    return batch.slice(start, stop - start)
