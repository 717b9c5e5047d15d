"""Standard streams whose failures do not end a command: output that cannot be written is dropped, and work continues.

The reader may leave (`lengthwise prepare --json | head -1`), the disk may be full, the stream may be closed (`>&-`).
"""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO


class _Lossy(io.TextIOWrapper):
    """A text stream to which writing never fails: after a failure its descriptor is /dev/null.

    Attributes:
        lost: the error after which the output is dropped; None before it.
        is_product: whether the output is the only result of the command.
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
    """Installs such streams as `sys.stdout` and `sys.stderr`. Closed descriptors become /dev/null."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest free descriptor: this one
    for descriptor in (1, 2):
        os.set_blocking(descriptor, True)  # otherwise a slow reader looks like a closed one
    sys.stdout, sys.stderr = lossy(1, sys.stdout), lossy(2, sys.stderr)


def lossy(descriptor: int, like: TextIO | None, *, closes: bool = False) -> TextIO:
    """A text stream to which writing never fails.

    Args:
        descriptor: the descriptor to write to.
        like: a stream, whose encoding and buffering are used; None: UTF-8, line by line.
        closes: whether closing the stream closes the descriptor.
    """
    buffered = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=closes))
    if not isinstance(like, io.TextIOWrapper):
        return _Lossy(buffered, "utf-8", "backslashreplace", line_buffering=True)
    return _Lossy(
        buffered, like.encoding, like.errors, line_buffering=like.line_buffering, write_through=like.write_through
    )


def result_is_elsewhere() -> None:
    """Declares that the running command has results besides its output: if the output is lost, the exit code stays."""
    if isinstance(sys.stdout, _Lossy):
        sys.stdout.is_product = False


def lost_product() -> OSError | None:
    """Returns why the output was lost, if it is the command's only result. A closed pipe is not a loss."""
    if isinstance(sys.stdout, _Lossy) and sys.stdout.is_product:
        sys.stdout.flush()
        if sys.stdout.lost is not None and sys.stdout.lost.errno != errno.EPIPE:
            return sys.stdout.lost
    return None
