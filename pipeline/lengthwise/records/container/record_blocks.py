"""Consecutive records of a TFRecord file, and the damage among them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from lengthwise.reject_reasons import RejectReason


@dataclass(frozen=True, slots=True)
class Damage:
    """A record, or the rest of a file, that cannot be read.

    Attributes:
        reason: `DAMAGED_RECORD`, `TOO_LARGE` or `DAMAGED_FILE`; `UNPARSABLE` in a file of rejects.
        detail: the expected and the actual value.
        index: the record's position in the file.
        offset: the byte at which its frame starts.
        raw: its bytes, of large ones the first 64 KiB.
    """

    reason: RejectReason
    detail: str
    index: int
    offset: int
    raw: bytes

    def __str__(self) -> str:
        return f"record {self.index:,}, at byte {self.offset:,}: {self.detail}"


@dataclass(slots=True)
class Block:
    """Consecutive readable records of one file, and the damage between them.

    Attributes:
        records: the records' bytes.
        indices: each record's position in the file.
        offsets: the byte at which each record's frame starts.
        damage: what could not be read.
        position: the byte after the block's last frame.
    """

    records: list[bytes] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    position: int = 0

    @property
    def read(self) -> int:
        """The number of records in this part of the file, readable or not."""
        return len(self.records) + len(self.damage)

    def in_order(self) -> Iterator[tuple[int, int, bytes | Damage]]:
        """The index and the offset of each record, and its bytes or its damage, in the order of the file."""
        readable = zip(self.indices, self.offsets, self.records, strict=True)
        damaged = ((damage.index, damage.offset, damage) for damage in self.damage)
        return heapq.merge(readable, damaged, key=itemgetter(0))

    def only(self, kept: np.ndarray) -> "Block":
        """All of the damage, and of the readable records those where `kept`, bool `[n]`, is true."""
        rows = np.flatnonzero(kept).tolist()
        records, indices, offsets = self.records, self.indices, self.offsets
        return Block(
            [records[row] for row in rows],
            [indices[row] for row in rows],
            [offsets[row] for row in rows],
            self.damage,
            self.position,
        )
