"""Checksums of files and streams."""

from typing import BinaryIO

import google_crc32c

from lengthwise.storage import files

_CHUNK = 2**20


class ChecksummedStream:
    """A stream that counts and checksums the bytes that are read from it, or written to it.

    Attributes:
        size: the number of these bytes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._checksum = google_crc32c.Checksum()
        self.size = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._checksum.update(data)
        self.size += len(data)
        return data

    def write(self, data: bytes) -> int:
        self._stream.write(data)
        self._checksum.update(data)
        self.size += len(data)
        return len(data)

    def read_rest(self) -> None:
        """Reads to the end of the stream, also if an earlier reader stopped before it."""
        while self.read(_CHUNK):
            pass

    @property
    def crc32c(self) -> int:
        """The checksum (Castagnoli) of these bytes."""
        return int.from_bytes(self._checksum.digest(), "big")


def checksum(path: str) -> int:
    """The crc32c of a file's bytes."""
    with files.open_binary(path) as stream:
        measured = ChecksummedStream(stream)
        measured.read_rest()
    return measured.crc32c
