"""A data set of parts: a folder of prepared data sets, such as one per day, written by `lengthwise prepare --part`.

    data/parts.txt    data/2026-11-21/manifest.json ...    data/2026-11-22/manifest.json ...

A part is a data set like any other, and exists if its manifest exists. The file `parts.txt` marks the folder: other
data sets in one folder are not read as one.
"""

import re

from lengthwise.errors import ConfigError
from lengthwise.manifest import MANIFEST_NAME
from lengthwise.storage import files

MARK = "parts.txt"
_MARK_TEXT = b"The folders beside this file are parts of one data set, made by `lengthwise prepare --part`.\n"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")


def part_folders(folder: str) -> list[str]:
    """The folders of the complete parts, sorted; an empty list if the folder is not marked as one of parts."""
    return data_sets_below(folder) if files.exists(files.join(folder, MARK)) else []


def data_sets_below(folder: str) -> list[str]:
    """The folders directly below that have a complete data set, and a valid part name; sorted."""
    return [files.join(folder, name) for name in files.folders_with(folder, MANIFEST_NAME) if is_part_name(name)]


def mark_folder_of_parts(folder: str) -> None:
    """Marks a folder as one of parts."""
    if not files.exists(files.join(folder, MARK)):
        files.write_bytes(files.join(folder, MARK), _MARK_TEXT)


def is_part_name(name: str) -> bool:
    """Whether the name is a valid part name."""
    return _NAME.fullmatch(name) is not None and not name.startswith("Split-")


def check_part_name(name: str, field: str) -> None:
    """Raises ConfigError unless the name is a valid part name."""
    if not is_part_name(name):
        rule = "expected a name of letters, digits, '-', '_', '.' and '=', such as 2026-11-27"
        raise ConfigError(f"{field}: {rule}, received {name!r}")
