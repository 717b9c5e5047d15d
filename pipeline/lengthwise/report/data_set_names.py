"""What people call a data set: the name of its folder."""

import os

from lengthwise.storage import files

LONGEST = 80  # characters of a name in a title


def name_of(folder: str) -> str:
    """The last part of a folder's path, and the one before it where that is a bare number, as in TFX."""
    return "/".join(_parts(folder)[-2 if _parts(folder)[-1].isdecimal() else -1 :])


def names_of(folder: str, other: str) -> tuple[str, str]:
    """The names of two data sets, with as many parts of their paths as tell them apart."""
    parts, other_parts = _parts(folder), _parts(other)
    for count in range(1, max(len(parts), len(other_parts)) + 1):
        names = "/".join(parts[-count:]), "/".join(other_parts[-count:])
        if names[0] != names[1]:
            return names
    return name_of(folder), name_of(other)


def _parts(folder: str) -> list[str]:
    path = folder if files.is_remote(folder) else os.path.abspath(folder)
    return [part for part in path.split("/") if part] or ["/"]
