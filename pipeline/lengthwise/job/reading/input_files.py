"""Lists the raw files of a job: expands patterns, and names and orders files independently of where they are."""

import posixpath
from dataclasses import replace

from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.task_values import Input
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise.storage import files
from lengthwise.storage.input_sources import find_sources

FIELD = "inputs.files"
NO_RECORD = "the input contains no record; check that inputs.files names the raw data"
"""The message if every input file is empty."""


def list_inputs(config: JobConfig, progress: ProgressSink = ignore) -> tuple[Input, ...]:
    """The input files, sorted by name: the order in which they are given does not matter.

    A file that is given under several names counts once, under the shortest name. `progress` receives a message about
    skipped files.

    Raises:
        ConfigError: no input is configured, a pattern or folder matches no file, or a file belongs to two splits.
    """
    by_real_path: dict[str, Input] = {}
    for split, patterns in _patterns(config):
        sources = find_sources(patterns, FIELD)
        if sources.left_out:
            progress(Event("log", message=f"{FIELD}: {sources.text}"))
        for path, size, modified in sources.files:
            real = files.real_path(path)
            known = by_real_path.setdefault(real, Input(path, "", 0, size, split, modified))
            names = sorted({known.path, path}, key=lambda name: (len(name), name))
            if known.split != split:
                called = " also called ".join(names)
                raise ConfigError(f"inputs.by_split: {called} belongs to two splits; give each file to one")
            by_real_path[real] = replace(known, path=names[0])
    root = _common_folder([source.path for source in by_real_path.values()])
    ordered = sorted(by_real_path.values(), key=lambda source: source.path)
    return tuple(replace(source, name=source.path[len(root) :], rank=rank) for rank, source in enumerate(ordered))


def unlisted_inputs(config: JobConfig) -> tuple[Input, ...]:
    """The input's patterns in place of its files, for a job that is built but not run; remote ones are not expanded.

    Raises:
        ConfigError: no input is configured, or a local pattern matches nothing.
    """
    patterns = [(split, pattern) for split, group in _patterns(config) for pattern in group]
    find_sources([pattern for _, pattern in patterns if not files.is_remote(pattern)], FIELD)
    return tuple(Input(pattern, pattern, rank, 0, split) for rank, (split, pattern) in enumerate(patterns))


def _patterns(config: JobConfig) -> list[tuple[int | None, tuple[str, ...]]]:
    """The patterns of each split, by its index; by None if records are assigned to splits by hash."""
    by_split = config.inputs.by_split
    if not (config.inputs.files or by_split):
        raise ConfigError("inputs.files: expected at least one file or pattern, received none; name the raw TFRecords")
    if not by_split:
        return [(None, config.inputs.files)]
    return [(config.split_names.index(name), group) for name, group in by_split.items()]


def _common_folder(paths: list[str]) -> str:
    folders = [posixpath.dirname(path) for path in paths]
    common = folders[0]
    while common and not all(folder == common or folder.startswith(common.rstrip("/") + "/") for folder in folders):
        common = posixpath.dirname(common)
    return common.rstrip("/") + "/" if common else ""
