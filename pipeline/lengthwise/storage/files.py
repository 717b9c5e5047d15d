"""Files by path, local or on any file system that Beam knows (`gs://`, `s3://`, `hdfs://`).

Local paths never import Beam: the configuration, the manifest and the command line stay light.
"""

import errno
import glob
import io
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TypeVar, cast

from lengthwise.errors import ConfigError, EnvironmentFailure, LengthwiseError
from lengthwise.storage import beam_files
from lengthwise.storage.beam_files import FileMatch as FileMatch
from lengthwise.storage.beam_files import naming_failures
from lengthwise.storage.beam_files import use_options as use_options

T = TypeVar("T")

TEMPORARY = ".tmp"
"""How the names end of files that are being written."""

_AT_ONCE = 16  # questions to a remote file system
_BATCH = 100  # moves in a request, where a file system takes several
_MOVES_AT_ONCE = 64  # requests of them: the store copies, nothing passes here
_UNSYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # what file systems answer that cannot sync, or not a folder


def is_remote(path: str) -> bool:
    """Whether `path` has a scheme, such as `gs://`, and so needs Beam's file systems."""
    return "://" in path


@contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for reading bytes, never decompressing.

    Raises:
        EnvironmentFailure: the file cannot be opened, or a remote one fails while it is read; the message names it.
    """
    with naming_failures(f"cannot read {path}"):
        stream = beam_files.open_reading(path) if is_remote(path) else open(path, "rb")  # noqa: SIM115 (closed below)
    with stream:
        yield cast(BinaryIO, _RemoteReader(path, stream)) if is_remote(path) else stream


class _RemoteReader:
    """A remote file whose failures are the environment's: outages pass, so what is behind them is not lost."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self.seek = stream.seek

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:  # each remote file system has exceptions of its own
            raise EnvironmentFailure(f"cannot read {self._path}: {error}") from error


def read_bytes(path: str) -> bytes:
    """The whole content of `path`."""
    with open_binary(path) as stream:
        return stream.read()


def exists(path: str) -> bool:
    """Whether a file or a folder stands at `path`."""
    if not is_remote(path):
        return os.path.exists(path)
    with naming_failures(f"cannot look for {path}"):
        return bool(beam_files.file_systems(path).exists(path))


def real_path(path: str) -> str:
    """The same for all names of a local file: with `./` or `//` in them, or by way of links."""
    return path if is_remote(path) else os.path.realpath(path)


def version(path: str) -> str:
    """What changes when the file does: inode, size and times of a local one, the checksum that a remote system keeps.

    Empty where nothing tells.
    """
    with suppress(Exception):  # each remote file system has exceptions of its own
        if is_remote(path):
            return beam_files.version(path)
        status = os.stat(path)
        return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    return ""


def side_by_side(question: Callable[[str], T], paths: Sequence[str]) -> list[T]:
    """The answer for each file; see `answers`."""
    return list(answers(question, paths))


def answers(question: Callable[[str], T], paths: Sequence[str]) -> Iterator[T]:
    """The answer for each file, in order: of remote ones a few are asked for at once, as each answer takes its time."""
    if not any(map(is_remote, paths)):
        yield from map(question, paths)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            yield from pool.map(question, paths[start : start + _AT_ONCE])


def join(folder: str, *names: str) -> str:
    """`folder` and `names` joined by '/', which every file system here understands."""
    return "/".join([folder.rstrip("/") or "/", *names]) if folder != "/" else "/" + "/".join(names)


def match(pattern: str) -> list[tuple[str, int]]:
    """The files that a glob pattern names, as (path, size in bytes), sorted by path. See `find`."""
    return [(path, size) for path, size, _ in find(pattern)]


def find(pattern: str) -> list[FileMatch]:
    """The files that a glob pattern names, sorted by path.

    A pattern that is itself the name of a local file means that file: names may hold glob characters.

    Raises:
        ConfigError: a name is not UTF-8: neither TensorFlow nor JSON nor Arrow could hold it.
    """
    if is_remote(pattern):
        with naming_failures(f"cannot list {pattern}"):
            return sorted(beam_files.match(pattern))
    found = [pattern] if os.path.isfile(pattern) else glob.glob(pattern, recursive=True)
    return _local(found)


def find_below(folder: str) -> list[FileMatch]:
    """All files below a folder, at any depth, sorted by path; none where the folder is missing.

    Links to files are followed, links to folders are not.

    Raises:
        ConfigError: a name is not UTF-8.
    """
    folder = folder.rstrip("/")
    if is_remote(folder):
        with naming_failures(f"cannot list {folder}"):
            return sorted(beam_files.list_below(folder))
    return _local(f"{parent}/{name}" for parent, _, names in os.walk(folder or "/") for name in names)


