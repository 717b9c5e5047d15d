"""Which raw files a job reads: patterns expanded, named independently of where they stand, in an order of their own."""

import posixpath
from dataclasses import replace

from lengthwise import files
from lengthwise.config.model import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.prepare.model import Input

NO_RECORD = "the input holds no record; check that inputs.files names the raw data"
"""What is wrong where every input file is empty."""


def list_inputs(config: JobConfig) -> tuple[Input, ...]:
    """The input files, sorted by name, so that the order in which they were given changes nothing.

    A file that was given under several names is one, under the shortest of them.

    Raises:
        ConfigError: no input is configured, a pattern matches nothing, or a file belongs to two splits.
    """
    groups = {None: config.inputs.files} if not config.inputs.by_split else dict(config.inputs.by_split)
    found: dict[str, Input] = {}
    for name, patterns in groups.items():
        split = None if name is None else config.split_names.index(name)
        for path, size, modified in _expand(patterns):
            real = files.real_path(path)
            known = found.setdefault(real, Input(path, "", 0, size, split, modified))
            names = sorted({known.path, path}, key=lambda name: (len(name), name))
            if known.split != split:
                called = " also called ".join(names)
                raise ConfigError(f"inputs.by_split: {called} belongs to two splits; give each file to one")
            found[real] = replace(known, path=names[0])
    if not found:
        raise ConfigError("inputs.files: expected at least one file or pattern, received none; name the raw TFRecords")
    root = _common_folder([source.path for source in found.values()])
    ordered = sorted(found.values(), key=lambda source: source.path)
    return tuple(replace(source, name=source.path[len(root) :], rank=rank) for rank, source in enumerate(ordered))


def _expand(patterns: tuple[str, ...]) -> list[files.Found]:
    found: list[files.Found] = []
    for pattern in patterns:
        matched = files.find(pattern)
        if not matched:
            raise ConfigError(f"inputs.files: expected files at {pattern}, found none; {files.advice(pattern)}")
        found += matched
    return found


def _common_folder(paths: list[str]) -> str:
    folders = [posixpath.dirname(path) for path in paths]
    common = folders[0]
    while common and not all(folder == common or folder.startswith(common.rstrip("/") + "/") for folder in folders):
        common = posixpath.dirname(common)
    return common.rstrip("/") + "/" if common else ""
