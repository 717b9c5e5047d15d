"""One input file -> blocks, also where the file cannot be opened, is damaged, or changes while it is read.

Damage is a value in the blocks, no exception: what stands before it is kept, and `limits.damaged_files` judges it. A
remote file that fails while it is read is no damage: outages pass, and the runner tries again.
A local file is read to the size that it had when the job listed it, so that a job's records do not depend on when each
worker came to read.
"""

import errno
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, cast

from lengthwise import files
from lengthwise.errors import EnvironmentFailure
from lengthwise.job.model import Input, Job
from lengthwise.job.workspace import UNSTEADY
from lengthwise.records.framing import Block, Damage, read_blocks
from lengthwise.rejects import RejectReason

_OURS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # the machine's fault, not the file's


class Reading:
    """The reading of one file.

    Attributes:
        consumed: how many bytes of the file have been read, compressed as it is.
    """

    def __init__(self, job: Job, source: Input) -> None:
        self._job = job
        self._source = source
        self.consumed = 0

    def blocks(self) -> Iterator[Block]:
        """The file's blocks, to its end or its damage.

        Raises:
            EnvironmentFailure: the file cannot be opened, and `limits.damaged_files` is 0 or this machine is at fault;
                or a remote file fails while it is read.
        """
        path = self._job.reach(self._source)
        with ExitStack() as opened:
            try:
                stream = opened.enter_context(files.open_binary(path))
            except EnvironmentFailure as error:
                if not self._job.config.limits.damaged_files or not _is_the_files_fault(path, error):
                    raise
                self._mark_unsteady()
                yield Block(damage=[Damage(RejectReason.DAMAGED_FILE, str(error), 0, 0, b"")])
                return
            yield from self._read(stream)

    def _read(self, stream: BinaryIO) -> Iterator[Block]:
        config = self._job.config
        listed = _Listed(stream, self._source)
        blocks = read_blocks(
            cast(BinaryIO, listed),
            compression=config.inputs.compression,
            max_record_bytes=config.limits.max_record_bytes,
        )
        for block in blocks:
            self.consumed = min(listed.read_bytes, self._source.size)
            yield block
        if listed.failed:
            self._mark_unsteady()

    def _mark_unsteady(self) -> None:
        files.write_bytes(self._job.place(UNSTEADY), self._source.path.encode(errors="surrogateescape"))


class _Listed:
    """A file as long as it was when the job listed it: that it has become shorter or longer is an error at its end."""

    def __init__(self, stream: BinaryIO, source: Input) -> None:
        self._stream = stream
        self._size = source.size
        self._fixed = files.is_remote(source.path)  # objects do not change; some are decompressed on the way
        self.read_bytes = 0
        self.failed = False

    def read(self, size: int = -1) -> bytes:
        left = self._size - self.read_bytes
        wanted = size if self._fixed else left if size < 0 else min(size, left)
        try:
            data = self._stream.read(wanted)
            if not data and size and not self._fixed:
                self._check_end(left)
        except OSError:
            self.failed = True
            raise
        self.read_bytes += len(data)
        return data

    def _check_end(self, left: int) -> None:
        if left:
            raise OSError(f"it has become shorter by {left} bytes since the job listed it")
        if self._stream.read(1):
            raise OSError(f"it has grown beyond the {self._size} bytes that it had when the job listed it")


def _is_the_files_fault(path: str, error: EnvironmentFailure) -> bool:
    cause = error.__cause__
    if files.is_remote(path):  # outages pass: the runner tries again
        return not files.exists(path)
    return isinstance(cause, OSError) and cause.errno not in _OURS
