"""Vocabulary files: one entry a line, in the order of the ids."""

from functools import lru_cache
from typing import Literal

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.files import read_bytes


@lru_cache(maxsize=64)
def load_vocabulary(
    path: str, size: int | None, dtype: Literal["string", "int64"]
) -> tuple[str, ...] | tuple[int, ...]:
    """The first `size` lines of the file (all, where None).

    Lines end with LF or CRLF, as TensorFlow's own table reads them. Unlike there, a BOM is an error rather than a part
    of the first entry.

    Raises:
        ConfigError: the file cannot be read or is no valid vocabulary; the message names file, line and what to do.
    """
    try:
        data = read_bytes(path)
    except EnvironmentFailure as error:
        raise ConfigError(f"vocabulary_file {path}: expected a readable text file: {error}") from error
    entries = _lines(path, data)
    if size is not None:
        if len(entries) < size:
            raise ConfigError(f"vocabulary_file {path}: expected {size} lines (vocabulary_size), found {len(entries)}")
        entries = entries[:size]
    if not entries:
        raise ConfigError(f"vocabulary_file {path}: expected one entry a line, found an empty file")
    _refuse_duplicates(path, entries)
    return tuple(entries) if dtype == "string" else _integers(path, entries)


def _lines(path: str, data: bytes) -> list[str]:
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigError(f"vocabulary_file {path}: starts with a byte order mark; save it as UTF-8 without BOM")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"vocabulary_file {path}: line {line} is no UTF-8; save the file as UTF-8") from error
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _refuse_duplicates(path: str, entries: list[str]) -> None:
    first: dict[str, int] = {}
    for line, entry in enumerate(entries, start=1):
        if first.setdefault(entry, line) != line:
            raise ConfigError(
                f"vocabulary_file {path}: line {line} repeats {entry!r} of line {first[entry]}; an entry has one id"
            )


def _integers(path: str, entries: list[str]) -> tuple[int, ...]:
    try:
        return tuple(map(int, entries))
    except ValueError as error:
        raise ConfigError(f"vocabulary_file {path}: expected integers, one a line (dtype int64): {error}") from error
