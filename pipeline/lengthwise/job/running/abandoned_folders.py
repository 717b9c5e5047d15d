"""Temporary folders that a killed process leaves behind: the next run recognizes them by a mark, and removes them.

The mark is a file that the process keeps locked: if it can be locked, the process has ended.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PREFIXES = ("lengthwise-", "beam-pipeline-temp")
"""Prefixes of folders that may be ours: Beam uses the second one for every pipeline, ours or not."""

_MARK = ".lengthwise"


@contextmanager
def claimed(folder: str) -> Iterator[None]:
    """Marks a temporary folder as that of this process, while the context lasts."""
    path = os.path.join(folder, _MARK)
    with open(path + "-", "w") as mark:
        with suppress(OSError):  # a file system without locks: nothing is ever removed
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(path + "-", path)  # under this name it is locked as long as the process lives
        yield


def remove_abandoned() -> None:
    """Removes the temporary folders that killed processes of this user have left behind."""
    parent = tempfile.gettempdir()
    with suppress(OSError):
        for name in os.listdir(parent):
            if name.startswith(PREFIXES):
                with suppress(OSError):
                    _remove_if_abandoned(os.path.join(parent, name))


def _remove_if_abandoned(folder: str) -> None:
    """Raises OSError if the folder is not ours, or its process is running."""
    if not _is_own(os.lstat(folder), stat.S_ISDIR):
        return
    mark = os.open(os.path.join(folder, _MARK), os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if _is_own(os.fstat(mark), stat.S_ISREG):
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(mark)


def _is_own(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    return is_kind(status.st_mode) and status.st_uid == os.geteuid()
