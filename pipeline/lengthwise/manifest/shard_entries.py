"""The shards of a data set, and the lengths of the groups that do not lead."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from pydantic import Field

from lengthwise.buckets.padding_shares import share_of_padding
from lengthwise.manifest.manifest_section import Amount, ManifestSection, RelativePath


class GroupSteps(ManifestSection):
    """The steps of one group in a shard, without and with padding."""

    steps: Amount
    padded_steps: Amount


class Group(ManifestSection):
    """A group that does not lead.

    Attributes:
        boundaries: the maximum number of steps of each bucket: of the second group, if buckets are pairs, planned or
            given; otherwise the length of the longest sequence, at least 1.
        lengths: the number of sequences of each length that were written, by split.
    """

    boundaries: tuple[Amount, ...]
    lengths: dict[str, dict[int, int]]


class Shard(ManifestSection):
    """One file of prepared sequences, all of one split and one bucket.

    Attributes:
        path: relative to the data set's folder, such as `Split-train/length-00032-00000-of-00004.tfrecord`.
        split: the split's name.
        bucket: the index of the bucket's boundary.
        records: the number of TFRecords in the file (sequences in the example layout, blocks in the block layout).
        sequences: the number of sequences.
        steps: the sum of their real steps.
        padded_steps: `sequences` times the bucket's boundary.
        bytes: the file's size.
        crc32c: the checksum (Castagnoli) of the file's bytes.
        groups: the steps of the groups that do not lead, by name.
    """

    path: RelativePath
    split: str
    bucket: Amount
    records: Amount
    sequences: Amount
    steps: Amount
    padded_steps: Amount
    bytes: Amount
    crc32c: Amount
    groups: dict[str, GroupSteps] = Field(default_factory=dict)


class Totals(NamedTuple):
    """Sums over shards: their sequences, real steps and padded steps."""

    sequences: int
    steps: int
    padded_steps: int

    @classmethod
    def of(cls, shards: Iterable[Shard]) -> Self:
        amounts = [(shard.sequences, shard.steps, shard.padded_steps) for shard in shards]
        return cls(*map(sum, zip(*amounts, strict=True))) if amounts else cls(0, 0, 0)

    @property
    def padding_share(self) -> float:
        """The share of padding among the padded steps."""
        return share_of_padding(self.padded_steps, self.steps)
