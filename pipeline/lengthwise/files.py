"""Files by path, local or on any file system that Beam knows (`gs://`, `s3://`, `hdfs://`).

Local paths never import Beam: the configuration, the manifest and the command line stay light.
"""

import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        stream = _open_remote(path) if is_remote(path) else open(path, "rb")  # noqa: SIM115 (closed below)
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


@contextmanager
def create(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for writing bytes, its folder made where missing; nothing stands at `path` unless all went well.

    Raises:
        EnvironmentFailure: the file cannot be written; the message names it and the fault.
    """
    temporary = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
    try:
        with _create(temporary) as stream:
            yield stream
        rename(temporary, path)
    except OSError as error:
        remove(temporary)
        raise EnvironmentFailure(f"cannot write {path}: {error.strerror or error}") from error
    except BaseException:
        remove(temporary)
        raise


def _create(path: str) -> BinaryIO:
    if not is_remote(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        return open(path, "wb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return cast(BinaryIO, FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED))


def write_bytes(path: str, content: bytes) -> None:
    """Writes a whole file, all or nothing."""
    with create(path) as stream:
        stream.write(content)


def rename(source: str, target: str) -> None:
    """Moves a file over `target`, whose folder is made where missing; one step on a local file system."""
    if not is_remote(target):
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        os.replace(source, target)
        return
    from apache_beam.io.filesystems import FileSystems

    FileSystems.rename([source], [target])


def remove(path: str) -> None:
    """Removes a file, or a folder with all in it; what is not there is no error."""
    if not is_remote(path):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                os.remove(path)
        return
    from apache_beam.io.filesystems import FileSystems

    with suppress(Exception):  # Beam's remote file systems report what is missing each in its way
        FileSystems.delete([path])


def list_tree(folder: str) -> list[str]:
    """The paths of all files below a folder, relative to it, sorted; none where the folder is missing."""
    if is_remote(folder):
        found = [path for path, _ in match(folder.rstrip("/") + "/**")]
    else:
        found = [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]
    return sorted(path[len(folder.rstrip("/")) + 1 :] for path in found)
