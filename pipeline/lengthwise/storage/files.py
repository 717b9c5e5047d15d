"""Files by path, local or on any file system that Beam supports (`gs://`, `s3://`, `hdfs://`).

Local paths never import Beam, so the configuration, the manifest and the command line load quickly.
"""

import errno
import glob
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeVar, cast

from lengthwise.errors import ConfigError, EnvironmentFailure, LengthwiseError
from lengthwise.storage import beam_files
from lengthwise.storage.beam_files import FileMatch as FileMatch
from lengthwise.storage.beam_files import naming_failures
from lengthwise.storage.beam_files import use_options as use_options

T = TypeVar("T")

TEMPORARY = ".tmp"
"""The end of the name of a file that is being written."""

_REQUESTS_AT_ONCE = 16  # to a remote file system
_BATCH = 100  # moves per request, if a file system accepts several
_MOVES_AT_ONCE = 64  # concurrent move requests: the store copies, no data passes through this process
_UNSYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # from file systems that cannot sync, or not a folder


def is_remote(path: str) -> bool:
    """Whether `path` has a scheme, such as `gs://`, and therefore needs Beam's file systems."""
    return "://" in path


@contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for reading bytes, never decompressing.

    Raises:
        EnvironmentFailure: the file cannot be opened, or a remote one fails while it is read; the message names it.
    """
    if is_remote(path):
        with beam_files.open_reading(path) as stream:
            yield stream
        return
    with naming_failures(f"cannot read {path}"):
        stream = open(path, "rb")  # noqa: SIM115 (closed below)
    with stream:
        yield stream


def read_bytes(path: str) -> bytes:
    """The whole content of `path`."""
    with open_binary(path) as stream:
        return stream.read()


def exists(path: str) -> bool:
    """Whether a file or a folder exists at `path`."""
    if not is_remote(path):
        return os.path.exists(path)
    with naming_failures(f"cannot look for {path}"):
        return bool(beam_files.file_systems(path).exists(path))


def real_path(path: str) -> str:
    """The same path for all names of a local file: those with `./` or `//`, and those that lead through links."""
    return path if is_remote(path) else os.path.realpath(path)


def version(path: str) -> str:
    """A text that changes when the file does: inode, size and times of a local file, the checksum of a remote one.

    Empty if the file system has none.
    """
    with suppress(Exception):  # each remote file system has its own exceptions
        if is_remote(path):
            return str(beam_files.file_systems(path).checksum(path) or "")
        status = os.stat(path)
        return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    return ""


def map_files(function: Callable[[str], T], paths: Sequence[str]) -> Iterator[T]:
    """Yields the result of the function for each file, in order. Of remote files, a few are processed concurrently."""
    if not any(map(is_remote, paths)):
        yield from map(function, paths)
        return
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        for start in range(0, len(paths), _REQUESTS_AT_ONCE):
            yield from pool.map(function, paths[start : start + _REQUESTS_AT_ONCE])


def join(folder: str, *names: str) -> str:
    """`folder` and `names` joined by '/', which every supported file system accepts."""
    return "/".join([folder.rstrip("/"), *names])


def find(pattern: str) -> list[FileMatch]:
    """The files that match a glob pattern, sorted by path.

    A pattern that is the name of a local file matches only that file: names may contain glob characters.

    Raises:
        ConfigError: a name is not UTF-8: TensorFlow, JSON and Arrow cannot represent it.
    """
    if is_remote(pattern):
        with naming_failures(f"cannot list {pattern}"):
            return sorted(beam_files.match(pattern))
    return _local_matches([pattern] if os.path.isfile(pattern) else glob.glob(pattern, recursive=True))


def find_below(folder: str) -> list[FileMatch]:
    """All files below a folder, at any depth, sorted by path; none if the folder is missing.

    Links to files are followed, links to folders are not.

    Raises:
        ConfigError: a name is not UTF-8.
    """
    folder = folder.rstrip("/")
    if is_remote(folder):
        with naming_failures(f"cannot list {folder}"):
            return sorted(beam_files.list_below(folder))
    return _local_matches(_walk(folder))


def _local_matches(paths: Iterable[str]) -> list[FileMatch]:
    """The files among local paths, sorted."""
    matches = []
    for path in filter(os.path.isfile, paths):
        try:
            path.encode()
        except UnicodeEncodeError as error:
            message = f"expected file names in UTF-8, found {os.fsencode(path)!r}; rename the file"
            raise ConfigError(message) from error
        status = os.stat(path)
        matches.append(FileMatch(path, status.st_size, status.st_mtime))
    return sorted(matches)


def _walk(folder: str) -> Iterator[str]:
    """The paths below a local folder that are not folders, at any depth; `folder` does not end with a slash."""
    return (os.path.join(parent, name) for parent, _, names in os.walk(folder or "/") for name in names)


def modified(path: str) -> float:
    """The time of modification of a file, in seconds since 1970; 0 if it is missing or the file system gives none."""
    with suppress(Exception):  # each remote file system has its own exceptions
        return float(beam_files.file_systems(path).last_updated(path) if is_remote(path) else os.stat(path).st_mtime)
    return 0.0


@contextmanager
def create(path: str, *, durable: bool = True, below: str = "") -> Iterator[BinaryIO]:
    """Opens `path` for writing bytes, and creates its folder. The file appears at `path` only if all went well.

    A local file survives a power cut: its bytes are on disk before it gets its name. On a remote file system an empty
    file is not created: some of these systems do not accept empty files.

    Args:
        path: of the file.
        durable: False skips waiting for the disk: after a power cut, the file at `path` may be too short.
        below: a folder that contains `path`; it is not created if it is local and missing.

    Raises:
        EnvironmentFailure: the file cannot be written; the message names it and the fault.
    """
    temporary = f"{path}.{uuid.uuid4().hex[:12]}{TEMPORARY}"
    stream = beam_files.NewFile(temporary) if is_remote(path) else None
    try:
        with stream or _create_local(temporary, below) as target:
            yield cast(BinaryIO, target)
            if stream is None and durable:
                target.flush()
                _sync(target.fileno())
        if stream is None:
            os.replace(temporary, path)
        elif stream.is_created:
            rename(temporary, path)
    except (LengthwiseError, KeyboardInterrupt):
        remove(temporary)
        raise
    except BaseException as error:
        remove(temporary)
        if stream is None and not isinstance(error, OSError):
            raise
        fault = getattr(error, "strerror", None) or error
        if below and not is_remote(below) and not exists(below):
            fault = f"{below} is missing: its job has ended, or this machine does not reach that folder under this path"
        raise EnvironmentFailure(f"cannot write {path}: {fault}") from error


def _create_local(path: str, below: str) -> BinaryIO:
    folder = os.path.dirname(path) or "."
    if not below:
        os.makedirs(folder, exist_ok=True)
    elif not os.path.isdir(folder):
        at = below
        for name in os.path.relpath(folder, below).split("/"):
            at = os.path.join(at, name)
            with suppress(FileExistsError):
                os.mkdir(at)
    return open(path, "wb")


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise


def sync_folders(folders: Iterable[str]) -> None:
    """Makes the names in local folders survive a power cut, as names in remote ones do anyway."""
    for folder in folders:
        if not is_remote(folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                _sync(descriptor)
            finally:
                os.close(descriptor)


def write_bytes(path: str, content: bytes, *, durable: bool = True, below: str = "") -> None:
    """Writes a whole file, all or nothing. See `create`."""
    with create(path, durable=durable, below=below) as stream:
        stream.write(content)


def make_folder(path: str) -> None:
    """Creates a local folder if it is missing; for remote folders this is not necessary."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)


