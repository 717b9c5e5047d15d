"""Locks on local files that several processes create, use and remove. A lock ends with the process that holds it."""

import fcntl
import os
import time
from contextlib import suppress
from typing import BinaryIO

_PAUSE_S = 0.02


def lock_copy(path: str, size: int) -> int | None:
    """A descriptor whose lock prevents the removal of the complete copy at `path`; None if there is no such copy."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if is_at(descriptor, path):
        if os.fstat(descriptor).st_size == size:
            os.utime(descriptor)  # the time of its last use
            return descriptor
        os.remove(path)  # truncated by another program
    os.close(descriptor)
    return None


def lock_part(path: str) -> BinaryIO | None:
    """The file at `path`, created if missing, locked for writing; None if another process moved it meanwhile.

    A process that has written the file moves it and may keep its lock, so the path is checked while waiting.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    stream = open(path, "r+b", opener=lambda name, _: os.open(name, flags, 0o600))  # noqa: SIM115 (closed by the caller)
    locked = False
    while not locked and is_at(stream.fileno(), path):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except BlockingIOError:
            time.sleep(_PAUSE_S)
    if locked and is_at(stream.fileno(), path):
        return stream
    stream.close()
    return None


def remove_unused(path: str) -> bool:
    """Removes a file unless a process has locked it; returns whether it is removed."""
    try:
        with open(path, "rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(stream.fileno(), path):
                os.remove(path)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def is_at(descriptor: int, path: str) -> bool:
    """Whether the open file is the one at `path`, which other processes may have moved or removed."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    return False
