"""Bytes of a TFRecord file -> blocks of records, every checksum checked."""

from collections.abc import Iterator
from dataclasses import dataclass

import google_crc32c

from lengthwise.records.container.decompression import ByteStream, DecompressedFile
from lengthwise.records.container.frame_headers import DATA_CHECKSUM, HEADER, length_checksum, masked_crc32c
from lengthwise.records.container.record_blocks import Block, Damage
from lengthwise.reject_reasons import RejectReason

BLOCK_RECORDS = 1024  # a block and the arrays computed from it stay in the processor's cache
BLOCK_BYTES = 8 * 2**20
PROTOBUF_MAX_BYTES = 2**31 - 1  # protobuf parses no larger record
KEPT_BYTES = 64 * 2**10  # of a record that is too large, or of an unreadable rest
_CHUNK = 2**20
_ENDLESS = 2**63
_MIN_BUFFERED = 64 * 2**10  # the buffer is filled when fewer bytes are left


@dataclass(frozen=True, slots=True)
class FileRange:
    """The part of a file that is read.

    Attributes:
        offset: the byte of the file at which the stream is, and a frame starts.
        index: the position in the file of the record that starts there.
        stop: records that start at or after this byte are not read; None reads to the end.
    """

    offset: int = 0
    index: int = 0
    stop: int | None = None


def read_blocks(
    stream: ByteStream,
    *,
    compression: str = "auto",
    max_record_bytes: int = PROTOBUF_MAX_BYTES,
    part: FileRange | None = None,
) -> Iterator[Block]:
    """Reads a TFRecord file to its end, or to the point where its framing breaks.

    Args:
        stream: the file, opened for reading bytes.
        compression: `gzip`, `zlib`, `none`, or `auto`: detected from the file's first bytes, see `detect_compression`.
        max_record_bytes: larger records are skipped and reported, never held in memory.
        part: which part of a plain file is read; None for all.

    Yields:
        Blocks of up to 1024 records, readable or not, or 8 MiB. Damage is reported in them, never raised.
    """
    reader = _FrameReader(DecompressedFile(stream, compression), max_record_bytes, part or FileRange())
    while not reader.finished:
        block = reader.read_block()
        if block.read:
            yield block