def _local(paths: Iterable[str]) -> list[FileMatch]:
    """The files among local paths."""
    kept = [path for path in paths if os.path.isfile(path)]
    for path in kept:
        if not _is_utf8(path):
            raise ConfigError(f"expected file names in UTF-8, found {os.fsencode(path)!r}; rename the file")
    status = [(path, os.stat(path)) for path in kept]
    return sorted(FileMatch(path, one.st_size, one.st_mtime) for path, one in status)


def _is_utf8(path: str) -> bool:
    with suppress(UnicodeEncodeError):
        return path.encode() is not None
    return False


def modified(path: str) -> float:
    """When a file was modified, in seconds since 1970; 0 where it is missing or the file system does not tell."""
    with suppress(Exception):  # each remote file system has exceptions of its own
        return float(beam_files.file_systems(path).last_updated(path) if is_remote(path) else os.stat(path).st_mtime)
    return 0.0


def advice(pattern: str) -> str:
    """What to do about a pattern that matches nothing, in words."""
    if "[" in pattern:
        return "check the path or the pattern ([ opens a set of characters; write [[] for the character itself)"
    return "check the path or the pattern"


@contextmanager
def create(path: str, *, durable: bool = True, below: str = "") -> Iterator[BinaryIO]:
    """Opens `path` for writing bytes, its folder made where missing; nothing stands at `path` unless all went well.

    What stands at a local `path` outlives a power cut: its bytes are on disk before it gets its name. On a remote file
    system nothing exists there either when nothing was written: not all of them take empty files.

    Args:
        path: the file's.
        durable: False spares the wait for the disk: after a power cut, what stands at `path` may be too short.
        below: a folder that `path` is in, and that is not made where it is missing and local.

    Raises:
        EnvironmentFailure: the file cannot be written; the message names it and the fault.
    """
    temporary = f"{path}.{uuid.uuid4().hex[:12]}{TEMPORARY}"
    stream = _RemoteFile(temporary) if is_remote(path) else None
    try:
        with stream or _create_local(temporary, below) as target:
            yield cast(BinaryIO, target)
            if stream is None and durable:
                target.flush()
                _sync(target.fileno())
        if stream is None:
            os.replace(temporary, path)
        elif stream.written:
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
    """Makes the names in local folders outlive a power cut, as remote ones do anyway."""
    for folder in folders:
        if not is_remote(folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                _sync(descriptor)
            finally:
                os.close(descriptor)


class _RemoteFile(io.RawIOBase):
    """A file on a remote file system, made when the first byte is written."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._stream: BinaryIO | None = None
        self.written = False

    def write(self, data: Any, /) -> int:
        if self._stream is None and len(data):
            self._stream = beam_files.open_writing(self._path)
            self.written = True
        if self._stream is not None:
            self._stream.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if self._stream is not None and not self.closed:
            self._stream.close()
        super().close()


def write_bytes(path: str, content: bytes, *, durable: bool = True, below: str = "") -> None:
    """Writes a whole file, all or nothing. See `create`."""
    with create(path, durable=durable, below=below) as stream:
        stream.write(content)


def make_folder(path: str) -> None:
    """Makes a local folder where it is missing; remote ones have no existence."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)


def rename(source: str, target: str) -> None:
    """Moves a file over `target`, whose folder is made where missing; one step on a local file system."""
    rename_all([(source, target)])


def rename_all(moves: Sequence[tuple[str, str]]) -> None:
    """Moves files from the first path to the second of each pair, as `rename` does.

    An object store copies each file, in a tenth of a second or more, so there they go in batches, many at once.
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
    """Removes a file, a link, or a folder with all in it; what is not there is no error."""
    if not is_remote(path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.remove(path)
        return
    with suppress(Exception):  # Beam's remote file systems report what is missing each in its way
        beam_files.delete(path.rstrip("/"))


def remove_empty_folders(path: str) -> None:
    """Removes a local folder and those below it, as far as no file is in them; remote folders have no existence."""
    if not is_remote(path):
        for parent, _, _ in os.walk(path, topdown=False):
            with suppress(OSError):
                os.rmdir(parent)


def folders_with(folder: str, name: str) -> list[str]:
    """The names of the folders directly below `folder` in which there is a file `name`, sorted."""
    if not is_remote(folder):
        found = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(one for one in found if os.path.isfile(join(folder, one, name)))
    paths = (path.split("/") for path in list_tree(folder))
    return sorted(path[0] for path in paths if len(path) == 2 and path[1] == name)


def list_tree(folder: str) -> list[str]:
    """The paths of all files below a folder, relative to it, sorted; none where the folder is missing."""
    folder = folder.rstrip("/")
    if not is_remote(folder):
        paths = [os.path.join(parent, name) for parent, _, names in os.walk(folder or "/") for name in names]
    else:
        with naming_failures(f"cannot list {folder}"):
            paths = [found.path for found in beam_files.list_below(folder)]
    return sorted(path[len(folder) + 1 :] for path in paths)
