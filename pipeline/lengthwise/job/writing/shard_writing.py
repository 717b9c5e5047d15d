"""Assigns the rows of segments to shards, and writes a shard."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import BinaryIO, cast

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
from lengthwise.records.container.checksums import ChecksummedStream
from lengthwise.records.container.compression import compressing_stream
from lengthwise.records.container.frame_writing import frame, frame_array
from lengthwise.records.encoding.example_encoder import BlockEncoder, ExampleEncoder
from lengthwise.records.rows.row_features import LENGTH, length_columns, lengths_of
from lengthwise.records.statistics.column_statistics import partial_statistics
from lengthwise.records.statistics.number_ranges import merge_ranges
from lengthwise.records.statistics.partial_statistics import encode_statistics
from lengthwise.storage import files

_LAST = 2**64 - 1
_BATCH_STEPS, _BATCH_ROWS = 2**16, 4096  # the arrays of a batch stay in the processor's cache


def assign_shards(job: Job, spilled: Iterable[SpilledPiece]) -> Iterator[ShardTask]:
    """The shards of the data set: per split and bucket, the number that comes nearest to `output.shard_bytes`.

    Shards are ranges of the output's order, so they depend only on the rows, not on the distribution of rows over runs.
    The references to these rows are in the work folder before the first shard of their split and bucket is yielded.
    """
    pieces = sorted(spilled, key=lambda piece: piece.piece)
    ranges = merge_ranges(piece.ranges for piece in pieces)
    longest = longest_of_buckets(job, pieces)
    training = _training_totals(job, pieces)
    all_segments = sorted((segment for piece in pieces for segment in piece.segments), key=_split_and_bucket)
    for (split, bucket), members in groupby(all_segments, key=_split_and_bucket):
        segments = sorted(members, key=lambda segment: (segment.first, segment.piece, segment.offset))
        save_references(job, split, bucket, segments)
        shard_ranges = _shard_ranges(job, segments)
        for number, (first, last) in enumerate(shard_ranges):
            path = shard_path(job, job.config.split_names[split], bucket, number, len(shard_ranges))
            boundaries = (job.boundaries[bucket][0], *longest[bucket])
            trains = job.config.split_names[split] == job.config.training_split
            yield ShardTask(path, split, bucket, first, last, ranges, boundaries, training if trains else None)


def _training_totals(job: Job, spilled: Iterable[SpilledPiece]) -> dict[str, int]:
    """The number of steps of the training split, by the column of their lengths, and under "" its number of rows."""
    if job.config.training_split is None:
        return {}
    split = job.config.split_names.index(job.config.training_split)
    totals = Counter[str]()
    for piece in spilled:
        for group, column in length_columns(job.config.columns).items():
            packed = piece.lengths[group].get(split)
            counts = unpack_lengths(packed) if packed else {}
            totals[column] += sum(length * count for length, count in counts.items())
            if column == LENGTH:
                totals[""] += sum(counts.values())
    return dict(totals)


def longest_of_buckets(job: Job, spilled: Iterable[SpilledPiece]) -> list[tuple[int, ...]]:
    """For each bucket, the maximum steps of each group that does not lead.

    If buckets are pairs, that of the second group is given by the bucket; otherwise it is that of the longest sequence,
    at least 1.
    """
    others = len(groups(job.config.columns)) - 1
    longest = [(*bounds[1:], *[1] * (others + 1 - len(bounds))) for bounds in job.boundaries]
    for piece in spilled:
        for segment in piece.segments:
            longest[segment.bucket] = tuple(map(max, longest[segment.bucket], segment.longest))
    return longest


def shard_path(job: Job, split: str, bucket: int, number: int, total: int) -> str:
    """A shard's path, relative to the data set."""
    return shard_name(split, job.boundaries[bucket], number, total, job.config.output.shards_as)


