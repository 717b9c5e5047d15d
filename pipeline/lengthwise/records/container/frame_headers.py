"""The header and the checksums of a TFRecord frame.

A frame is: length (u64), masked crc32c of the length, data, masked crc32c of the data, all little-endian. So a wrong
data checksum costs one record, but a wrong length loses the rest of the file.
Source: tensorflow/core/lib/io/record_writer.h.
"""

import struct
from functools import lru_cache

import google_crc32c

HEADER = struct.Struct("<QI")
"""The start of a frame: the record's length, and the masked crc32c of its eight bytes."""

DATA_CHECKSUM = struct.Struct("<I")
"""The end of a frame: the masked crc32c of the record."""


def is_header(head: bytes) -> bool:
    """Whether bytes start with a frame's header."""
    if len(head) < HEADER.size:
        return False
    length, checksum = HEADER.unpack_from(head)
    return length_checksum(length) == checksum


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum that TFRecord files store: crc32c (Castagnoli), rotated and offset."""
    crc = google_crc32c.value(data)
    return int(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@lru_cache(maxsize=65536)
def length_checksum(length: int) -> int:
    """The masked crc32c of a record's length."""
    return masked_crc32c(struct.pack("<Q", length))
