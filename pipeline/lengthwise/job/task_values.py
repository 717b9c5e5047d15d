"""The values that the steps of a job pass to each other, through Beam and as JSON files in the work folder."""

import os
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from lengthwise.buckets import Bounds, Triples
from lengthwise.config import JobConfig
from lengthwise.manifest import Shard
from lengthwise.records.rows.block_rows import Rules, Tally
from lengthwise.records.statistics.number_ranges import Range
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage import files


@dataclass(frozen=True, slots=True)
class Input:
    """One raw file.

    Attributes:
        path: its path in a file system.
        name: relative to the folder of all inputs, so that it does not depend on where this folder is.
        rank: its position among the inputs, sorted by name.
        size: in bytes; of a compressed file, compressed.
        split: the index of its split; None if records are assigned to splits by hash.
        modified: the time of its last change, in seconds since 1970; 0 if unknown.
    """

    path: str
    name: str
    rank: int
    size: int
    split: int | None
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """The records of a raw file whose frames start in a byte range; one worker reads them.

    Attributes:
        source: the file.
        start: the first byte of the range.
        stop: the byte after its last one.
        first: the number of the piece's first record in the file; None until the records before it are counted.
        is_exact: whether a record starts at `start`; otherwise the first record is searched for.
    """

    source: Input
    start: int
    stop: int
    first: int | None
    is_exact: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return self.start == 0 and self.is_last

    @property
    def is_last(self) -> bool:
        """Whether the file ends with it."""
        return self.stop == self.source.size

    @property
    def counts_from(self) -> int:
        """The number that its first record gets while it is read; 0 if the records before it are not counted yet."""
        return (self.first or 0) if self.is_exact else 0

    @property
    def shift(self) -> int:
        """The number to add to those that its records got while it was read, now that `first` is known."""
        return (self.first or 0) - self.counts_from

    @property
    def name(self) -> str:
        """The name of its files in the work folder; names sort in the order of the input."""
        rank = f"{self.source.rank:06d}"
        if self.is_whole:
            return rank
        exact = "x" if self.start and self.is_exact else ""
        return f"{rank}-{self.start:015d}{exact}"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as every worker receives it.

    Attributes:
        config: the validated configuration.
        inputs: the raw files, by rank.
        boundaries: the maximum steps of each bucket, given or planned: of the group that leads, or of the first two.
        fingerprint: of configuration and inputs.
        work: the folder for unfinished work.
        progress: a local folder for the counts that workers report; empty for none.
        folder: the folder of relative input paths; empty if workers have the same current folder.
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
        """The rules by which its records become rows."""
        return Rules.of(self.config, self.boundaries[-1] if self.boundaries else self.config.longest)

    def input_path(self, source: Input) -> str:
        """The path by which a worker opens an input file."""
        return source.path if files.is_remote(source.path) else os.path.join(self.folder, source.path)

    def work_path(self, *names: str) -> str:
        """A path in the work folder."""
        return files.join(self.work, *names)


class StoredResult(BaseModel):
    """Base of the results that are stored in the work folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class PieceRead(StoredResult):
    """The result of reading a piece of the input.

    Attributes:
        piece: its name.
        begin: the byte of the file at which its first record starts; None if no start was found.
        end: the byte after its last record.
        records: the number of its records, readable or not.
        is_cut_off: whether the file is damaged in it, so that the rest of the file cannot be read.
        state: a text that changes if the file is replaced; empty for a whole file.
    """

    piece: str
    begin: int | None
    end: int
    records: int
    is_cut_off: bool
    state: str


class Segment(NamedTuple):
    """A reference to sorted rows of one split and bucket in a run file (see `sorted_runs`).

    Attributes:
        piece: the piece of the input whose run file contains the rows.
        offset: the segment's first byte in this file.
        bits: the segment has `2**bits` parts, by the leading bits of the rows' places in the output's order.
        split: the index of the split.
        bucket: the index of the bucket.
        rows: the number of rows.
        weight: about the bytes that the rows take in a shard, before compression.
        first: the smallest place.
        last: the largest place.
        longest: the longest sequence of each group that does not lead.
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
    longest: tuple[int, ...]


class SpilledPiece(PieceRead):
    """The result of spilling one piece of the input to disk.

    Attributes:
        tally: the counts of its records.
        damage: the file and its damage, as a message; empty if it was read to its end.
        segments: references to its rows; none before they are sorted.
        is_sorted: whether they are sorted; if buckets are planned, rows wait unsorted until lengths are known.
        lengths: by group and index of the split, the packed number of sequences of each length (see `pack_lengths`).
        pairs: the number of records by the lengths of the first two groups, rounded up; see `pair_counts`.
        ranges: the smallest and largest number of each numeric feature.
        sizes: the bytes of the run file, of the rejects and of the counts of values, if these files are local.
    """

    tally: Tally
    damage: str
    segments: list[Segment]
    is_sorted: bool
    lengths: dict[str, dict[int, bytes]]
    pairs: Triples
    ranges: dict[str, Range]
    sizes: list[int] = []


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to write: the rows of a split and bucket whose places are in [first, last].

    `boundaries` are the maximum steps of each group in the bucket, the leading group first. If the shard belongs to the
    training split, `training` has this split's numbers of steps and rows (see `column_statistics.partial_statistics`).
    """

    path: str
    split: int
    bucket: int
    first: int
    last: int
    ranges: dict[str, Range]
    boundaries: tuple[int, ...]
    training: dict[str, int] | None


class WrittenShard(StoredResult):
    """A shard in the work folder; a separate file contains the statistics of its rows."""

    shard: Shard


class RejectExample(StoredResult):
    """A rejected record as an example: a `Reject` without its bytes."""

    reason: RejectReason
    column: str
    detail: str
    file: str
    index: int
    offset: int


class MeasuredPiece(PieceRead):
    """The lengths of the sequences of one piece by group, before bucketing, and examples of its rejects."""

    lengths: dict[str, bytes]
    pairs: Triples
    tally: Tally
    examples: list[RejectExample]
