"""Vocabulary files: one entry per line, in the order of the ids."""

import hashlib
import re
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from lengthwise.columns.exact_numbers import INT64
from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage.files import is_remote, read_bytes, version

_INTEGER = re.compile("-?[0-9]{1,20}")


def load_vocabulary(
    path: str, size: int | None, dtype: Literal["string", "int64"]
) -> tuple[str, ...] | tuple[int, ...]:
    """The first `size` lines of the file, or with None all of them. The file is read again if it has changed.

    Lines end with LF or CRLF, as in TensorFlow's lookup table. Unlike in TensorFlow, a BOM is an error instead of a
    part of the first entry.

    Raises:
        ConfigError: the file cannot be read or is not a valid vocabulary; the message names file, line and what to do.
    """
    return _load(path, vocabulary_version(path), size, dtype)


def vocabulary_version(path: str) -> str:
    """A string that changes if the file changes, from its file system or as a checksum of its bytes.

    The version of a remote file is requested at most once per second.

    Raises:
        ConfigError: the file cannot be read.
    """
    return _version_at(path, int(time.monotonic())) if is_remote(path) else _current_version(path)


@lru_cache(maxsize=64)
def _version_at(path: str, second: int) -> str:  # noqa: ARG001 (a part of the cache key)
    return _current_version(path)


def _current_version(path: str) -> str:
    return version(path) or hashlib.sha256(_read(path)).hexdigest()


@lru_cache(maxsize=64)
def _load(
    path: str,
    version_of_file: str,  # noqa: ARG001 (a part of the cache key)
    size: int | None,
    dtype: Literal["string", "int64"],
) -> tuple[str, ...] | tuple[int, ...]:
    entries = _lines(path, _read(path))
    if size is not None:
        if len(entries) < size:
            raise ConfigError(f"vocabulary_file {path}: expected {size} lines (vocabulary_size), found {len(entries)}")
        entries = entries[:size]
    if not entries:
        raise ConfigError(f"vocabulary_file {path}: expected one entry per line, found an empty file")
    values = entries if dtype == "string" else _integers(path, entries)
    _refuse_repetitions(path, values)
    return tuple(values)  # type: ignore[return-value]


def _read(path: str) -> bytes:
    try:
        return read_bytes(path)
    except EnvironmentFailure as error:
        rule = f"expected a readable text file, received {cause_of(error)}"
        raise ConfigError(f"vocabulary_file {path}: {rule}") from error


def cause_of(error: Exception) -> str:
    """The reason why a file could not be read, as reported by the system."""
    reason = getattr(error.__cause__, "strerror", None)
    return str(reason or error).replace("No such file or directory", "no such file").replace("Is a dir", "a dir")


def _lines(path: str, data: bytes) -> list[str]:
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigError(f"vocabulary_file {path}: starts with a byte order mark; save it as UTF-8 without BOM")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"vocabulary_file {path}: line {line} is not UTF-8; save the file as UTF-8") from error
    if lines[-1] == "":
        lines.pop()
    lines = [line.removesuffix("\r") for line in lines]
    for number, text in enumerate(lines, start=1):
        fault = ""
        if "\r" in text:  # TensorFlow's reader would drop it silently
            fault = "contains a carriage return; end lines with LF or CRLF"
        elif not text:  # also an error in TensorFlow
            fault = "is empty; give each line an entry"
        if fault:
            raise ConfigError(f"vocabulary_file {path}: line {number} {fault}")
    return lines


def first_repetition(entries: Sequence[str | int]) -> tuple[int, int] | None:
    """The positions of the first entry that repeats an earlier one: (earlier, repeated); None if all are distinct."""
    if len(set(entries)) == len(entries):
        return None
    positions: dict[str | int, int] = {}
    return next(
        (positions[entry], position)
        for position, entry in enumerate(entries)
        if positions.setdefault(entry, position) != position
    )


def _refuse_repetitions(path: str, entries: Sequence[str | int]) -> None:
    repetition = first_repetition(entries)
    if repetition is not None:
        earlier, repeated = repetition
        raise ConfigError(
            f"vocabulary_file {path}: line {repeated + 1} repeats {entries[repeated]!r} of line {earlier + 1}; "
            "an entry has one id"
        )


def _integers(path: str, entries: list[str]) -> list[int]:
    for line, entry in enumerate(entries, start=1):
        if not _INTEGER.fullmatch(entry) or int(entry) not in INT64:
            raise ConfigError(
                f"vocabulary_file {path}: expected an integer of 64 bits on each line (dtype int64), "
                f"received {entry[:60]!r} on line {line}"
            )
    return list(map(int, entries))
