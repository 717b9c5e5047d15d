"""Standard output and standard error, which end no command: what cannot be written is dropped, and the work continues.

The reader may leave (`lengthwise prepare --json | head -1`), the disk may be full, the stream may be closed (`>&-`).
"""

import errno
import io
import os
import select
import sys
from typing import Any, TextIO


class _Lossy(io.FileIO):
    """A descriptor to which writing never fails.

    Attributes:
        lost: why what is written is dropped; None as long as it is not.
        is_product: whether what is written is all that the command is for.
    """

    lost: OSError | None = None
    is_product = True

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        if self.lost is None:
            try:
                while (written := super().write(view)) is None:  # a pipe that is full and does not block
                    select.select([], [self], [])
                return written
            except OSError as error:
                self.lost = error
        return len(view)


def install() -> None:
    """Makes `sys.stdout` and `sys.stderr` such streams. What is closed leads nowhere: no file shall get its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free: this one
    if _lossy(sys.stdout) is None:
        sys.stdout = lossy(1, sys.stdout)
    if _lossy(sys.stderr) is None:
        sys.stderr = lossy(2, sys.stderr)


def lossy(descriptor: int, like: TextIO | None, *, closes: bool = False) -> TextIO:
    """A text stream to which writing never fails.

    Args:
        descriptor: where to.
        like: of this encoding and buffering; None: UTF-8.
        closes: whether closing the stream closes the descriptor.
    """
    buffered = io.BufferedWriter(_Lossy(descriptor, "w", closefd=closes))
    if not isinstance(like, io.TextIOWrapper):
        return io.TextIOWrapper(buffered, "utf-8", "backslashreplace", line_buffering=True)
    return io.TextIOWrapper(
        buffered, like.encoding, like.errors, line_buffering=like.line_buffering, write_through=like.write_through
    )


def result_is_elsewhere() -> None:
    """Says that the running command is for something else than its output: if that is lost, its exit code stays."""
    if (stream := _lossy(sys.stdout)) is not None:
        stream.is_product = False


def lost_product() -> OSError | None:
    """Why the output is lost of a command that is for nothing else. A reader who leaves has read enough."""
    stream = _lossy(sys.stdout)
    if stream is None or not stream.is_product or stream.lost is None or stream.lost.errno == errno.EPIPE:
        return None
    return stream.lost


def _lossy(stream: TextIO | None) -> _Lossy | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Lossy) else None
