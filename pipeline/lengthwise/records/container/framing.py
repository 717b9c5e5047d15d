"""The TFRecord container: bytes of a file <-> blocks of records, every checksum checked.

A frame is: length (u64), masked crc32c of the length, data, masked crc32c of the data, all little-endian. So a wrong
data checksum costs one record, but a wrong length loses the rest of the file.
Source: tensorflow/core/lib/io/record_writer.h.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import BinaryIO, cast

import google_crc32c
import numpy as np
import pyarrow as pa

from lengthwise.records.arrays.proto_messages import bounds_of, content_of, join_parts, per_value
from lengthwise.records.container.compression import HEADER, length_checksum, masked_crc32c, sniff
from lengthwise.records.container.inflation import InflateReader
from lengthwise.reject_reasons import RejectReason

BLOCK_RECORDS = 1024  # a block and what is made of it stay in the processor's cache
BLOCK_BYTES = 8 * 2**20
MOST_BYTES = 2**31 - 1  # protobuf parses no larger record
KEPT_BYTES = 64 * 2**10  # of a record that is too large, or of an unreadable rest
_CHUNK = 2**20
_ENDLESS = 2**63
_LEAST = 64 * 2**10  # the buffer is filled up when less is left
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Damage:
    """A record, or the rest of a file, that cannot be read.

    Attributes:
        reason: `DAMAGED_RECORD`, `TOO_LARGE` or `DAMAGED_FILE`.
        detail: what was expected and what was found.
        index: the record's position in the file.
        offset: the byte at which its frame starts.
        raw: its bytes, of large ones the first 64 KiB.
    """

    reason: RejectReason
    detail: str
    index: int
    offset: int
    raw: bytes


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
        """How many records were found, readable or not."""
        return len(self.records) + len(self.damage)

    def only(self, kept: np.ndarray) -> "Block":
        """All of the damage, and of the readable records those where `kept`, bool `[n]`, is true."""
        places = np.flatnonzero(kept).tolist()
        records, indices, offsets = self.records, self.indices, self.offsets
        return Block(
            [records[place] for place in places],
            [indices[place] for place in places],
            [offsets[place] for place in places],
            self.damage,
            self.position,
        )


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a file that is read.

    Attributes:
        offset: the byte of the file at which the stream is, and a frame starts.
        index: the position in the file of the record that starts there.
        stop: records that start at this byte or behind it are not read; None reads to the end.
    """

    offset: int = 0
    index: int = 0
    stop: int | None = None


def read_blocks(
    stream: BinaryIO, *, compression: str = "auto", max_record_bytes: int = MOST_BYTES, span: Span | None = None
) -> Iterator[Block]:
    """Reads a TFRecord file to its end, or to the point where its framing breaks.

    Args:
        stream: the file, opened for reading bytes.
        compression: `gzip`, `zlib`, `none`, or `auto`: what the file's first bytes say, see `sniff`.
        max_record_bytes: larger records are skipped and reported, never held in memory.
        span: which part of a plain file is read; None for all.

    Yields:
        Blocks of up to 1024 records, readable or not, or 8 MiB. Damage is reported in them, never raised.
    """
    reader = _Reader(_Source(stream, compression), max_record_bytes, span or Span())
    while not reader.finished:
        block = reader.read_block()
        if block.read:
            yield block


