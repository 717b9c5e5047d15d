"""Folders for temporary files that a killed process leaves behind: the next run knows them by a mark, and removes them.

The mark is a file that its process holds locked, so whoever can lock it knows that the process is gone.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PREFIXES = ("lengthwise-", "beam-pipeline-temp")
"""How the names begin of folders that may be ours: Beam makes the latter, for its pipelines and for ours."""

_MARK = ".lengthwise"


@contextmanager
def claimed(folder: str) -> Iterator[None]:
    """Marks a temporary folder as that of this process, for as long as it lasts."""
    path = os.path.join(folder, _MARK)
    with open(path + "-", "w") as mark:
        with suppress(OSError):  # a file system without locks: there nothing is ever removed
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(path + "-", path)  # under its name it is always locked, as long as we live
        yield


def remove_abandoned() -> None:
    """Removes what killed processes of this user have left in the folder for temporary files."""
    place = tempfile.gettempdir()
    with suppress(OSError):
        for name in os.listdir(place):
            if name.startswith(PREFIXES):
                with suppress(OSError):
                    _remove_if_abandoned(os.path.join(place, name))


def _remove_if_abandoned(folder: str) -> None:
    """Raises OSError where the folder is not ours, or its process is at work."""
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
