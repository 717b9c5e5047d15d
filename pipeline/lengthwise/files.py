"""Files by path, local or on any file system that Beam knows (`gs://`, `s3://`, `hdfs://`).

Local paths never import Beam: the configuration, the manifest and the command line stay light.
"""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from lengthwise.errors import EnvironmentFailure


def is_remote(path: str) -> bool:
    """Whether `path` has a scheme, such as `gs://`, and so needs Beam's file systems."""
    return "://" in path


@contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for reading bytes, never decompressing.

    Raises:
        EnvironmentFailure: the file cannot be opened; the message names it.
    """
    try:
        stream = _open_remote(path) if is_remote(path) else open(path, "rb")
    except Exception as error:  # each remote file system has exceptions of its own
        raise EnvironmentFailure(f"cannot read {path}: {error}") from error
    with stream:
        yield stream


def _open_remote(path: str) -> BinaryIO:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return cast(BinaryIO, FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))


def read_bytes(path: str) -> bytes:
    """The whole content of `path`."""
    with open_binary(path) as stream:
        return stream.read()


def exists(path: str) -> bool:
    """Whether a file or a folder stands at `path`."""
    if not is_remote(path):
        return os.path.exists(path)
    from apache_beam.io.filesystems import FileSystems

    return bool(FileSystems.exists(path))


def join(folder: str, *names: str) -> str:
    """`folder` and `names` joined by '/', which every file system here understands."""
    return "/".join([folder.rstrip("/") or "/", *names]) if folder != "/" else "/" + "/".join(names)


def match(pattern: str) -> list[tuple[str, int]]:
    """The files that a glob pattern names, as (path, size in bytes), sorted by path."""
    if not is_remote(pattern):
        paths = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
        if not paths and os.path.isfile(pattern):  # a name that holds glob characters itself
            paths = [pattern]
        return sorted((path, os.path.getsize(path)) for path in paths)
    from apache_beam.io.filesystems import FileSystems

    try:
        [result] = FileSystems.match([pattern])
    except Exception as error:  # each remote file system has exceptions of its own
        raise EnvironmentFailure(f"cannot list {pattern}: {error}") from error
    return sorted((found.path, found.size_in_bytes) for found in result.metadata_list)
