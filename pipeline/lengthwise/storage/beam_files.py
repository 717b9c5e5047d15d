"""Files on Beam's file systems (`gs://`, `s3://`, `hdfs://`), by their exact paths.

Beam treats the arguments of `match`, and on `gs://` those of `delete`, as patterns, and characters cannot be quoted in
them: `run[1]` also matches `run1`. Here only `match` accepts a pattern. All other functions list by prefix and delete
by name.
"""

import io
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, BinaryIO, NamedTuple, cast

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage.credentials import check_credentials

OPTIONS_VARIABLE = "LENGTHWISE_BEAM_OPTIONS"
"""The environment variable with Beam's options for programs that get none: `--hdfs_host=namenode ...`."""

_GLOB = re.compile(r"[*?[]")
_EXTRAS = defaultdict(lambda: "prepare", gs="gcp", s3="aws", hdfs="hdfs")
"""The extra of this package that installs Beam with the client of a file system."""


class FileMatch(NamedTuple):
    """An existing file: its path, its size in bytes, and the time of its last change in seconds since 1970, or 0."""

    path: str
    size: int
    modified: float


@contextmanager
def naming_failures(what: str) -> Iterator[None]:
    """Turns exceptions inside into an `EnvironmentFailure` whose message starts with `what`."""
    try:
        yield
    except EnvironmentFailure:
        raise
    except Exception as error:  # each remote file system has its own exceptions
        raise EnvironmentFailure(f"{what}: {error}") from error


def use_options(options: Sequence[str]) -> None:
    """Sets Beam's options, which give remote file systems endpoints and credentials, after those of the environment."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions([*environment_options(), *options]))


def environment_options() -> list[str]:
    """Beam's options that apply to every program of this environment.

    Raises:
        ConfigError: a shell could not parse them.
    """
    text = os.environ.get(OPTIONS_VARIABLE, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{OPTIONS_VARIABLE}: expected Beam's options, received {text!r}: {error}") from error


def file_systems(path: str) -> Any:
    """Beam's file systems, with a check of what `path` needs.

    Raises:
        EnvironmentFailure: credentials, Beam or its client for this file system are missing.
    """
    scheme = path.partition("://")[0]
    try:
        from apache_beam.io.filesystems import FileSystems
    except ModuleNotFoundError as error:
        raise EnvironmentFailure(f'{scheme}:// needs Beam: pip install "lengthwise[{_EXTRAS[scheme]}]"') from error
    if getattr(FileSystems, "_pipeline_options", None) is None:  # workers got theirs from the runner
        use_options(())
    check_credentials(scheme)
    return FileSystems


def has_folders(path: str) -> bool:
    """Whether the remote file system has real folders, as HDFS has; object stores have names with `/` in them."""
    return bool(file_systems(path).get_filesystem(path).has_dirs())


@contextmanager
def open_reading(path: str) -> Iterator[BinaryIO]:
    """Opens a file for reading, without decompression; failures name it, so that an outage is not damaged data."""
    from apache_beam.io.filesystem import CompressionTypes

    with naming_failures(f"cannot read {path}"):
        stream = file_systems(path).open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    with stream:
        yield cast(BinaryIO, _Reader(path, stream))


class _Reader:
    """An open file; `read` raises `EnvironmentFailure`."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self.seek = stream.seek

    def read(self, size: int = -1) -> bytes:
        with naming_failures(f"cannot read {self._path}"):
            return self._stream.read(size)


