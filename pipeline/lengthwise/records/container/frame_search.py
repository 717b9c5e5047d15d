"""Where the records of a plain TFRecord file start again, behind a byte in its middle.

A frame starts where the checksum of a length is right and the frame that it leads to starts so too, or the file ends
there. Random bytes look so at one place in 2**64. Records that contain TFRecord files can look so, too. So what is
found here is a proposal: whoever reads the part before ends at the same byte, or it was wrong.
"""

from typing import BinaryIO

import numpy as np

from lengthwise.records.container.compression import HEADER, is_header, length_checksum

_CHUNK = 2**20
_TAIL = 4  # bytes behind a record: its checksum
_AROUND = HEADER.size + _TAIL


def find_first_frame(stream: BinaryIO, start: int, stop: int, size: int) -> int | None:
    """The first byte in [start, stop) at which a frame starts; None where there is none.

    Args:
        stream: the file, opened for reading bytes; where it is read on afterwards is undefined.
        start: the first byte that is looked at.
        stop: the byte behind the last one.
        size: of the file.

    Raises:
        OSError: the file cannot be read.
    """
    for base in range(start, stop, _CHUNK):
        stream.seek(base)
        content = _read(stream, min(_CHUNK, stop - base) + HEADER.size - 1)
        for offset, length in _headers(content, base, size):
            following = offset + _AROUND + length
            stream.seek(following)
            if following == size or is_header(_read(stream, HEADER.size)):
                return offset
    return None


def _headers(content: bytes, base: int, size: int) -> list[tuple[int, int]]:
    """The places in the file where a length with its checksum is, and the lengths."""
    count = len(content) - HEADER.size + 1
    if count <= 0:
        return []
    lengths = np.ndarray(count, "<u8", content, 0, (1,))
    room = size - _AROUND - base - np.arange(count)
    places = np.flatnonzero((lengths <= np.uint64(max(size, 0))) & (lengths.astype(np.int64) <= room))
    distinct, which = np.unique(lengths[places], return_inverse=True)
    checksums = np.array([length_checksum(length) for length in distinct.tolist()], np.uint32)
    stored = np.ndarray(count, "<u4", content, 8, (1,))
    right = places[stored[places] == checksums[which]] if len(places) else places
    return [(base + place, int(lengths[place])) for place in right.tolist()]


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, or fewer at the end; some streams give them in pieces."""
    content = b""
    while len(content) < size and (more := stream.read(size - len(content))):
        content += more
    return content