class _Source:
    """The file's decompressed bytes, with a way to say how they broke off."""

    def __init__(self, stream: BinaryIO, compression: str) -> None:
        self.fault = ""
        self._what = "file"
        self._stream: _Prefixed | InflateReader = _Prefixed(b"", stream)
        head = self._read_head() if compression == "auto" else b""
        kind = sniff(head) if compression == "auto" else compression
        whole = _Prefixed(head, stream)
        if kind == "gzip" or kind == "zlib":
            self._what = f"{kind} stream"
            self._stream = InflateReader(cast(BinaryIO, whole), kind)
        else:
            self._stream = whole

    def read(self, size: int) -> bytes:
        """Up to `size` bytes more; none at the end, and at a fault, which then stands in `fault`."""
        if self.fault:
            return b""
        try:
            return self._stream.read(size)
        except EOFError as error:
            self.fault = str(error)
        except (OSError, zlib.error) as error:
            self.fault = f"the {self._what} cannot be read: {error}"
        return b""

    def _read_head(self) -> bytes:
        """The first bytes: as many as a header has, unless the file has fewer; some streams give them in pieces."""
        head = b""
        while len(head) < HEADER.size and (more := self.read(HEADER.size - len(head))):
            head += more
        if head:
            self.fault = ""  # what failed behind them fails again when they have been read
        return head


class _Prefixed:
    """A stream with the bytes put back that were looked at."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        head, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
        return head


class _Reader:
    """Parses frames out of a growing buffer."""

    def __init__(self, source: _Source, max_record_bytes: int, span: Span) -> None:
        self._source = source
        self._max = max_record_bytes
        self._stop = _ENDLESS if span.stop is None else span.stop
        self._buffer = b""
        self._at = 0  # in the buffer
        self._base = span.offset  # the buffer's first byte, in the file
        self._index = span.index
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be read."""
        return self._ended or self._base + self._at >= self._stop

    def read_block(self) -> Block:
        block = Block()
        size = 0
        while not self.finished and block.read < BLOCK_RECORDS and size < BLOCK_BYTES:
            if len(self._buffer) - self._at < _LEAST:
                self._fill(_LEAST)
            size += self._take_buffered(block, BLOCK_BYTES - size)
            if block.read < BLOCK_RECORDS and size < BLOCK_BYTES and not self.finished:
                size += self._take_next(block)
        block.position = self._base + self._at
        return block

    def _take_buffered(self, block: Block, size: int) -> int:
        """Takes the sound records that stand whole in the buffer; stops in front of anything else.

        The hot loop: all else is left to `_take_next`, which looks at one record with care.
        """
        buffer, at, end, most = self._buffer, self._at, len(self._buffer) - HEADER.size - _CRC.size, self._max
        first, room, last = at, BLOCK_RECORDS - block.read, min(end, self._stop - self._base - 1)
        unpack_header, unpack_crc, checksum = HEADER.unpack_from, _CRC.unpack_from, google_crc32c.value
        while at <= last and room and at - first < size:
            length, length_crc = unpack_header(buffer, at)
            if length_crc != length_checksum(length) or length > most or at + length > end:
                break
            start = at + HEADER.size
            data = buffer[start : start + length]
            crc = checksum(data)
            [expected] = unpack_crc(buffer, start + length)
            if ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF != expected:
                break
            block.records.append(data)
            block.offsets.append(self._base + at)
            at = start + length + _CRC.size
            room -= 1
        taken = len(block.offsets) - len(block.indices)
        block.indices.extend(range(self._index, self._index + taken))
        self._index += taken
        self._at = at
        return at - first

    def _take_next(self, block: Block) -> int:
        start = self._base + self._at
        if not self._fill(HEADER.size):
            self._end(block, start)
            return 0
        length, length_crc = HEADER.unpack_from(self._buffer, self._at)
        if length_checksum(length) != length_crc:
            self._abandon(block, start, f"no TFRecord frame starts at byte {start}: the length's checksum is wrong")
            return 0
        if length > self._max:
            return self._skip(block, start, length)
        if not self._fill(HEADER.size + length + _CRC.size):
            self._end(block, start)
            return 0
        return self._take(block, start, length)

    def _take(self, block: Block, start: int, length: int) -> int:
        first = self._at + HEADER.size
        data = self._buffer[first : first + length]
        [expected] = _CRC.unpack_from(self._buffer, first + length)
        self._at = first + length + _CRC.size
        if masked_crc32c(data) == expected:
            block.records.append(data)
            block.indices.append(self._index)
            block.offsets.append(start)
        else:
            detail = f"expected data of masked crc32c {expected:#010x}, found {masked_crc32c(data):#010x}"
            block.damage.append(Damage(RejectReason.DAMAGED_RECORD, detail, self._index, start, data))
        self._index += 1
        return HEADER.size + length + _CRC.size

    def _fill(self, size: int) -> bool:
        """Makes `size` bytes stand in the buffer from here on; False where the file ends before."""
        missing = size - (len(self._buffer) - self._at)
        if missing <= 0:
            return True
        chunks = [self._buffer[self._at :]]
        while missing > 0:
            # A length is a claim: no more is asked for than the file has shown to hold so far.
            chunk = self._source.read(max(_CHUNK, min(missing, size - missing)))
            if not chunk:
                break
            chunks.append(chunk)
            missing -= len(chunk)
        self._base += self._at
        self._at = 0
        self._buffer = b"".join(chunks)
        return missing <= 0

    def _skip(self, block: Block, start: int, length: int) -> int:
        left = HEADER.size + length + _CRC.size
        kept = b""
        while left > 0 and self._fill(1):
            step = min(left, len(self._buffer) - self._at)
            if len(kept) < KEPT_BYTES + HEADER.size:
                kept += self._buffer[self._at : self._at + min(step, KEPT_BYTES + HEADER.size - len(kept))]
            self._at += step
            left -= step
        if left > 0:
            detail = f"expected a record of {length} bytes at byte {start}, the file ends {left} bytes before its end"
            self._abandon(block, start, self._source.fault or detail, kept)
            return 0
        detail = f"expected at most {self._max} bytes (limits.max_record_bytes), received {length}"
        block.damage.append(Damage(RejectReason.TOO_LARGE, detail, self._index, start, kept[HEADER.size :][:length]))
        self._index += 1
        return len(kept)

    def _end(self, block: Block, start: int) -> None:
        rest = len(self._buffer) - self._at
        if rest or self._source.fault:
            detail = f"the file ends inside a record: {rest} bytes stand after byte {start}"
            fault = self._source.fault
            self._abandon(block, start, f"{fault} after byte {start + rest}" if fault else detail)
        self._ended = True

    def _abandon(self, block: Block, start: int, detail: str, kept: bytes = b"") -> None:
        self._fill(KEPT_BYTES)  # as much is kept wherever the buffer happens to end
        raw = kept or self._buffer[self._at : self._at + KEPT_BYTES]
        block.damage.append(Damage(RejectReason.DAMAGED_FILE, detail, self._index, start, raw[:KEPT_BYTES]))
        self._index += 1
        self._ended = True


