"""Local copies of remote files, for readers that open local ones only: bounded, and shared by all processes.

    DIGEST.part   is being downloaded by whoever holds its lock; as long as the file will be, so that its room is taken
    DIGEST        is complete: its bytes are checked and on disk; its time of modification is that of its last use
    lock          is held while room is made

Names are digests of what is copied, so a path that comes from others leads nowhere else. Who is killed leaves no lock,
so a `.part` that nobody holds is waste.
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
from lengthwise.storage.file_locks import hold, lock_part, remove_unused
from lengthwise.storage.remote_copying import Remote, copy_checked

PINNED = 64  # the files last handed out by a process, which may not be open yet: these stay, whatever the limit
_DOWNLOADS = 8  # ahead, at once
_PAUSES_S = (0.2, 1.0)  # before a download is tried again
_OURS = re.compile(r"[0-9a-f]{64}(\.part)?")


class LocalCopies:
    """The copies in a folder.

    Attributes:
        folder: theirs.
        limit: how many bytes they take at most, but for what is in use.
    """

    def __init__(self, folder: str, limit: int | None = None) -> None:
        """Makes the folder where it is missing.

        Args:
            folder: on a local file system.
            limit: None for half of what the disk has free.

        Raises:
            EnvironmentFailure: the folder cannot be written, or its file system has no locks.
        """
        self.folder = folder
        self._pins: deque[int] = deque()
        self._downloads = BoundedSemaphore(_DOWNLOADS)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with self._locked():
                held = sum(status.st_size for _, status in self._entries())
            self.limit = (shutil.disk_usage(folder).free + held) // 2 if limit is None else limit
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot keep copies of remote files in {folder}: {error.strerror}; name a folder on a local disk, by "
                "the option cache or by LENGTHWISE_CACHE"
            ) from error

    def check(self, remotes: Sequence[Remote]) -> None:
        """Whether each of these fits.

        Raises:
            ConfigError: the largest does not.
        """
        largest = max(remotes, key=lambda one: one.size)
        if largest.size > self.limit:
            raise ConfigError(
                f"cache: expected room for the largest file, {largest.path} ({largest.size:,} bytes), received "
                f"{self.limit:,} bytes in {self.folder}; give more (max_bytes), or name a folder on a larger disk"
            )

    def get(self, remote: Remote) -> str:
        """The path of the file's copy, downloaded where there is none. It stays until `PINNED` others were handed out.

        Raises:
            EnvironmentFailure: the file cannot be read, or is another than expected; or the disk is full.
        """
        path, descriptor = self._obtain(remote)
        self._pins.append(descriptor)
        while len(self._pins) > PINNED:
            os.close(self._pins.popleft())
        return path

    def get_ahead(self, remote: Remote) -> None:
        """Begins to download the file in the background; whether that fails, `get` tells."""

        def obtain() -> None:
            with self._downloads, suppress(LengthwiseError):
                os.close(self._obtain(remote)[1])

        Thread(target=obtain, daemon=True).start()

    def _obtain(self, remote: Remote) -> tuple[str, int]:
        """The path of the copy, and a descriptor whose lock keeps it."""
        if remote.size < 0:
            raise EnvironmentFailure(f"cannot read {remote.path}: no such file")
        path = os.path.join(self.folder, hashlib.sha256(repr(tuple(remote)).encode()).hexdigest())
        try:
            while (descriptor := hold(path, remote.size)) is None:
                part = lock_part(path + ".part")
                if part is not None:
                    with part:
                        self._download(remote, part, path)
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot copy {remote.path} to {self.folder}: {error.strerror or error}"
            ) from error
        return path, descriptor

    def _download(self, remote: Remote, part: BinaryIO, path: str) -> None:
        if os.path.exists(path):  # another has just finished it
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
        """Gives a file its size, once enough of those that nobody uses are gone, longest unused first."""
        part.truncate(0)
        with self._locked():
            entries = sorted(self._entries(), key=lambda entry: (not entry[0].endswith(".part"), entry[1].st_mtime_ns))
            total = sum(status.st_size for _, status in entries) + size
            for path, status in entries:
                if (path.endswith(".part") or total > self.limit) and remove_unused(path):
                    total -= status.st_size
            part.truncate(size)

    def _entries(self) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(self.folder) as found:
            for entry in found:
                if _OURS.fullmatch(entry.name):
                    with suppress(FileNotFoundError):
                        yield entry.path, entry.stat(follow_symlinks=False)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(os.path.join(self.folder, "lock"), "ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
