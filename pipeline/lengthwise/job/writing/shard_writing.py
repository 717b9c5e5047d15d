"""Segments -> shards: which rows make which file, and the writing of one."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import BinaryIO, cast

import google_crc32c
import numpy as np
import pyarrow as pa

from lengthwise.columns import groups
from lengthwise.job.planning.length_measurement import unpack_lengths
from lengthwise.job.spilling.process_memory import keep_freed_memory
from lengthwise.job.spilling.sorted_runs import read_rows, row_weights, save_references
from lengthwise.job.task_values import Job, Segment, ShardTask, SpilledPiece, WrittenShard
from lengthwise.job.workspace.data_set_files import shard_name
from lengthwise.manifest import GroupSteps, Shard
from lengthwise.progress import Reporter
from lengthwise.records.arrays.arrow_steps import offsets_of
from lengthwise.records.container.compression import compressing_stream
from lengthwise.records.container.frame_writing import frame, frame_array
from lengthwise.records.encoding.example_encoder import BlockEncoder, ExampleEncoder
from lengthwise.records.rows.row_features import LENGTH, length_columns, lengths_of
from lengthwise.records.statistics.column_statistics import describe, merge_ranges, to_bytes
from lengthwise.storage import files

_LAST = 2**64 - 1
_BATCH_STEPS, _BATCH_ROWS = 2**16, 4096  # what is made of a batch stays in the processor's cache


def assign_shards(job: Job, spilled: Iterable[SpilledPiece]) -> Iterator[ShardTask]:
    """The shards of the data set: per split and bucket as many as come nearest to `output.shard_bytes`.

    Shards are ranges of the output's order, so they depend on the rows alone, not on how the rows are spread over runs.
    What it takes to find these rows stands in the work folder before the first shard of its split and bucket is named.
    """
    done = sorted(spilled, key=lambda one: one.piece)
    ranges = merge_ranges(one.ranges for one in done)
    longest = longest_of_buckets(job, done)
    training = _training_totals(job, done)
    segments = sorted((segment for one in done for segment in one.segments), key=_group)
    for (split, bucket), members in groupby(segments, key=_group):
        group = sorted(members, key=lambda segment: (segment.first, segment.piece, segment.offset))
        save_references(job, split, bucket, group)
        cuts = _cuts(job, group)
        for number, (first, last) in enumerate(cuts):
            path = shard_path(job, job.config.split_names[split], bucket, number, len(cuts))
            boundaries = (job.boundaries[bucket][0], *longest[bucket])
            trains = job.config.split_names[split] == job.config.training_split
            yield ShardTask(path, split, bucket, first, last, ranges, boundaries, training if trains else None)


def _training_totals(job: Job, spilled: Iterable[SpilledPiece]) -> dict[str, int]:
    """How many steps the training split has, by the column of rows with their lengths, and rows by an empty name."""
    if job.config.training_split is None:
        return {}
    split = job.config.split_names.index(job.config.training_split)
    totals = Counter[str]()
    for one in spilled:
        for group, column in length_columns(job.config.columns).items():
            packed = one.lengths[group].get(split)
            counts = unpack_lengths(packed) if packed else {}
            totals[column] += sum(length * count for length, count in counts.items())
            if column == LENGTH:
                totals[""] += sum(counts.values())
    return dict(totals)


def longest_of_buckets(job: Job, spilled: Iterable[SpilledPiece]) -> list[tuple[int, ...]]:
    """For each bucket, the most steps of each group but the one that leads.

    Of a group by which buckets are planned that is said; of others it is the longest sequence, at least 1.
    """
    others = len(groups(job.config.columns)) - 1
    found = [(*bounds[1:], *[1] * (others + 1 - len(bounds))) for bounds in job.boundaries]
    for one in spilled:
        for segment in one.segments:
            found[segment.bucket] = tuple(map(max, found[segment.bucket], segment.longest))
    return found


def shard_path(job: Job, split: str, bucket: int, number: int, total: int) -> str:
    """A shard's path, relative to the data set."""
    return shard_name(split, job.boundaries[bucket], number, total, job.config.output.shards_as)


def final_paths(job: Job, written: Iterable[WrittenShard]) -> dict[str, str]:
    """What the shards are called at last, by the names that they were written under: numbered without the empty ones.

    A range of places may have turned out to hold no row. Its shard has no file and no place in the data set.
    """
    paths = {}
    shards = sorted((one.shard for one in written if one.shard.sequences), key=lambda shard: shard.path)
    for (split, bucket), members in groupby(shards, key=lambda shard: (shard.split, shard.bucket)):
        group = list(members)
        for number, shard in enumerate(group):
            paths[shard.path] = shard_path(job, split, bucket, number, len(group))
    return paths


