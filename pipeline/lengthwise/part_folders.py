"""A data set of parts: a folder of prepared data sets, such as one for each day, made by `lengthwise prepare --part`.

    data/2026-11-21/manifest.json ...    data/2026-11-22/manifest.json ...

A part is a data set like any other, and is there as soon as its manifest is.
"""

import re

from lengthwise import files
from lengthwise.errors import ConfigError
from lengthwise.manifest import MANIFEST_NAME

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")


def part_folders(folder: str) -> list[str]:
    """The folders of the parts that are complete, sorted; none where the folder is a data set itself, or holds none."""
    if files.exists(files.join(folder, MANIFEST_NAME)):
        return []
    return [files.join(folder, name) for name in files.folders_with(folder, MANIFEST_NAME) if is_part_name(name)]


def is_part_name(name: str) -> bool:
    """Whether a part may be called so."""
    return _NAME.fullmatch(name) is not None and not name.startswith("Split-")


def check_part_name(name: str, field: str) -> None:
    """Raises ConfigError unless a part may be called so."""
    if not is_part_name(name):
        rule = "expected a name of letters, digits, '-', '_', '.' and '=', such as 2026-11-27"
        raise ConfigError(f"{field}: {rule}, received {name!r}")
