"""Local copies of remote files, for readers that can only open local files: limited in size, shared by all processes.

    DIGEST.part   is being downloaded by the process that has locked it; it has its final size, to reserve the space
    DIGEST        is complete: its bytes are checked and on disk; its time of modification is the time of its last use
    lock          is held while space is freed

Names are digests of the remote files, so a remote path cannot lead outside the folder. A killed process leaves no lock,
so a `.part` without a lock can be removed.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore, Thread
from typing import BinaryIO

from lengthwise.errors import ConfigError, EnvironmentFailure, LengthwiseError
from lengthwise.storage.file_locks import lock_copy, lock_part, remove_unused
from lengthwise.storage.remote_copying import RemoteFile, copy_checked

PINNED = 64  # the last files returned to a process, which may not be open yet: they are kept, regardless of the limit
_DOWNLOADS = 8  # concurrent downloads ahead
_PAUSES_S = (0.2, 1.0)  # before the retries of a download
_OURS = re.compile(r"[0-9a-f]{64}(\.part)?")


class LocalCopies:
    """The copies in a folder.

    Attributes:
        folder: the folder.
        limit: the maximum size of all copies in bytes; files in use may exceed it.
    """

    def __init__(self, folder: str, limit: int | None = None) -> None:
        """Creates the folder if it is missing.

        Args:
            folder: on a local file system.
            limit: see the attribute; None for half of the free space of the disk.

        Raises:
            EnvironmentFailure: the folder cannot be written, or its file system has no locks.
        """
        self.folder = folder
        self._pins: deque[int] = deque()
        self._downloads = BoundedSemaphore(_DOWNLOADS)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with self._locked():
                used = sum(status.st_size for _, status in self._entries())
            self.limit = (shutil.disk_usage(folder).free + used) // 2 if limit is None else limit
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot keep copies of remote files in {folder}: {error.strerror}; name a folder on a local disk, by "
                "the option cache or by LENGTHWISE_CACHE"
            ) from error

    def check(self, remotes: Sequence[RemoteFile]) -> None:
        """Checks that each file fits.

        Raises:
            ConfigError: the largest does not fit.
        """
        largest = max(remotes, key=lambda remote: remote.size)
        if largest.size > self.limit:
            raise ConfigError(
                f"cache: expected room for the largest file, {largest.path} ({largest.size:,} bytes), received "
                f"{self.limit:,} bytes in {self.folder}; increase max_bytes, or use a folder on a larger disk"
            )

    def get(self, remote: RemoteFile) -> str:
        """The path of the file's copy, downloaded if needed. The copy is kept until `PINNED` others have been returned.

        Raises:
            EnvironmentFailure: the file cannot be read, or is not the expected one; or the disk is full.
        """
        path, descriptor = self._obtain(remote)
        self._pins.append(descriptor)
        while len(self._pins) > PINNED:
            os.close(self._pins.popleft())
        return path

    def get_ahead(self, remote: RemoteFile) -> None:
        """Starts to download the file in the background; `get` reports failures."""

        def obtain() -> None:
            with self._downloads, suppress(LengthwiseError):
                os.close(self._obtain(remote)[1])

        Thread(target=obtain, daemon=True).start()

    def _obtain(self, remote: RemoteFile) -> tuple[str, int]:
        """The path of the copy, and a descriptor whose lock prevents its removal."""
        if remote.size < 0:
            raise EnvironmentFailure(f"cannot read {remote.path}: no such file")
        path = os.path.join(self.folder, hashlib.sha256(repr(tuple(remote)).encode()).hexdigest())
        try:
            while (descriptor := lock_copy(path, remote.size)) is None:
                part = lock_part(path + ".part")
                if part is not None:
                    with part:
                        self._download(remote, part, path)
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot copy {remote.path} to {self.folder}: {error.strerror or error}"
            ) from error
        return path, descriptor

    def _download(self, remote: RemoteFile, part: BinaryIO, path: str) -> None:
        if os.path.exists(path):  # another process has just finished it
            os.remove(part.name)
            return
        try:
            for pause in (*_PAUSES_S, None):
                try:
                    self._make_room(part, remote.size)
                    copy_checked(remote, part)
                    break
                except EnvironmentFailure:
                    if pause is None:
                        raise
                    time.sleep(pause)
            os.fsync(part.fileno())
            os.rename(part.name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.remove(part.name)
            raise

    def _make_room(self, part: BinaryIO, size: int) -> None:
        """Gives a file its size, after removing unused files as needed, the least recently used first."""
        part.truncate(0)
        with self._locked():
            entries = sorted(self._entries(), key=lambda entry: (not entry[0].endswith(".part"), entry[1].st_mtime_ns))
            total = sum(status.st_size for _, status in entries) + size
            for path, status in entries:
                if (path.endswith(".part") or total > self.limit) and remove_unused(path):
                    total -= status.st_size
            part.truncate(size)

    def _entries(self) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _OURS.fullmatch(entry.name):
                    with suppress(FileNotFoundError):
                        yield entry.path, entry.stat(follow_symlinks=False)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(os.path.join(self.folder, "lock"), "ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
