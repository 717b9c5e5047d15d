"""Standard output and standard error, which end no command: what cannot be written is dropped, and the work continues.

The reader may leave (`lengthwise prepare --json | head -1`), the disk may be full, the stream may be closed (`>&-`).
"""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO


class _Lossy(io.TextIOWrapper):
    """A text stream to which writing never fails: when it does, its descriptor leads nowhere from then on.

    Attributes:
        lost: why what is written is dropped; None as long as it is not.
        is_product: whether what is written is all that the command is for.
    """

    lost: OSError | None = None
    is_product = True

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = self.lost or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        with suppress(OSError):
            super().flush()  # what is still in the buffer


def install() -> None:
    """Makes `sys.stdout` and `sys.stderr` such streams. What is closed leads nowhere: no file shall get its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free: this one
    for descriptor in (1, 2):
        os.set_blocking(descriptor, True)  # else a reader that is slow looks like one that is gone
    if not isinstance(sys.stdout, _Lossy):
        sys.stdout = lossy(1, sys.stdout)
    if not isinstance(sys.stderr, _Lossy):
        sys.stderr = lossy(2, sys.stderr)


def lossy(descriptor: int, like: TextIO | None, *, closes: bool = False) -> TextIO:
    """A text stream to which writing never fails.

    Args:
        descriptor: where to.
        like: of this encoding and buffering; None: UTF-8.
        closes: whether closing the stream closes the descriptor.
    """
    buffered = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=closes))
    if not isinstance(like, io.TextIOWrapper):
        return _Lossy(buffered, "utf-8", "backslashreplace", line_buffering=True)
    return _Lossy(
        buffered, like.encoding, like.errors, line_buffering=like.line_buffering, write_through=like.write_through
    )


def result_is_elsewhere() -> None:
    """Says that the running command is for something else than its output: if that is lost, its exit code stays."""
    if isinstance(sys.stdout, _Lossy):
        sys.stdout.is_product = False


def lost_product() -> OSError | None:
    """Why the output is lost of a command that is for nothing else. A reader who leaves has read enough."""
    if isinstance(sys.stdout, _Lossy) and sys.stdout.is_product:
        sys.stdout.flush()
        if sys.stdout.lost is not None and sys.stdout.lost.errno != errno.EPIPE:
            return sys.stdout.lost
    return None
