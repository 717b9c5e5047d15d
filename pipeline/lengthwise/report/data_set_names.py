"""The name of a data set: that of its folder."""

import os

from lengthwise.storage import files

MAX_NAME_LENGTH = 80  # characters of a name in a title


def name_of(folder: str) -> str:
    """The last part of a folder's path, preceded by the one before it if the last is only a number, as in TFX."""
    parts = _parts(folder)
    return "/".join(parts[-2:] if parts[-1].isdecimal() else parts[-1:])


def names_of(folder: str, other: str) -> tuple[str, str]:
    """The names of two data sets, with as many parts of their paths as are needed to distinguish them."""
    parts, other_parts = _parts(folder), _parts(other)
    for count in range(1, max(len(parts), len(other_parts)) + 1):
        names = "/".join(parts[-count:]), "/".join(other_parts[-count:])
        if names[0] != names[1]:
            return names
    return name_of(folder), name_of(other)


def _parts(folder: str) -> list[str]:
    path = folder if files.is_remote(folder) else os.path.abspath(folder)
    return [part for part in path.split("/") if part] or ["/"]
