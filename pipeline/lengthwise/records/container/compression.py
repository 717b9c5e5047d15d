"""The compression of TFRecord files: detected from a file's first bytes, by one rule for all readers, and written."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from lengthwise.manifest import Compression as Compression
from lengthwise.records.container.frame_headers import is_header

_GZIP_MAGIC = b"\x1f\x8b"
_LEVEL = 1  # half the time of level 6, for files a tenth larger
_SUFFIXES: dict[Compression, str] = {"gzip": ".gz", "zlib": ".zz", "none": ""}


def detect_compression(head: bytes) -> Compression:
    """The compression of a file, from its first `HEADER.size` bytes, or all of a shorter file.

    A plain file starts with a length and its checksum. Without that, two bytes could be anything: a first record of
    35,615 bytes starts as gzip files do. A file that is none of the three counts as plain, and is damaged.
    """
    if is_header(head):
        return "none"
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    return "zlib" if _is_zlib(head) else "none"


def _is_zlib(head: bytes) -> bool:
    """Whether bytes start a zlib stream without a dictionary (RFC 1950, section 2.2), and a block of data in it."""
    if len(head) < 2 or head[0] & 0x0F != 8 or head[0] >> 4 > 7 or head[1] & 0x20:
        return False
    return int.from_bytes(head[:2], "big") % 31 == 0 and (len(head) == 2 or head[2] & 6 != 6)


def compression_suffix(compression: Compression) -> str:
    """The ending of the names of files of that compression."""
    return _SUFFIXES[compression]


def compression_of_name(path: str) -> Compression:
    """The compression that a file's name asks for."""
    for compression, suffix in _SUFFIXES.items():
        if suffix and path.endswith(suffix):
            return compression
    return "none"


@contextmanager
def compressing_stream(stream: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    """A stream that writes its input compressed to `stream`, which stays open; equal content becomes equal bytes."""
    if compression == "none":
        yield stream
        return
    writer = gzip.GzipFile("", "wb", _LEVEL, stream, mtime=0) if compression == "gzip" else _ZlibWriter(stream)
    with writer as target:
        yield cast(BinaryIO, target)


class _ZlibWriter(io.RawIOBase):
    """One zlib stream, written chunk by chunk."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._deflater = zlib.compressobj(_LEVEL)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._stream.write(self._deflater.compress(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.write(self._deflater.flush())
        super().close()