def frame(records: Iterable[bytes]) -> bytes:
    """The TFRecord frames of `records`, one after the other."""
    contents = list(records)
    parts = [b""] * (3 * len(contents))
    parts[0::3] = map(_header, map(len, contents))
    parts[1::3] = contents
    parts[2::3] = [checksum for (checksum,) in struct.iter_unpack("4s", _masked(contents).astype("<u4").tobytes())]
    return b"".join(parts)


def frame_array(records: pa.LargeBinaryArray) -> bytes:
    """The same of records that are an Arrow array without nulls."""
    bounds = bounds_of(records)
    content = content_of(records)
    checksums = _masked([content[start:stop] for start, stop in pairwise(bounds.tolist())])
    ends = [None, pa.py_buffer(np.arange(len(records) + 1) * _CRC.size), pa.py_buffer(checksums.astype("<u4"))]
    tails = pa.Array.from_buffers(pa.large_binary(), len(records), ends)
    return content_of(join_parts([per_value(np.diff(bounds), _header), records, tails]))


@lru_cache(maxsize=65536)
def _header(length: int) -> bytes:
    return HEADER.pack(length, length_checksum(length))


def _masked(records: list[bytes]) -> np.ndarray:
    """uint32 `[n]`: the masked checksum of each record."""
    checksums = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    return (checksums >> np.uint32(15) | checksums << np.uint32(17)) + np.uint32(0xA282EAD8)