class NewFile(io.RawIOBase):
    """A file that is created when its first byte is written, without compression."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._stream: BinaryIO | None = None

    @property
    def is_created(self) -> bool:
        return self._stream is not None

    def write(self, data: Any, /) -> int:
        if len(data):
            self._stream = self._stream or self._create()
            self._stream.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if self._stream is not None and not self.closed:
            self._stream.close()
        super().close()

    def _create(self) -> BinaryIO:
        from apache_beam.io.filesystem import CompressionTypes

        system = file_systems(self._path)
        return cast(BinaryIO, system.create(self._path, compression_type=CompressionTypes.UNCOMPRESSED))


def match(pattern: str) -> list[FileMatch]:
    """The files that match a glob pattern; a pattern that is the name of a file matches only that file.

    `*` matches within a folder or a name, `**` across folders; `[[]`, `[*]` and `[?]` are the characters themselves.
    """
    system = file_systems(pattern).get_filesystem(pattern)
    pattern += "*" if pattern.endswith("/") else ""
    if system.exists(pattern):
        found = _as_match(system.metadata(pattern))
        return [found] if _content(found.path, found.size) is None else []
    glob = _GLOB.search(pattern)
    if glob is None:
        return []
    start = pattern[: glob.start()]
    if system.has_dirs():
        folder, rest = start.rpartition("/")[0], pattern[start.rfind("/") + 1 :]
        levels = inf if "**" in rest else rest.count("/") + 1
        candidates = _files(_content(folder) or (), levels)
    else:
        candidates = _list(start)
    matching = re.compile(system.translate_pattern(pattern.replace("[[]", "\0")).replace("\0", r"\["))
    return [candidate for candidate in candidates if matching.match(candidate.path)]


def list_below(folder: str) -> list[FileMatch]:
    """All files below a folder, at any depth; none if the folder is missing."""
    if has_folders(folder):
        return list(_files(_content(folder) or (), inf))
    return [match for match in _list(folder + "/") if not match.path.endswith("/")]  # consoles mark folders by these


def delete(path: str) -> None:
    """Deletes a file, or a folder with its content.

    Raises:
        Exception: it, or a part of it, still exists; on some file systems also if it did not exist.
    """
    systems = file_systems(path)
    if has_folders(path):
        systems.delete([path])
        return
    paths = [*(match.path for match in _list(path + "/")), path]
    if not path.startswith("gs://"):
        systems.delete(paths)
        return
    from apache_beam.io.gcp.gcsio import GcsIO

    failed = [pair for pair in GcsIO(pipeline_options=systems._pipeline_options).delete_batch(paths) if pair[1]]
    if failed:
        raise EnvironmentFailure(f"cannot delete {failed[0][0]}: {failed[0][1]}")


def rename(moves: Sequence[tuple[str, str]]) -> None:
    """Moves each first path to the second, which is replaced; folders are created. All are on one file system."""
    if not moves:
        return
    systems = file_systems(moves[0][1])
    if has_folders(moves[0][1]):  # there, the folder must exist, and the target must not
        for _, target in moves:
            folder = target.rpartition("/")[0]
            if not systems.exists(folder):
                with suppress(OSError):  # another worker has created it meanwhile
                    systems.mkdirs(folder)
            if systems.exists(target):
                systems.delete([target])
    systems.rename([source for source, _ in moves], [target for _, target in moves])


def _list(prefix: str) -> Iterator[FileMatch]:
    """The content of a real folder, folders included; on object stores, all files whose names start with `prefix`."""
    system = file_systems(prefix).get_filesystem(prefix)
    return map(_as_match, system._list(prefix))  # the only listing that does not treat its argument as a pattern


def _as_match(metadata: Any) -> FileMatch:
    return FileMatch(metadata.path, metadata.size_in_bytes, metadata.last_updated_in_seconds)


def _content(path: str, size: int = 0) -> list[FileMatch] | None:
    """The content of a real folder; None for a file. Beam does not tell them apart, but only folders can be listed."""
    if size or not has_folders(path):
        return None
    try:
        return list(_list(path))
    except Exception:  # noqa: BLE001 (each remote file system has its own exceptions)
        file_systems(path).exists(path)  # raises if the network failed rather than the listing
        return None


def _files(matches: Iterable[FileMatch], levels: float) -> Iterator[FileMatch]:
    """The files among these and in the real folders among them, up to `levels` deep."""
    for match in matches:
        content = _content(match.path, match.size)
        if content is None:
            yield match
        elif levels > 1:
            yield from _files(content, levels - 1)
