"""Files on Beam's file systems (`gs://`, `s3://`, `hdfs://`), by their exact paths.

Beam takes the paths that `match` gets, and on `gs://` those that `delete` gets, for patterns without a way to quote a
character: `run[1]` would also be `run1`. Here only `match` takes a pattern. Everything else lists by prefix, and
deletes by name.
"""

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
"""The environment variable that holds Beam's options for whoever is given none: `--hdfs_host=namenode ...`."""

_GLOB = re.compile(r"[*?[]")
_EXTRAS = defaultdict(lambda: "prepare", gs="gcp", s3="aws", hdfs="hdfs")
"""The extra of this package that installs Beam with the client of a file system."""


class FileMatch(NamedTuple):
    """A file that was looked for: its path, its size in bytes, and when it was modified, in seconds since 1970.

    The time is 0 where the file system does not tell.
    """

    path: str
    size: int
    modified: float


@contextmanager
def naming_failures(what: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes an `EnvironmentFailure` that begins with `what`."""
    try:
        yield
    except EnvironmentFailure:
        raise
    except Exception as error:  # each remote file system has exceptions of its own
        raise EnvironmentFailure(f"{what}: {error}") from error


def use_options(options: Sequence[str]) -> None:
    """Beam's options, in which remote file systems find endpoints and credentials; the environment's come before."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions([*environment_options(), *options]))


def environment_options() -> list[str]:
    """Beam's options that hold for every program of this environment.

    Raises:
        ConfigError: they are not written as a shell would take them.
    """
    text = os.environ.get(OPTIONS_VARIABLE, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{OPTIONS_VARIABLE}: expected Beam's options, received {text!r}: {error}") from error


def file_systems(path: str) -> Any:
    """Beam's file systems, able to reach `path` as far as can be told.

    Raises:
        EnvironmentFailure: there are no credentials for it, or Beam lacks the parts for it.
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
    """Whether the remote file system has real folders, as HDFS has: object stores have names with `/` in them."""
    return bool(file_systems(path).get_filesystem(path).has_dirs())


def open_reading(path: str) -> BinaryIO:
    """The bytes of a file as they are, never decompressed."""
    from apache_beam.io.filesystem import CompressionTypes

    return cast(BinaryIO, file_systems(path).open(path, compression_type=CompressionTypes.UNCOMPRESSED))


def open_writing(path: str) -> BinaryIO:
    """A file that is written as it is, never compressed."""
    from apache_beam.io.filesystem import CompressionTypes

    return cast(BinaryIO, file_systems(path).create(path, compression_type=CompressionTypes.UNCOMPRESSED))


def version(path: str) -> str:
    """The checksum, or ETag, that the file system keeps of a file's content; empty where it keeps none."""
    with suppress(Exception):  # each remote file system has exceptions of its own
        return str(file_systems(path).checksum(path) or "")
    return ""


def match(pattern: str) -> list[FileMatch]:
    """The files that a glob pattern names; a pattern that is itself the name of a file means that file.

    `*` matches within a folder or a name, `**` across folders; `[[]`, `[*]` and `[?]` are the characters themselves.
    """
    system = file_systems(pattern).get_filesystem(pattern)
    pattern += "*" if pattern.endswith("/") else ""
    glob = _GLOB.search(pattern)
    if glob is None or system.exists(pattern):
        return [one for one in _one(system, pattern) if _content(one) is None]
    start = pattern[: glob.start()]
    if system.has_dirs():
        folder, rest = start.rpartition("/")[0], pattern[start.rfind("/") + 1 :]
        levels = inf if "**" in rest else rest.count("/") + 1
        candidates = _files(_content(FileMatch(folder, 0, 0.0)) or (), levels)
    else:
        candidates = _list(start)
    known = re.compile(system.translate_pattern(pattern.replace("[[]", "\0")).replace("\0", r"\["))
    return [one for one in candidates if known.match(one.path)]


def list_below(folder: str) -> list[FileMatch]:
    """All files below a folder, at any depth; none where the folder is missing."""
    if has_folders(folder):
        return list(_files(_content(FileMatch(folder, 0, 0.0)) or (), inf))
    return [one for one in _list(folder + "/") if not one.path.endswith("/")]  # consoles mark folders by such a name


def delete(path: str) -> None:
    """Deletes a file, or a folder with all in it.

    Raises:
        Exception: it, or a part of it, is still there; on some file systems also where nothing was.
    """
    systems = file_systems(path)
    if has_folders(path):
        systems.delete([path])
        return
    paths = [*(one.path for one in _list(path + "/")), path]
    if not path.startswith("gs://"):
        systems.delete(paths)
        return
    from apache_beam.io.gcp.gcsio import GcsIO

    failed = [pair for pair in GcsIO(pipeline_options=systems._pipeline_options).delete_batch(paths) if pair[1]]
    if failed:
        raise EnvironmentFailure(f"cannot delete {failed[0][0]}: {failed[0][1]}")


def rename(moves: Sequence[tuple[str, str]]) -> None:
    """Moves each first path over the second, whose folder is made where missing; all are on one file system."""
    if not moves:
        return
    systems = file_systems(moves[0][1])
    if has_folders(moves[0][1]):  # there the folder must exist, and the target must not
        for _, target in moves:
            folder = target.rpartition("/")[0]
            if not systems.exists(folder):
                with suppress(OSError):  # another worker has made it in between
                    systems.mkdirs(folder)
            if systems.exists(target):
                systems.delete([target])
    systems.rename([source for source, _ in moves], [target for _, target in moves])


def _one(system: Any, path: str) -> Iterator[FileMatch]:
    if system.exists(path):
        one = system.metadata(path)
        yield FileMatch(one.path, one.size_in_bytes, one.last_updated_in_seconds)


def _list(place: str) -> Iterator[FileMatch]:
    """What is in a real folder, folders too; on object stores all whose names begin so."""
    system = file_systems(place).get_filesystem(place)
    for one in system._list(place):  # the one listing that takes its argument as it is
        yield FileMatch(one.path, one.size_in_bytes, one.last_updated_in_seconds)


def _content(found: FileMatch) -> list[FileMatch] | None:
    """What is in a real folder; None where this is a file. Beam does not say which it is, but only folders list."""
    if found.size or not has_folders(found.path):
        return None
    try:
        return list(_list(found.path))
    except Exception:  # noqa: BLE001 (each remote file system has exceptions of its own)
        file_systems(found.path).exists(found.path)  # raises where it was not the listing that failed, but the network
        return None


def _files(found: Iterable[FileMatch], levels: float) -> Iterator[FileMatch]:
    """The files among these and, as many levels deep as told, in the real folders among them."""
    for one in found:
        content = _content(one)
        if content is None:
            yield one
        elif levels > 1:
            yield from _files(content, levels - 1)
