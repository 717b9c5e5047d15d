"""Reads one piece of the input as blocks, also if the file cannot be opened, is damaged, or changes meanwhile.

Damage is a value in the blocks, not an exception: the records before it are kept, and `limits.damaged_files` limits it.
A remote file that fails while it is read is not damaged: outages end, and the runner tries again.
A local file is read to the size that it had when the job listed it, so the records of a job do not depend on the time
at which each worker reads.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, BinaryIO, cast

from lengthwise.errors import EnvironmentFailure
from lengthwise.job.task_values import Input, Job, Piece
from lengthwise.job.workspace.work_folder import UNSTEADY
from lengthwise.records.container.frame_reading import FileRange, read_blocks
from lengthwise.records.container.frame_search import find_first_frame
from lengthwise.records.container.record_blocks import Block, Damage
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage import files

_OURS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # caused by the machine, not by the file


class PieceReader:
    """Reads one piece.

    Attributes:
        consumed: the number of its bytes that have been read; of a compressed file, compressed.
        summary: the fields of a `PieceRead`, as far as the piece has been read.
    """

    def __init__(self, job: Job, piece: Piece) -> None:
        self._job = job
        self._piece = piece
        self.consumed = 0
        begin = piece.start if piece.is_exact else None
        self.summary: dict[str, Any] = {
            "piece": piece.name, "begin": begin, "end": piece.start, "records": 0, "is_cut_off": False, "state": "",
        }  # fmt: skip

    def blocks(self) -> Iterator[Block]:
        """The blocks of the piece, up to its end or to where the file is damaged.

        Raises:
            EnvironmentFailure: the file cannot be opened, and `limits.damaged_files` is 0 or this machine is the cause;
                or a remote file fails while it is read.
        """
        path = self._job.input_path(self._piece.source)
        with ExitStack() as opened:
            try:
                stream = opened.enter_context(files.open_binary(path))
            except EnvironmentFailure as error:
                if not self._job.config.limits.damaged_files or not _is_caused_by_file(path, error):
                    raise
                self._mark_unsteady()
                damage = Damage(RejectReason.DAMAGED_FILE, str(error), self._piece.counts_from, self._piece.start, b"")
                self.summary |= {"is_cut_off": True, "records": 1}
                yield Block(damage=[damage])
                return
            if self._piece.is_whole:
                yield from self._read(stream, None)
                return
            self.summary["state"] = _state(stream, path)
            begin = self._begin(stream)
            if begin is not None:
                self.summary["begin"] = self.summary["end"] = begin
                stream.seek(begin)
                stop = None if self._piece.is_last else self._piece.stop
                yield from self._read(stream, FileRange(begin, self._piece.counts_from, stop))

    def _begin(self, stream: BinaryIO) -> int | None:
        """The byte at which the first record starts, or the end of the file, which may have grown."""
        piece = self._piece
        if piece.is_exact:
            return piece.start
        with suppress(OSError):  # the reader of the previous piece reports the damage
            first = find_first_frame(stream, piece.start, piece.stop, piece.source.size)
            return piece.stop if first is None and piece.is_last else first
        return None

    def _read(self, stream: BinaryIO, span: FileRange | None) -> Iterator[Block]:
        config = self._job.config
        listed = _ListedFile(stream, self._piece.source, span.offset if span else 0)
        blocks = read_blocks(
            cast(BinaryIO, listed),
            compression="none" if span else config.inputs.compression,
            max_record_bytes=config.limits.max_record_bytes,
            part=span,
        )
        for block in blocks:
            self.consumed = min(listed.position, self._piece.stop) - self._piece.start
            self.summary["end"] = block.position
            self.summary["records"] += block.read
            self.summary["is_cut_off"] |= any(damage.reason is RejectReason.DAMAGED_FILE for damage in block.damage)
            yield block
        if listed.failed:
            self._mark_unsteady()

    def _mark_unsteady(self) -> None:
        path = self._piece.source.path.encode(errors="surrogateescape")
        files.write_bytes(self._job.work_path(UNSTEADY), path, below=self._job.work)


class _ListedFile:
    """A file with the size that it had when the job listed it. A different size raises OSError at its end."""

    def __init__(self, stream: BinaryIO, source: Input, position: int) -> None:
        self._stream = stream
        self._size = source.size
        self._fixed = files.is_remote(source.path)  # objects do not change; some are decompressed in transit
        self.position = position
        self.failed = False

    def read(self, size: int = -1) -> bytes:
        left = self._size - self.position
        wanted = size
        if not self._fixed:
            wanted = left if size < 0 else min(size, left)
        try:
            data = self._stream.read(wanted)
            if not data and size and not self._fixed:
                self._check_end(left)
        except OSError:
            self.failed = True
            raise
        self.position += len(data)
        return data

    def _check_end(self, left: int) -> None:
        if left:
            raise OSError(f"it has become shorter by {left} bytes since the job listed it")
        if self._stream.read(1):
            raise OSError(f"it has grown beyond the {self._size} bytes that it had when the job listed it")


def _state(stream: BinaryIO, path: str) -> str:
    """A text that changes if the open file is replaced, or its content changes."""
    if files.is_remote(path):
        return files.version(path)
    status = os.fstat(stream.fileno())
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _is_caused_by_file(path: str, error: EnvironmentFailure) -> bool:
    cause = error.__cause__
    if files.is_remote(path):  # outages end: the runner tries again
        return not files.exists(path)
    return isinstance(cause, OSError) and cause.errno not in _OURS
