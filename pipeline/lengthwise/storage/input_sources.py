"""The raw files that paths, patterns and folders name: one rule for the job, readers, `init` and `inspect`.

path         the file
pattern      the files that it matches; if it matches only folders, the files below them
folder       every file below it, at any depth

Files without data are skipped, as in Hadoop and Spark: names that start with `.` or `_` (`_SUCCESS`, `_temporary`; not
partitions such as `_day=1`), checksums and unfinished files. Below a folder, files with the extensions of text and
tables are skipped too: data sets often have descriptions next to their records. A file given by name is never skipped.
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
        files: each file once, under its shortest name; sorted by path.
        left_out: the paths of files without data, sorted.
    """

    files: tuple[FileMatch, ...]
    left_out: tuple[str, ...]

    @property
    def text(self) -> str:
        """The number of files, and which were skipped."""
        count = len(self.files)
        return f"{count:,} file{'s' * (count != 1)}{_left_out_text(self.left_out)}"


def find_sources(patterns: Iterable[str], field: str) -> Sources:
    """Lists the files.

    Args:
        patterns: paths, glob patterns and folders, local or remote.
        field: their name in messages, such as `inputs.files`.

    Raises:
        ConfigError: one of them matches no file with data, or a name is not UTF-8.
    """
    shortest: dict[str, FileMatch] = {}
    left_out: set[str] = set()
    for pattern in patterns:
        matches, others = _expand(pattern)
        if not matches:
            raise ConfigError(f"{field}: {_nothing_found(pattern, others)}")
        left_out.update(other.path for other in others)
        for match in matches:
            real = files.real_path(match.path)
            shortest[real] = min(shortest.get(real, match), match, key=lambda file: (len(file.path), file.path))
    return Sources(tuple(sorted(shortest.values())), tuple(sorted(left_out)))


def _expand(pattern: str) -> tuple[list[FileMatch], list[FileMatch]]:
    """The files that a path, pattern or folder names, and the skipped ones."""
    is_folder = pattern.endswith("/") or (not files.is_remote(pattern) and os.path.isdir(pattern))
    matches = [] if is_folder else files.find(pattern)
    if not matches:
        return _divide([(match, _is_without_data(relative)) for match, relative in _below(pattern)])
    if len(matches) == 1 and matches[0].path == pattern:
        return matches, []
    if _is_side_file(pattern.rpartition("/")[2]):  # the pattern asks for them
        return matches, []
    return _divide([(match, _is_side_file(match.path.rpartition("/")[2])) for match in matches])


def _divide(matches: list[tuple[FileMatch, bool]]) -> tuple[list[FileMatch], list[FileMatch]]:
    """The files that are not skipped, and those that are."""
    return [match for match, out in matches if not out], [match for match, out in matches if out]


def _below(pattern: str) -> list[tuple[FileMatch, str]]:
    """The files below a folder, or below the folders that a pattern matches, each with its path relative to it."""
    if not files.is_remote(pattern):
        folders = [pattern] if os.path.isdir(pattern) else filter(os.path.isdir, glob.glob(pattern, recursive=True))
        return [(match, match.path[len(folder) :]) for folder in folders for match in files.find_below(folder)]
    folder = pattern.rstrip("/")
    wild = min((folder.find(char) for char in _WILD if char in folder), default=-1)
    if wild < 0:
        return [(match, match.path[len(folder) :]) for match in files.find_below(folder)]
    start = folder.rfind("/", 0, wild) + 1
    return [(match, match.path[start:]) for match in files.find(folder + "/**")]


def _is_without_data(relative: str) -> bool:
    """Whether the name of a file below a folder indicates that it has no data."""
    names = [name for name in relative.split("/") if name]
    return any(map(_is_hidden, names[:-1])) or _is_side_file(names[-1]) or names[-1].lower().endswith(_NO_RECORDS)


def _is_side_file(name: str) -> bool:
    """Whether a file is hidden, or a checksum, or unfinished."""
    return _is_hidden(name) or name.endswith(_UNFINISHED)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _nothing_found(pattern: str, left_out: list[FileMatch]) -> str:
    if left_out:
        names = _left_out_text(sorted(file.path for file in left_out)).removeprefix("; ")
        return f"expected files with records at {pattern}, found none ({names}); name a file to read it"
    if not files.is_remote(pattern) and os.path.isdir(pattern):
        return f"expected files with records below {pattern}, found an empty folder; check the path"
    quoting = " ([ opens a set of characters; write [[] for the character itself)" if "[" in pattern else ""
    return f"expected files at {pattern}, found none; check the path or the pattern{quoting}"


def _left_out_text(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return f"; left out: {', '.join(paths[:_LISTED])}{more}"
