"""Which raw files a user means, by paths, patterns and folders: one rule for the job, readers, `init` and `inspect`.

path         the file
pattern      the files that it matches; of a pattern that matches only folders, the files below these
folder       every file below it, at any depth

Files without data are left out, as Hadoop and Spark do: names that begin with `.` or `_` (`_SUCCESS`, `_temporary`; not
partitions such as `_day=1`), and checksums and unfinished files. Of a folder, files whose names end as those of texts
and tables do are left out too: data sets keep descriptions beside their records. A path means what it says.
"""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lengthwise.errors import ConfigError
from lengthwise.storage import files
from lengthwise.storage.files import FileMatch

_UNFINISHED = (".crc", ".tmp", "._COPYING_")
_NO_RECORDS = (
    *(".avro", ".csv", ".gif", ".html", ".ipynb", ".jpeg", ".jpg", ".json", ".jsonl", ".log", ".md", ".parquet"),
    *(".pbtxt", ".pdf", ".png", ".py", ".rst", ".tsv", ".txt", ".xml", ".yaml", ".yml"),
)
_LISTED = 3
_WILD = "*?["


@dataclass(frozen=True, slots=True)
class Sources:
    """Raw files.

    Attributes:
        files: each once, under its shortest name; sorted by path.
        left_out: the paths of what was found beside them and is no data, sorted.
    """

    files: tuple[FileMatch, ...]
    left_out: tuple[str, ...]

    @property
    def text(self) -> str:
        """What was found, in words."""
        count = len(self.files)
        return f"{count:,} file{'s' * (count != 1)}{_left_out_text(self.left_out)}"


def find_sources(patterns: Iterable[str], field: str) -> Sources:
    """Lists the files.

    Args:
        patterns: paths, glob patterns and folders, local or remote.
        field: what messages call them, such as `inputs.files`.

    Raises:
        ConfigError: one of them names no file with data, or a name is not UTF-8.
    """
    shortest: dict[str, FileMatch] = {}
    left_out: set[str] = set()
    for pattern in patterns:
        kept, others = _expand(pattern)
        if not kept:
            raise ConfigError(f"{field}: {_nothing_found(pattern, others)}")
        left_out.update(one.path for one in others)
        for one in kept:
            real = files.real_path(one.path)
            shortest[real] = min(shortest.get(real, one), one, key=lambda one: (len(one.path), one.path))
    return Sources(tuple(sorted(shortest.values())), tuple(sorted(left_out)))


def _expand(pattern: str) -> tuple[list[FileMatch], list[FileMatch]]:
    """The files that one path, pattern or folder means, and those left out."""
    is_folder = pattern.endswith("/") or (not files.is_remote(pattern) and os.path.isdir(pattern))
    found = [] if is_folder else files.find(pattern)
    if not found:
        return _divide([(one, _is_no_data(relative)) for one, relative in _below(pattern)])
    if len(found) == 1 and found[0].path == pattern:
        return found, []
    asked_for = _is_aside(pattern.rpartition("/")[2])
    return _divide([(one, not asked_for and _is_aside(one.path.rpartition("/")[2])) for one in found])


def _divide(found: list[tuple[FileMatch, bool]]) -> tuple[list[FileMatch], list[FileMatch]]:
    return [one for one, aside in found if not aside], [one for one, aside in found if aside]


def _below(pattern: str) -> list[tuple[FileMatch, str]]:
    """What is below a folder, or below the folders that a pattern matches; each with its path from there."""
    if not files.is_remote(pattern):
        folders = [pattern] if os.path.isdir(pattern) else filter(os.path.isdir, glob.glob(pattern, recursive=True))
        return [(one, one.path[len(folder) :]) for folder in folders for one in files.find_below(folder)]
    folder = pattern.rstrip("/")
    wild = min((folder.find(char) for char in _WILD if char in folder), default=-1)
    if wild < 0:
        return [(one, one.path[len(folder) :]) for one in files.find_below(folder)]
    start = folder.rfind("/", 0, wild) + 1
    return [(one, one.path[start:]) for one in files.find(folder + "/**")]


def _is_no_data(relative: str) -> bool:
    """Whether a file below a folder is none of its data."""
    names = [name for name in relative.split("/") if name]
    return any(map(_is_hidden, names[:-1])) or _is_aside(names[-1]) or names[-1].lower().endswith(_NO_RECORDS)


def _is_aside(name: str) -> bool:
    """Whether a file's name says that it stands beside the data."""
    return _is_hidden(name) or name.endswith(_UNFINISHED)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _nothing_found(pattern: str, left_out: list[FileMatch]) -> str:
    if left_out:
        names = _left_out_text(sorted(one.path for one in left_out)).removeprefix("; ")
        return f"expected files with records at {pattern}, found none ({names}); name a file to have it read"
    if not files.is_remote(pattern) and os.path.isdir(pattern):
        return f"expected files with records below {pattern}, found an empty folder; check the path"
    return f"expected files at {pattern}, found none; {files.advice(pattern)}"


def _left_out_text(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return f"; left out: {', '.join(paths[:_LISTED])}{more}"
