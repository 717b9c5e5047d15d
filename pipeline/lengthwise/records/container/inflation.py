"""Decompresses gzip and zlib files up to their first fault, byte by byte there.

Python's own readers lose what they had buffered.
"""

import zlib
from contextlib import suppress
from typing import BinaryIO

_COMPRESSED = 64 * 2**10
_AT_ONCE = 2**20
_WINDOW = {"gzip": 31, "zlib": 15}  # zlib: which header and trailer are expected; the checksum is checked


class InflateReader:
    """The decompressed bytes of a gzip file, of one or more members, or of a zlib file, which is one stream."""

    def __init__(self, stream: BinaryIO, compression: str) -> None:
        self._stream = stream
        self._compression = compression
        self._pending = b""  # compressed bytes not yet decompressed
        self._inflater: zlib._Decompress | None = None
        self._full = False  # the last answer was as long as was allowed, so more may follow without more input
        self._members = 0
        self._fault: Exception | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes more, at least one where there are any; none at the end.

        Raises:
            EOFError: the file ends inside a member.
            OSError: the file cannot be read.
            zlib.error: the compressed data or a checksum is wrong, or something follows a zlib stream; all that was
                right has been read before.
        """
        while True:
            if self._fault is not None:
                raise self._fault
            if not self._pending and not self._full:
                self._pending = self._stream.read(_COMPRESSED)
                if not self._pending:
                    return self._end()
            if self._inflater is None and not self._start():
                continue
            if data := self._inflate(size):
                return data

    def _end(self) -> bytes:
        if self._inflater is not None:
            raise EOFError(f"the {self._compression} stream is cut off")
        return b""

    def _start(self) -> bool:
        """Begins a member; zeros after a member only fill up the file."""
        if self._members:
            self._pending = self._pending.lstrip(b"\0")
        if self._pending:
            if self._members and self._compression == "zlib":  # TensorFlow would not read it
                raise zlib.error("it ends before the file does, and something else follows")
            self._inflater = zlib.decompressobj(_WINDOW[self._compression])
            self._members += 1
        return bool(self._pending)

    def _inflate(self, size: int) -> bytes:
        assert self._inflater is not None
        before = self._inflater.copy()
        try:
            data = self._inflater.decompress(self._pending, size)
        except zlib.error as error:
            self._fault = error
            return _salvage(before, self._pending)
        self._full = len(data) == size
        self._pending = self._inflater.unconsumed_tail
        if self._inflater.eof:
            self._pending, self._inflater, self._full = self._inflater.unused_data, None, False
        return data


def inflated_size(stream: BinaryIO, compression: str) -> int:
    """How many bytes a file has when decompressed; -1 where it is damaged or cut off."""
    reader, size = InflateReader(stream, compression), 0
    with suppress(EOFError, zlib.error):
        while data := reader.read(_AT_ONCE):
            size += len(data)
        return size
    return -1


def _salvage(inflater: "zlib._Decompress", pending: bytes) -> bytes:
    """What can be decompressed before the fault, found byte by byte."""
    salvaged = bytearray()
    with suppress(zlib.error):
        for place in range(len(pending)):
            salvaged += inflater.decompress(pending[place : place + 1])
    return bytes(salvaged)
