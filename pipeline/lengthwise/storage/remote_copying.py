"""A remote file as it is expected, and its copying, checked: by a checksum where one is known, else by its ETag."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import google_crc32c

from lengthwise.errors import EnvironmentFailure
from lengthwise.storage import files

_CHUNK_BYTES = 2**22


class Remote(NamedTuple):
    """A remote file as it is expected.

    Attributes:
        path: where it is.
        size: in bytes; -1 where it is missing.
        crc32c: the checksum of its bytes; None where none is known.
        state: where there is no checksum, what `state_of` said when the file was listed.
    """

    path: str
    size: int
    crc32c: int | None = None
    state: str = ""


def state_of(path: str) -> Remote:
    """A remote file as it is now: its size, and its time, ETag or checksum, as far as the file system keeps them."""
    found = [one for one in files.find(path) if one.path == path]
    if not found:
        return Remote(path, -1)
    return Remote(path, found[0].size, state=f"{found[0].modified} {files.version(path)}")


def copy_checked(remote: Remote, target: BinaryIO) -> None:
    """Writes the file's bytes.

    Raises:
        EnvironmentFailure: it cannot be read, or is not what was expected.
    """
    target.seek(0)
    found, size = _checksum(remote, remote.path, target.write)
    target.flush()
    if remote.crc32c is None and state_of(remote.path) != remote:
        raise EnvironmentFailure(f"cannot use {remote.path}: it was replaced after it was listed; start again")
    _compare(remote, found, size)


def check_bytes(expected: Remote, place: str) -> None:
    """Reads the file's bytes at `place`: its path, or that of a copy of it. It may be a local file.

    Raises:
        EnvironmentFailure: they are not what was expected.
        OSError: they cannot be read.
    """
    _compare(expected, *_checksum(expected, place, len))


def _checksum(expected: Remote, place: str, use: Callable[[bytes], object]) -> tuple[int, int]:
    """The crc32c and the number of the bytes, each of which is used; those behind the expected end are not read."""
    checksum, size = google_crc32c.Checksum(), 0
    with files.open_binary(place) as source:
        while size <= expected.size and (data := source.read(_CHUNK_BYTES)):
            size += len(data)
            checksum.update(data)
            use(data)
    return int.from_bytes(checksum.digest(), "big"), size


def _compare(expected: Remote, found: int, size: int) -> None:
    if size != expected.size or expected.crc32c not in (None, found):
        wanted, seen = f"{expected.size:,} bytes", "more" if size > expected.size else f"{size:,}"
        if expected.crc32c is not None:
            wanted, seen = f"{wanted} of crc32c {expected.crc32c:#010x}", f"{seen} of crc32c {found:#010x}"
        raise EnvironmentFailure(
            f"cannot use {expected.path}: expected {wanted}, found {seen}; it is another file by now, or damaged"
        )
