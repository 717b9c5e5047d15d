"""What the steps of the job hand to each other: plain values that fit through Beam and into the work folder as JSON."""

import os
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from lengthwise.buckets import Bounds, Triples
from lengthwise.config import JobConfig
from lengthwise.manifest import Shard
from lengthwise.records.rows.block_rows import Rules, Tally
from lengthwise.records.statistics.column_statistics import Range
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage import files


@dataclass(frozen=True, slots=True)
class Input:
    """One raw file.

    Attributes:
        path: as the file systems know it.
        name: relative to the folder of all inputs: what the file is, wherever the folder stands.
        rank: its position among the inputs, sorted by name.
        size: in bytes, compressed as it is.
        split: the index of the split that it belongs to; None where records are divided by hash.
        modified: when it was modified, in seconds since 1970; 0 where unknown.
    """

    path: str
    name: str
    rank: int
    size: int
    split: int | None
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """The records of a raw file whose frames start in a range of bytes: what one worker reads.

    Attributes:
        source: the file.
        start: the first byte of the range.
        stop: the byte behind its last one.
        first: the number of the piece's first record in the file; None until the records before it are counted.
        is_exact: whether a record starts at `start`; otherwise the first one is searched for.
    """

    source: Input
    start: int
    stop: int
    first: int | None
    is_exact: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the file."""
        return self.start == 0 and self.is_last

    @property
    def is_last(self) -> bool:
        """Whether the file ends with it."""
        return self.stop == self.source.size

    @property
    def counts_from(self) -> int:
        """The number that its first record gets while it is read; 0 where those before it are not counted yet."""
        return self.first or 0 if self.is_exact else 0

    @property
    def shift(self) -> int:
        """What is missing in the numbers that its records got while it was read, now that `first` is known."""
        return (self.first or 0) - self.counts_from

    @property
    def name(self) -> str:
        """What its files in the work folder are called; names sort as the input does."""
        rank = f"{self.source.rank:06d}"
        return rank if self.is_whole else f"{rank}-{self.start:015d}{'x' if self.start and self.is_exact else ''}"


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker needs to know.

    Attributes:
        config: the validated configuration.
        inputs: the raw files, by rank.
        boundaries: the most steps of each bucket, given or planned: of the group that leads, or of the first two.
        fingerprint: of configuration and inputs.
        work: the folder for what is unfinished.
        progress: a local folder for the workers' counts; empty for none.
        folder: where relative paths of inputs start; empty where workers have the same current folder.
    """

    config: JobConfig
    inputs: tuple[Input, ...]
    boundaries: Bounds
    fingerprint: str
    work: str
    progress: str = ""
    folder: str = ""

    @property
    def rules(self) -> Rules:
        """How its records become rows."""
        return Rules.of(self.config, self.boundaries[-1] if self.boundaries else self.config.longest)

    def reach(self, source: Input) -> str:
        """The path by which a worker opens an input file."""
        return source.path if files.is_remote(source.path) else os.path.join(self.folder, source.path)

    def place(self, *names: str) -> str:
        """A path in the work folder."""
        return files.join(self.work, *names)


class Message(BaseModel):
    """Base of what is kept in the work folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class PieceRead(Message):
    """What a worker found in a piece of the input.

    Attributes:
        piece: its name.
        begin: the byte of the file at which its first record starts; None where it found none.
        end: the byte behind its last record.
        records: how many it has, readable or not.
        is_cut_off: whether the file breaks off in it, so that nothing behind it can be read.
        state: what would change if another file took the file's place; empty for a whole file.
    """

    piece: str
    begin: int | None
    end: int
    records: int
    is_cut_off: bool
    state: str


class Segment(NamedTuple):
    """Sorted rows of one split and bucket in a run file: where they stand, and what they are (see `runs`).

    Attributes:
        piece: the piece of the input whose run file holds the rows.
        offset: the segment's first byte there.
        bits: how many leading bits of the places its parts differ in: it has `2**bits` parts.
        split: the index of the split.
        bucket: the index of the bucket.
        rows: how many.
        weight: the bytes that they will take in a shard, about, before compression.
        first: the smallest place in the output's order.
        last: the largest.
        longest: the longest sequence of each group but the one that leads.
    """

    piece: str
    offset: int
    bits: int
    split: int
    bucket: int
    rows: int
    weight: int
    first: int
    last: int
    longest: tuple[int, ...] = ()


class SpilledPiece(PieceRead):
    """What became of one piece of the input.

    Attributes:
        tally: what was counted.
        damage: the file and how it broke off, in words; empty where it was read to its end.
        segments: where its rows are; none before they are sorted.
        is_sorted: whether they are; where buckets are planned they wait, as they were read, until lengths are known.
        lengths: by group, of each split by its index, how many sequences of each length (see `measure.pack_lengths`).
        pairs: how many records have which lengths of the first two groups, rounded up; see `job.pairs`.
        ranges: the smallest and largest number of each numeric feature.
        sizes: of the run file and of the rejects beside it, in bytes, where they are local.
    """

    tally: Tally
    damage: str
    segments: list[Segment]
    is_sorted: bool
    lengths: dict[str, dict[int, bytes]]
    pairs: Triples = ()
    ranges: dict[str, Range]
    sizes: list[int] = []


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to write: the rows of a split and bucket whose places are in [first, last].

    `boundaries` are the most steps of each group in the bucket, that of the leading group first. `training` counts what
    the training split has (see `records.statistics.describe`), where the shard is of it.
    """

    path: str
    split: int
    bucket: int
    first: int
    last: int
    ranges: dict[str, Range]
    boundaries: tuple[int, ...]
    training: dict[str, int] | None = None


class WrittenShard(Message):
    """A shard that stands in the work folder; the statistics of its rows stand in a file beside."""

    shard: Shard


class RejectExample(Message):
    """A rejected record as an example to show: a `Reject` without its bytes."""

    reason: RejectReason
    column: str
    detail: str
    file: str
    index: int
    offset: int


class MeasuredPiece(PieceRead):
    """The lengths of the sequences of one piece by group, before they are bucketed, and examples of its rejects."""

    lengths: dict[str, bytes]
    pairs: Triples = ()
    tally: Tally
    examples: list[RejectExample] = []
