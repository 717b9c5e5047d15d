"""Finds the start of a record in the middle of a plain TFRecord file.

A frame starts where the checksum of a length is right and the frame that it leads to starts in the same way, or the
file ends there. Random bytes look like that at one position in 2**64. Records that contain TFRecord files can look like
that, too. So the result is a proposal: a reader of the part before must end at the same byte, or it was wrong.
"""

from typing import BinaryIO

import numpy as np

from lengthwise.records.container.frame_headers import DATA_CHECKSUM, HEADER, is_header, length_checksum

_CHUNK = 2**20
_OVERHEAD = HEADER.size + DATA_CHECKSUM.size


def find_first_frame(stream: BinaryIO, start: int, stop: int, size: int) -> int | None:
    """The first byte in [start, stop) at which a frame starts; None without one.

    Args:
        stream: the file, opened for reading bytes; its position afterwards is undefined.
        start: the first byte that is searched.
        stop: the byte after the last one.
        size: of the file.

    Raises:
        OSError: the file cannot be read.
    """
    for base in range(start, stop, _CHUNK):
        stream.seek(base)
        content = _read(stream, min(_CHUNK, stop - base) + HEADER.size - 1)
        for offset, length in _headers(content, base, size):
            next_frame = offset + _OVERHEAD + length
            stream.seek(next_frame)
            if next_frame == size or is_header(_read(stream, HEADER.size)):
                return offset
    return None


def _headers(content: bytes, base: int, size: int) -> list[tuple[int, int]]:
    """The positions in the file of lengths that are followed by their checksum, and these lengths."""
    count = len(content) - HEADER.size + 1
    if count <= 0:
        return []
    lengths = np.ndarray(count, "<u8", content, 0, (1,))
    space = size - _OVERHEAD - base - np.arange(count)
    positions = np.flatnonzero((lengths <= np.uint64(max(size, 0))) & (lengths.astype(np.int64) <= space))
    if not len(positions):
        return []
    distinct, inverse = np.unique(lengths[positions], return_inverse=True)
    checksums = np.array([length_checksum(length) for length in distinct.tolist()], np.uint32)
    stored = np.ndarray(count, "<u4", content, 8, (1,))
    headers = positions[stored[positions] == checksums[inverse]]
    return [(base + position, int(lengths[position])) for position in headers.tolist()]


def _read(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer at the end of the file; some streams return them in parts."""
    content = b""
    while len(content) < size and (chunk := stream.read(size - len(content))):
        content += chunk
    return content