def final_paths(job: Job, written: Iterable[WrittenShard]) -> dict[str, str]:
    """The final paths of the shards, by the paths under which they were written: empty shards are not numbered.

    A range of places may contain no row. Its shard has no file, and is not part of the data set.
    """
    paths = {}
    shards = sorted((task.shard for task in written if task.shard.sequences), key=lambda shard: shard.path)
    for (split, bucket), members in groupby(shards, key=lambda shard: (shard.split, shard.bucket)):
        of_bucket = list(members)
        for number, shard in enumerate(of_bucket):
            paths[shard.path] = shard_path(job, split, bucket, number, len(of_bucket))
    return paths


def statistics_path(job: Job, path: str) -> str:
    """The file with the statistics of a shard, until they are merged."""
    return job.work_path("statistics", path.replace("/", "-") + ".npz")


def write_shard(job: Job, task: ShardTask) -> WrittenShard:
    """Sorts, pads, encodes and writes the rows of a shard into the work folder, unless that was done before."""
    done = job.work_path("written", task.path.replace("/", "-") + ".json")
    if files.exists(done):
        return WrittenShard.model_validate_json(files.read_bytes(done))
    keep_freed_memory()
    rows = read_rows(job, task.split, task.bucket, task.first, task.last)
    measured, records = _write_file(job, task, rows) if rows.num_rows else (ChecksummedStream(io.BytesIO()), 0)
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
        crc32c=measured.crc32c,
        groups={
            group: GroupSteps(steps=real, padded_steps=with_padding)
            for group, real, with_padding in zip(groups(job.config.columns)[1:], others, padded, strict=True)
        },
    )
    statistics = partial_statistics(job.config.columns, rows, task.ranges, task.training, task.path)
    files.write_bytes(statistics_path(job, task.path), encode_statistics(statistics), below=job.work)
    written = WrittenShard(shard=shard)
    files.write_bytes(done, written.model_dump_json().encode(), below=job.work)
    Reporter(job.progress, "write-" + task.path.replace("/", "-")).report(1, rows.num_rows, final=True)
    return written


def _write_file(job: Job, task: ShardTask, rows: pa.RecordBatch) -> tuple[ChecksummedStream, int]:
    with files.create(job.work_path("output", task.path), below=job.work) as stream:
        measured = ChecksummedStream(stream)
        return measured, _write_records(job, task, rows, measured)


def _split_and_bucket(segment: Segment) -> tuple[int, int]:
    return segment.split, segment.bucket


def _shard_ranges(job: Job, segments: list[Segment]) -> list[tuple[int, int]]:
    """The ranges of places, ends included, of shards of about equal weight."""
    weight = sum(segment.weight for segment in segments)
    count = max(1, round(weight / job.config.output.shard_bytes))
    if job.config.shuffle.enabled:  # places are uniform
        starts = [number * 2**64 // count for number in range(count)]
    else:  # places follow the input
        before = offsets_of(np.array([segment.weight for segment in segments]))
        inner = {_place_at(job, segments, before, number * weight // count) for number in range(1, count)}
        starts = sorted({0, *inner})
    return [(start, stop - 1) for start, stop in zip(starts, [*starts[1:], _LAST + 1], strict=True)]


def _place_at(job: Job, segments: list[Segment], before: np.ndarray, weight: int) -> int:
    """The place of the first row that has at least this weight before it, independent of where segments start."""
    number = int(np.searchsorted(before, weight, side="right")) - 1
    order, weights = row_weights(job, segments[number])
    row = int(np.searchsorted(before[number] + offsets_of(weights)[:-1], weight))
    if row < len(order):
        return int(order[row])
    return segments[number + 1].first if number + 1 < len(segments) else segments[-1].last


def _write_records(job: Job, task: ShardTask, rows: pa.RecordBatch, stream: ChecksummedStream) -> int:
    count = 0
    with compressing_stream(cast(BinaryIO, stream), job.config.output.shards_as) as target:
        for frames, records in _framed(job, task, rows):
            target.write(frames)
            count += records
    return count


def _framed(job: Job, task: ShardTask, rows: pa.RecordBatch) -> Iterator[tuple[bytes, int]]:
    """The frames of some records, and the number of these records."""
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
