"""Copies of remote files, checked by a checksum if one is known, otherwise by the ETag."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import google_crc32c

from lengthwise.errors import EnvironmentFailure
from lengthwise.storage import files

_CHUNK_BYTES = 2**22


class RemoteFile(NamedTuple):
    """A remote file, as expected.

    Attributes:
        path: its path.
        size: in bytes; -1 if it is missing.
        crc32c: the checksum of its bytes; None if unknown.
        state: without a checksum, what `current_state` returned when the file was listed.
    """

    path: str
    size: int
    crc32c: int | None = None
    state: str = ""


def current_state(path: str) -> RemoteFile:
    """A remote file as it is now: its size, and its time, ETag or checksum, if the file system has them."""
    match = next((match for match in files.find(path) if match.path == path), None)
    if match is None:
        return RemoteFile(path, -1)
    return RemoteFile(path, match.size, state=f"{match.modified} {files.version(path)}")


def copy_checked(remote: RemoteFile, target: BinaryIO) -> None:
    """Writes the file's bytes.

    Raises:
        EnvironmentFailure: it cannot be read, or is not the expected file.
    """
    target.seek(0)
    crc32c, size = _checksum(remote, remote.path, target.write)
    target.flush()
    if remote.crc32c is None and current_state(remote.path) != remote:
        raise EnvironmentFailure(f"cannot use {remote.path}: it was replaced after it was listed; start again")
    _compare(remote, crc32c, size)


def check_bytes(expected: RemoteFile, path: str) -> None:
    """Compares the bytes at `path`, that of the file or of a copy, with those expected.

    Raises:
        EnvironmentFailure: they differ.
        OSError: they cannot be read.
    """
    _compare(expected, *_checksum(expected, path, len))


def _checksum(expected: RemoteFile, path: str, use: Callable[[bytes], object]) -> tuple[int, int]:
    """The crc32c and the number of the bytes, which are passed to `use`; reading stops after the expected end."""
    checksum, size = google_crc32c.Checksum(), 0
    with files.open_binary(path) as source:
        while size <= expected.size and (data := source.read(_CHUNK_BYTES)):
            size += len(data)
            checksum.update(data)
            use(data)
    return int.from_bytes(checksum.digest(), "big"), size


def _compare(expected: RemoteFile, crc32c: int, size: int) -> None:
    if size != expected.size or expected.crc32c not in (None, crc32c):
        wanted, received = f"{expected.size:,} bytes", "more" if size > expected.size else f"{size:,}"
        if expected.crc32c is not None:
            wanted, received = f"{wanted} of crc32c {expected.crc32c:#010x}", f"{received} of crc32c {crc32c:#010x}"
        raise EnvironmentFailure(
            f"cannot use {expected.path}: expected {wanted}, found {received}; it has been replaced, or is damaged"
        )
