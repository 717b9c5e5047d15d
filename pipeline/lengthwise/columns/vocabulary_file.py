"""Vocabulary files: one entry a line, in the order of the ids."""

import hashlib
import re
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage.files import is_remote, read_bytes, version

_INTEGER = re.compile("-?[0-9]{1,20}")


def load_vocabulary(
    path: str, size: int | None, dtype: Literal["string", "int64"]
) -> tuple[str, ...] | tuple[int, ...]:
    """The first `size` lines of the file (all, where None). It is read again when it has changed.

    Lines end with LF or CRLF, as TensorFlow's own table reads them. Unlike there, a BOM is an error rather than a part
    of the first entry.

    Raises:
        ConfigError: the file cannot be read or is no valid vocabulary; the message names file, line and what to do.
    """
    return _load(path, vocabulary_version(path), size, dtype)


def vocabulary_version(path: str) -> str:
    """What changes when the file does; its bytes' checksum where no file system tells. Asked once a second if remote.

    Raises:
        ConfigError: the file cannot be read.
    """
    return _asked(path, int(time.monotonic())) if is_remote(path) else _told(path)


@lru_cache(maxsize=64)
def _asked(path: str, second: int) -> str:  # noqa: ARG001 (a part of the key)
    return _told(path)


def _told(path: str) -> str:
    return version(path) or hashlib.sha256(_read(path)).hexdigest()


@lru_cache(maxsize=64)
def _load(
    path: str,
    told: str,  # noqa: ARG001 (a part of the key)
    size: int | None,
    dtype: Literal["string", "int64"],
) -> tuple[str, ...] | tuple[int, ...]:
    entries = _lines(path, _read(path))
    if size is not None:
        if len(entries) < size:
            raise ConfigError(f"vocabulary_file {path}: expected {size} lines (vocabulary_size), found {len(entries)}")
        entries = entries[:size]
    if not entries:
        raise ConfigError(f"vocabulary_file {path}: expected one entry a line, found an empty file")
    values = entries if dtype == "string" else _integers(path, entries)
    _refuse_duplicates(path, values)
    return tuple(values)  # type: ignore[return-value]


def _read(path: str) -> bytes:
    try:
        return read_bytes(path)
    except EnvironmentFailure as error:
        rule = f"expected a readable text file, received {cause_of(error)}"
        raise ConfigError(f"vocabulary_file {path}: {rule}") from error


def cause_of(error: Exception) -> str:
    """Why a file could not be read, in the system's words."""
    reason = getattr(error.__cause__, "strerror", None)
    return str(reason or error).replace("No such file or directory", "no such file").replace("Is a dir", "a dir")


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
    lines = [line.removesuffix("\r") for line in lines]
    for number, text in enumerate(lines, start=1):
        rule = ""
        if "\r" in text:  # TensorFlow's reader would drop it silently
            rule = "holds a carriage return; end lines with LF or CRLF"
        elif not text:  # an error there too
            rule = "is empty; give each line an entry"
        if rule:
            raise ConfigError(f"vocabulary_file {path}: line {number} {rule}")
    return lines


def _refuse_duplicates(path: str, entries: Sequence[str | int]) -> None:
    first: dict[str | int, int] = {}
    for line, entry in enumerate(entries, start=1):
        if first.setdefault(entry, line) != line:
            raise ConfigError(
                f"vocabulary_file {path}: line {line} repeats {entry!r} of line {first[entry]}; an entry has one id"
            )


def _integers(path: str, entries: list[str]) -> list[int]:
    for line, entry in enumerate(entries, start=1):
        if not _INTEGER.fullmatch(entry) or not -(2**63) <= int(entry) < 2**63:
            raise ConfigError(
                f"vocabulary_file {path}: expected an integer of 64 bits on each line (dtype int64), "
                f"received {entry[:60]!r} on line {line}"
            )
    return list(map(int, entries))
