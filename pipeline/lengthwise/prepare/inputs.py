"""Which raw files a job reads: patterns expanded, named independently of where they stand, in an order of their own."""

import posixpath

from lengthwise import files
from lengthwise.config.model import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.prepare.model import Input

NO_RECORD = "the input holds no record; check that inputs.files names the raw data"
"""What is wrong where every input file is empty."""


def list_inputs(config: JobConfig) -> tuple[Input, ...]:
    """The input files, sorted by name, so that the order in which they were given changes nothing.

    Raises:
        ConfigError: no input is configured, a pattern matches nothing, or a file belongs to two splits.
    """
    groups = {None: config.inputs.files} if not config.inputs.by_split else dict(config.inputs.by_split)
    sizes: dict[str, int] = {}
    splits: dict[str, int | None] = {}
    for name, patterns in groups.items():
        for path, size in _expand(patterns):
            split = None if name is None else config.split_names.index(name)
            if splits.setdefault(path, split) != split:
                raise ConfigError(f"inputs.by_split: {path} belongs to two splits; give each file to one")
            sizes[path] = size
    if not sizes:
        raise ConfigError("inputs.files: expected at least one file or pattern, received none; name the raw TFRecords")
    root = _common_folder(list(sizes))
    names = sorted((path[len(root) :], path) for path in sizes)
    return tuple(Input(path, name, rank, sizes[path], splits[path]) for rank, (name, path) in enumerate(names))


def _expand(patterns: tuple[str, ...]) -> list[tuple[str, int]]:
    found = []
    for pattern in patterns:
        matched = files.match(pattern)
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
