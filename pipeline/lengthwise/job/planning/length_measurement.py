"""Measures the lengths of the input's sequences, for `plan` and `check`, and plans buckets from lengths."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np

from lengthwise.buckets import BucketPlan, LengthHistogram, PairHistogram, PairPlan, plan
from lengthwise.columns import groups
from lengthwise.config import JobConfig
from lengthwise.job.planning.pair_counts import PairCounter, plan_job_pairs, sum_pairs
from lengthwise.job.reading.piece_reader import PieceReader
from lengthwise.job.task_values import Input, Job, MeasuredPiece, Piece, RejectExample, SpilledPiece
from lengthwise.progress import Reporter
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.rows.block_rows import Refiner, Tally
from lengthwise.records.rows.id_lookup import fingerprint64
from lengthwise.records.rows.row_features import length_columns, lengths_of
from lengthwise.reject_reasons import Reject, first_of_each
from lengthwise.storage import files

Histogram = TypeVar("Histogram", LengthHistogram, PairHistogram)


def measure_piece(job: Job, piece: Piece) -> MeasuredPiece:
    """Reads and validates a piece, or a sample of its blocks, and counts its sequences by length."""
    done = job.work_path("measured", f"{piece.name}.json")
    if files.exists(done):
        return MeasuredPiece.model_validate_json(files.read_bytes(done))
    config = job.config
    refiner = Refiner(job.rules)
    reporter = Reporter(job.progress, f"measure-{piece.name}")
    columns = length_columns(config.columns)
    lengths = {group: Counter[int]() for group in columns}
    pairs = PairCounter(columns.values())
    tally = Tally()
    examples: list[RejectExample] = []
    reader = PieceReader(job, piece)
    for block in reader.blocks():
        if _is_sampled(piece.source, block, config.buckets.sample):
            refined = refiner.refine(block, piece.source.path)
            tally.add(refined.tally)
            examples = first_examples([*examples, *refined.rejects])
            for group, column in columns.items():
                add_lengths(lengths[group], lengths_of(refined.rows, column))
            pairs.add(refined.rows)
        reporter.report(reader.consumed, tally.read, tally.rejected.total())
    reporter.report(piece.stop - piece.start, tally.read, tally.rejected.total(), final=True)
    packed = {group: pack_lengths(counts) for group, counts in lengths.items()}
    measured = MeasuredPiece(**reader.summary, lengths=packed, pairs=pairs.triples, tally=tally, examples=examples)
    files.write_bytes(done, measured.model_dump_json().encode(), below=job.work)
    return measured


def first_examples(rejects: Iterable[Reject | RejectExample]) -> list[RejectExample]:
    """The first few rejects of each reason and column, without their bytes."""
    first = first_of_each(rejects, lambda reject: (reject.reason, reject.column))
    return [RejectExample.model_validate(reject, from_attributes=True) for reject in first]


def add_lengths(counts: Counter[int], lengths: np.ndarray) -> None:
    """Adds sequences of these lengths (int64 `[n]`) to the number of sequences of each length."""
    distinct, new = np.unique(lengths, return_counts=True)
    counts.update(dict(zip(distinct.tolist(), new.tolist(), strict=True)))


def pack_lengths(counts: Mapping[int, int]) -> bytes:
    """Packs the number of sequences of each length: it is kept in memory until all pieces are read."""
    pairs = np.array(sorted(counts.items()), "<i8").reshape(-1, 2)
    return zlib.compress(np.concatenate([np.diff(pairs[:, 0], prepend=0), pairs[:, 1]]).tobytes())


def unpack_lengths(packed: bytes) -> dict[int, int]:
    """The number of sequences of each length; see `pack_lengths`."""
    steps, counts = np.frombuffer(zlib.decompress(packed), "<i8").reshape(2, -1)
    return dict(zip(np.cumsum(steps).tolist(), counts.tolist(), strict=True))


def leading_lengths(measured: Iterable[MeasuredPiece]) -> LengthHistogram:
    """The lengths of the group that leads, by which buckets are planned."""
    return _sum_lengths(next(iter(piece.lengths.values())) for piece in measured)


def lengths_to_plan(
    measured: Iterable[MeasuredPiece | SpilledPiece], config: JobConfig
) -> LengthHistogram | PairHistogram:
    """The lengths by which buckets are planned: of the only group, or of the first two."""
    pieces = list(measured)
    by_group = [
        _sum_lengths(packed for piece in pieces for packed in _packed_lengths(piece, group))
        for group in groups(config.columns)[:2]
    ]
    if len(by_group) == 1:
        return by_group[0]
    return sum_pairs((piece.pairs for piece in pieces), [histogram.max for histogram in by_group])


def _packed_lengths(piece: MeasuredPiece | SpilledPiece, group: str) -> Iterable[bytes]:
    """The packed lengths of a group: of all splits together, or of each split."""
    return [piece.lengths[group]] if isinstance(piece, MeasuredPiece) else piece.lengths[group].values()


def _sum_lengths(packed: Iterable[bytes]) -> LengthHistogram:
    """The histogram of all parts; see `pack_lengths`."""
    total = Counter[int]()
    for counts in map(unpack_lengths, packed):
        total.update(counts)
    return LengthHistogram.from_counts(total)


def unsampled(config: JobConfig) -> JobConfig:
    """The configuration without sampling: the whole input is measured."""
    return config.model_copy(update={"buckets": config.buckets.model_copy(update={"sample": 1.0})})


def plan_buckets(config: JobConfig, histogram: LengthHistogram | PairHistogram) -> BucketPlan | PairPlan:
    """The plan that the configuration requests.

    Without sequences, one bucket that stays empty: the job continues, and writes its rejects.
    """
    if isinstance(histogram, PairHistogram):
        return plan_job_pairs(config, histogram)
    if histogram.total == 0:
        multiple = config.buckets.multiple_of
        shortest = 1 if multiple == "auto" else multiple
        return BucketPlan((config.buckets.longest or shortest,))
    return plan(histogram, **config.buckets.planning)


def planned_lengths(config: JobConfig, measured: Histogram) -> Histogram:
    """The lengths of the whole input, extrapolated from the sample."""
    return measured if config.buckets.sample == 1 else measured.scaled(1 / config.buckets.sample)


def _is_sampled(source: Input, block: Block, share: float) -> bool:
    """Whether a block is in the sample: by a hash of its file and position, so the same in every run."""
    first = block.offsets[0] if block.offsets else 0
    return share >= 1 or fingerprint64(f"{source.name}:{first}".encode()) < share * 2**64