def rename(source: str, target: str) -> None:
    """Moves a file to `target`, which is replaced; its folder is created. Atomic on a local file system."""
    rename_all([(source, target)])


def rename_all(moves: Sequence[tuple[str, str]]) -> None:
    """Moves files from the first path to the second of each pair, as `rename` does.

    An object store copies each file, which takes a tenth of a second or more, so many batches are moved concurrently.
    """
    for source, target in moves:
        if not is_remote(target):
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
            os.replace(source, target)
    remote = [pair for pair in moves if is_remote(pair[1])]
    size = min(_BATCH, -(-len(remote) // _MOVES_AT_ONCE)) or 1
    batches = [remote[start : start + size] for start in range(0, len(remote), size)]
    if len(batches) < 2:
        beam_files.rename(remote)
        return
    with ThreadPoolExecutor(_MOVES_AT_ONCE) as pool:
        list(pool.map(beam_files.rename, batches))


def remove(path: str) -> None:
    """Removes a file, a link, or a folder with its content; a missing path is not an error."""
    if not is_remote(path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.remove(path)
        return
    with suppress(Exception):  # each of Beam's remote file systems reports missing files differently
        beam_files.delete(path.rstrip("/"))


def remove_empty_folders(path: str) -> None:
    """Removes a local folder and the folders below it that contain no file; does nothing for remote folders."""
    if not is_remote(path):
        for parent, _, _ in os.walk(path, topdown=False):
            with suppress(OSError):
                os.rmdir(parent)


def folders_with(folder: str, name: str) -> list[str]:
    """The names of the folders directly below `folder` that contain a file `name`, sorted."""
    if not is_remote(folder):
        entries = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(entry for entry in entries if os.path.isfile(join(folder, entry, name)))
    paths = (path.split("/") for path in list_tree(folder))
    return sorted(path[0] for path in paths if len(path) == 2 and path[1] == name)


def list_tree(folder: str) -> list[str]:
    """The paths of all files and links below a folder, relative to it, sorted; none if the folder is missing."""
    folder = folder.rstrip("/")
    paths = (match.path for match in find_below(folder)) if is_remote(folder) else _walk(folder)
    return sorted(path[len(folder) + 1 :] for path in paths)
