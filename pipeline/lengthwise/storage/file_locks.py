"""Local files that several processes make, use and remove: by locks, which end with the process that holds them."""

import fcntl
import os
import time
from contextlib import suppress
from typing import BinaryIO

_PAUSE_S = 0.02


def hold(path: str, size: int) -> int | None:
    """A descriptor that keeps the complete copy at `path` from being removed; None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if _is_at(descriptor, path):
        if os.fstat(descriptor).st_size == size:
            os.utime(descriptor)  # its last use
            return descriptor
        os.remove(path)  # cut short by others: never by us
    os.close(descriptor)
    return None


def lock_part(path: str) -> BinaryIO | None:
    """The file at `path`, made where missing, once nobody else writes it; None where it has become something else.

    Who has written it may move it away and hold it on without end, so its place is looked at again and again.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    stream = open(path, "r+b", opener=lambda name, _: os.open(name, flags, 0o600))  # noqa: SIM115 (the caller's)
    locked = False
    while not locked and _is_at(stream.fileno(), path):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except BlockingIOError:
            time.sleep(_PAUSE_S)
    if locked and _is_at(stream.fileno(), path):
        return stream
    stream.close()
    return None


def remove_unused(path: str) -> bool:
    """Removes a file unless somebody holds it; returns whether it is gone."""
    try:
        with open(path, "rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(stream.fileno(), path):
                os.remove(path)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: str) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    return False
