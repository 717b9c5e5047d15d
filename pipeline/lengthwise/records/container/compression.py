"""How TFRecord files are compressed: told from a file's first bytes, by one rule for all readers, and written."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import BinaryIO, cast

import google_crc32c

from lengthwise.manifest import Compression as Compression

HEADER = struct.Struct("<QI")
"""What a frame starts with: the record's length, and the masked crc32c of its eight bytes."""

_GZIP_MAGIC = b"\x1f\x8b"
_LEVEL = 1  # half the time of level 6, for files a tenth larger
_SUFFIXES: dict[Compression, str] = {"gzip": ".gz", "zlib": ".zz", "none": ""}


def sniff(head: bytes) -> Compression:
    """The compression of a file, from its first `HEADER.size` bytes, or fewer where it has no more.

    A plain file starts with a length and its checksum. Without that, two bytes could be anything: a first record of
    35,615 bytes starts as gzip files do. A file that is none of the three counts as plain, and is damaged.
    """
    if is_header(head):
        return "none"
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    return "zlib" if _is_zlib(head) else "none"


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


def _is_zlib(head: bytes) -> bool:
    """Whether bytes start a zlib stream without a dictionary (RFC 1950, section 2.2), and a block of data in it."""
    if len(head) < 2 or head[0] & 0x0F != 8 or head[0] >> 4 > 7 or head[1] & 0x20:
        return False
    return int.from_bytes(head[:2], "big") % 31 == 0 and (len(head) == 2 or head[2] & 6 != 6)


def suffix_of(compression: Compression) -> str:
    """How the names of files of that compression end."""
    return _SUFFIXES[compression]


def compression_named(path: str) -> Compression:
    """The compression that a file's name asks for."""
    named: list[Compression] = [kind for kind, suffix in _SUFFIXES.items() if suffix and path.endswith(suffix)]
    return named[0] if named else "none"


@contextmanager
def compressed(stream: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    """A stream to write what arrives compressed in `stream`, which stays open; equal content gives equal bytes."""
    if compression == "none":
        yield stream
        return
    kind = gzip.GzipFile("", "wb", _LEVEL, stream, mtime=0) if compression == "gzip" else _ZlibWriter(stream)
    with kind as target:
        yield cast(BinaryIO, target)


class _ZlibWriter(io.RawIOBase):
    """One zlib stream, written piece by piece."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._deflater = zlib.compressobj(_LEVEL)

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes", /) -> int:  # type: ignore[override]
        self._stream.write(self._deflater.compress(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.write(self._deflater.flush())
        super().close()
