"""The decompressed bytes of TFRecord files, up to the first fault of a gzip or zlib stream.

Python's own readers lose the bytes that they had buffered before a fault.
"""

import zlib
from contextlib import suppress
from typing import Protocol

from lengthwise.records.container.compression import detect_compression
from lengthwise.records.container.frame_headers import HEADER

_COMPRESSED_CHUNK = 64 * 2**10
_CHUNK = 2**20
_WINDOW_BITS = {"gzip": 31, "zlib": 15}  # select the header and trailer that zlib expects; it checks the checksum


class ByteStream(Protocol):
    """A stream of which bytes are only read in order."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` more bytes; empty at the end."""


class DecompressedFile:
    """The decompressed bytes of a file.

    Attributes:
        fault: why the file cannot be read further; empty without a fault.
    """

    def __init__(self, stream: ByteStream, compression: str) -> None:
        self.fault = ""
        self._description = "file"
        self._stream = stream
        if compression == "auto":
            head = self._read_head()
            compression = detect_compression(head)
            self._stream = _PrefixedStream(head, stream)
        if compression in _WINDOW_BITS:
            self._description = f"{compression} stream"
            self._stream = InflateReader(self._stream, compression)

    def read(self, size: int) -> bytes:
        """Up to `size` more bytes; empty at the end, and at a fault, which is then in `fault`."""
        if self.fault:
            return b""
        try:
            return self._stream.read(size)
        except EOFError as error:
            self.fault = str(error)
        except (OSError, zlib.error) as error:
            self.fault = f"the {self._description} cannot be read: {error}"
        return b""

    def _read_head(self) -> bytes:
        """The first `HEADER.size` bytes, or all of a shorter file; some streams return them in parts."""
        head = b""
        while len(head) < HEADER.size and (chunk := self.read(HEADER.size - len(head))):
            head += chunk
        if head:
            self.fault = ""  # a read that failed after these bytes fails again once they have been read
        return head


class _PrefixedStream:
    """A stream with the bytes that were read from it put back."""

    def __init__(self, head: bytes, stream: ByteStream) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        if not self._head:
            return self._stream.read(size)
        head, self._head = self._head[:size], self._head[size:]
        return head


class InflateReader:
    """The decompressed bytes of a gzip file, of one or more members, or of a zlib file, which is one stream."""

    def __init__(self, stream: ByteStream, compression: str) -> None:
        self._stream = stream
        self._compression = compression
        self._pending = b""  # compressed bytes not yet decompressed
        self._inflater: zlib._Decompress | None = None
        self._full = False  # the last read returned as many bytes as requested, so more may follow without more input
        self._members = 0
        self._fault: Exception | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` more bytes, at least one before the end; empty at the end.

        Raises:
            EOFError: the file ends inside a member.
            OSError: the file cannot be read.
            zlib.error: the compressed data or a checksum is wrong, or data follows a zlib stream; all bytes before
                the fault have been returned by earlier calls.
        """
        while True:
            if self._fault is not None:
                raise self._fault
            if not self._pending and not self._full:
                self._pending = self._stream.read(_COMPRESSED_CHUNK)
                if not self._pending:
                    return self._end()
            if self._inflater is None and not self._start():
                continue
            if data := self._inflate(size):
                return data

    def _end(self) -> bytes:
        if self._inflater is not None:
            raise EOFError(f"the {self._compression} stream is truncated")
        return b""

    def _start(self) -> bool:
        """Begins a member; zeros after a member are padding."""
        if self._members:
            self._pending = self._pending.lstrip(b"\0")
        if self._pending:
            if self._members and self._compression == "zlib":  # TensorFlow does not read it
                raise zlib.error("it ends before the file does, and something else follows")
            self._inflater = zlib.decompressobj(_WINDOW_BITS[self._compression])
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


def _salvage(inflater: "zlib._Decompress", pending: bytes) -> bytes:
    """The bytes that can be decompressed before the fault, byte by byte."""
    salvaged = bytearray()
    with suppress(zlib.error):
        for position in range(len(pending)):
            salvaged += inflater.decompress(pending[position : position + 1])
    return bytes(salvaged)


def decompressed_size(stream: ByteStream, compression: str) -> int:
    """The number of bytes of a file when decompressed; -1 if it is damaged or truncated."""
    reader, size = InflateReader(stream, compression), 0
    with suppress(EOFError, zlib.error):
        while data := reader.read(_CHUNK):
            size += len(data)
        return size
    return -1