class _FrameReader:
    """Parses frames out of a growing buffer."""

    def __init__(self, file: DecompressedFile, max_record_bytes: int, part: FileRange) -> None:
        self._file = file
        self._max = max_record_bytes
        self._stop = _ENDLESS if part.stop is None else part.stop
        self._buffer = b""
        self._position = 0  # in the buffer
        self._base = part.offset  # the buffer's first byte, in the file
        self._index = part.index
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether the part of the file has been read."""
        return self._ended or self._base + self._position >= self._stop

    def read_block(self) -> Block:
        block = Block()
        size = 0
        while not self.finished and block.read < BLOCK_RECORDS and size < BLOCK_BYTES:
            if len(self._buffer) - self._position < _MIN_BUFFERED:
                self._fill(_MIN_BUFFERED)
            size += self._take_buffered(block, BLOCK_BYTES - size)
            if block.read < BLOCK_RECORDS and size < BLOCK_BYTES and not self.finished:
                size += self._take_next(block)
        block.position = self._base + self._position
        return block

    def _take_buffered(self, block: Block, size: int) -> int:
        """Takes the valid records that are completely in the buffer; stops in front of anything else.

        This is the hot loop. All other cases are left to `_take_next`, which checks one record thoroughly.
        """
        buffer, at, most = self._buffer, self._position, self._max
        end = len(buffer) - HEADER.size - DATA_CHECKSUM.size
        first, remaining, last = at, BLOCK_RECORDS - block.read, min(end, self._stop - self._base - 1)
        unpack_header, unpack_crc, crc32c = HEADER.unpack_from, DATA_CHECKSUM.unpack_from, google_crc32c.value
        while at <= last and remaining and at - first < size:
            length, length_crc = unpack_header(buffer, at)
            if length_crc != length_checksum(length) or length > most or at + length > end:
                break
            start = at + HEADER.size
            data = buffer[start : start + length]
            crc = crc32c(data)
            [expected] = unpack_crc(buffer, start + length)
            if ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF != expected:
                break
            block.records.append(data)
            block.offsets.append(self._base + at)
            at = start + length + DATA_CHECKSUM.size
            remaining -= 1
        count = len(block.offsets) - len(block.indices)
        block.indices.extend(range(self._index, self._index + count))
        self._index += count
        self._position = at
        return at - first

    def _take_next(self, block: Block) -> int:
        start = self._base + self._position
        if not self._fill(HEADER.size):
            self._end(block, start)
            return 0
        length, length_crc = HEADER.unpack_from(self._buffer, self._position)
        if length_checksum(length) != length_crc:
            self._abandon(block, start, f"no TFRecord frame starts at byte {start}: the length's checksum is wrong")
            return 0
        if length > self._max:
            return self._skip(block, start, length)
        if not self._fill(HEADER.size + length + DATA_CHECKSUM.size):
            self._end(block, start)
            return 0
        return self._take(block, start, length)

    def _take(self, block: Block, start: int, length: int) -> int:
        first = self._position + HEADER.size
        data = self._buffer[first : first + length]
        [expected] = DATA_CHECKSUM.unpack_from(self._buffer, first + length)
        self._position = first + length + DATA_CHECKSUM.size
        if masked_crc32c(data) == expected:
            block.records.append(data)
            block.indices.append(self._index)
            block.offsets.append(start)
        else:
            detail = f"expected data of masked crc32c {expected:#010x}, found {masked_crc32c(data):#010x}"
            block.damage.append(Damage(RejectReason.DAMAGED_RECORD, detail, self._index, start, data))
        self._index += 1
        return HEADER.size + length + DATA_CHECKSUM.size

    def _fill(self, size: int) -> bool:
        """Reads until `size` bytes from this position on are in the buffer; False if the file ends before."""
        missing = size - (len(self._buffer) - self._position)
        if missing <= 0:
            return True
        chunks = [self._buffer[self._position :]]
        while missing > 0:
            # A length may be wrong: request no more bytes than the file has returned so far.
            chunk = self._file.read(max(_CHUNK, min(missing, size - missing)))
            if not chunk:
                break
            chunks.append(chunk)
            missing -= len(chunk)
        self._base += self._position
        self._position = 0
        self._buffer = b"".join(chunks)
        return missing <= 0

    def _skip(self, block: Block, start: int, length: int) -> int:
        """Skips a record that is too large."""
        left = HEADER.size + length + DATA_CHECKSUM.size
        kept = b""
        while left > 0 and self._fill(1):
            step = min(left, len(self._buffer) - self._position)
            if len(kept) < KEPT_BYTES + HEADER.size:
                kept_step = min(step, KEPT_BYTES + HEADER.size - len(kept))
                kept += self._buffer[self._position : self._position + kept_step]
            self._position += step
            left -= step
        if left > 0:
            detail = f"expected a record of {length} bytes at byte {start}, the file ends {left} bytes before its end"
            self._abandon(block, start, self._file.fault or detail, kept)
            return 0
        detail = f"expected at most {self._max} bytes (limits.max_record_bytes), received {length}"
        block.damage.append(Damage(RejectReason.TOO_LARGE, detail, self._index, start, kept[HEADER.size :][:length]))
        self._index += 1
        return len(kept)

    def _end(self, block: Block, start: int) -> None:
        """Ends at the end of the file, and reports an incomplete record there."""
        rest = len(self._buffer) - self._position
        fault = self._file.fault
        if fault:
            self._abandon(block, start, f"{fault} after byte {start + rest}")
        elif rest:
            self._abandon(block, start, f"the file ends inside a record: {rest} bytes follow byte {start}")
        self._ended = True

    def _abandon(self, block: Block, start: int, detail: str, kept: bytes = b"") -> None:
        """Reports that the rest of the file cannot be read."""
        self._fill(KEPT_BYTES)  # so that the kept bytes do not depend on where the buffer ends
        raw = kept or self._buffer[self._position : self._position + KEPT_BYTES]
        block.damage.append(Damage(RejectReason.DAMAGED_FILE, detail, self._index, start, raw[:KEPT_BYTES]))
        self._index += 1
        self._ended = True