def statistics_path(job: Job, path: str) -> str:
    """Where the statistics of a shard wait for those of the others."""
    return job.place("statistics", path.replace("/", "-") + ".npz")


def write_shard(job: Job, task: ShardTask) -> WrittenShard:
    """Sorts, pads, encodes and writes the rows of a shard into the work folder. Done before, it is not done again."""
    done = job.place("written", task.path.replace("/", "-") + ".json")
    if files.exists(done):
        return WrittenShard.model_validate_json(files.read_bytes(done))
    keep_freed_memory()
    rows = read_rows(job, task.split, task.bucket, task.first, task.last)
    measured, records = _write_file(job, task, rows) if rows.num_rows else (_Measured(io.BytesIO()), 0)
    steps, *others = (int(lengths_of(rows, column).sum()) for column in length_columns(job.config.columns).values())
    padded_steps, *padded = (rows.num_rows * boundary for boundary in task.boundaries)
    shard = Shard(
        path=task.path,
        split=job.config.split_names[task.split],
        bucket=task.bucket,
        records=records,
        sequences=rows.num_rows,
        steps=steps,
        padded_steps=padded_steps,
        bytes=measured.size,
        crc32c=measured.checksum,
        groups={
            group: GroupSteps(steps=real, padded_steps=with_padding)
            for group, real, with_padding in zip(groups(job.config.columns)[1:], others, padded, strict=True)
        },
    )
    statistics = describe(job.config.columns, rows, task.ranges, task.training, task.path)
    files.write_bytes(statistics_path(job, task.path), to_bytes(statistics), below=job.work)
    written = WrittenShard(shard=shard)
    files.write_bytes(done, written.model_dump_json().encode(), below=job.work)
    Reporter(job.progress, "write-" + task.path.replace("/", "-")).report(1, rows.num_rows, final=True)
    return written


def _write_file(job: Job, task: ShardTask, rows: pa.RecordBatch) -> "tuple[_Measured, int]":
    with files.create(job.place("output", task.path), below=job.work) as stream:
        measured = _Measured(stream)
        return measured, _write_records(job, task, rows, measured)


def _group(segment: Segment) -> tuple[int, int]:
    return segment.split, segment.bucket


def _cuts(job: Job, group: list[Segment]) -> list[tuple[int, int]]:
    """The ranges of places, ends included, that are shards of about equal weight."""
    weight = sum(segment.weight for segment in group)
    count = max(1, round(weight / job.config.output.shard_bytes))
    if job.config.shuffle.enabled:  # places are uniform
        starts = [number * 2**64 // count for number in range(count)]
    else:  # places follow the input
        before = offsets_of(np.array([segment.weight for segment in group]))
        starts = sorted({0, *(_place_at(job, group, before, number * weight // count) for number in range(1, count))})
    return [(start, stop - 1) for start, stop in zip(starts, [*starts[1:], _LAST + 1], strict=True)]


def _place_at(job: Job, group: list[Segment], before: np.ndarray, weight: int) -> int:
    """The place of the first row that has so much weight before it, wherever segments happen to start."""
    number = int(np.searchsorted(before, weight, side="right")) - 1
    order, weights = row_weights(job, group[number])
    row = int(np.searchsorted(before[number] + offsets_of(weights)[:-1], weight))
    if row < len(order):
        return int(order[row])
    return group[number + 1].first if number + 1 < len(group) else group[-1].last


def _write_records(job: Job, task: ShardTask, rows: pa.RecordBatch, stream: "_Measured") -> int:
    count = 0
    with compressing_stream(cast(BinaryIO, stream), job.config.output.shards_as) as target:
        for frames, records in _framed(job, task, rows):
            target.write(frames)
            count += records
    return count


def _framed(job: Job, task: ShardTask, rows: pa.RecordBatch) -> Iterator[tuple[bytes, int]]:
    """Frames of some records, and how many these are."""
    output, columns = job.config.output, job.config.columns
    if output.layout == "block":
        compress = output.compression == "auto"
        for block in BlockEncoder(columns, output.block_sequences, compress=compress).encode(rows):
            yield frame([block]), 1
        return
    encoder = ExampleEncoder(columns)
    size = max(1, min(_BATCH_ROWS, _BATCH_STEPS // max(1, *task.boundaries)))
    for start in range(0, rows.num_rows, size):
        records = encoder.encode(rows.slice(start, size), task.boundaries)
        yield frame_array(records), len(records)


class _Measured(io.RawIOBase):
    """A stream that counts and checksums what goes through it."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._crc = google_crc32c.Checksum()
        self.size = 0

    def write(self, data: "bytes", /) -> int:  # type: ignore[override]
        self._stream.write(data)
        self._crc.update(bytes(data))
        self.size += len(data)
        return len(data)

    @property
    def checksum(self) -> int:
        return int.from_bytes(self._crc.digest(), "big")
