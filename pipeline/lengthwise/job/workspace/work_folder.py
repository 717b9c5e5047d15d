"""The output folder while a job runs: its unfinished work, and what exists already. For its lock, see `output_lock`."""

import hashlib
import json
import os
import posixpath
from collections.abc import Iterable
from functools import cache

from lengthwise import __version__
from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.task_values import Input
from lengthwise.job.workspace.data_set_files import is_ours
from lengthwise.job.workspace.earlier_plan import describe_changes
from lengthwise.job.workspace.output_lock import LOCK, PUBLISHING, WORK, is_marked, refuse_foreign_work
from lengthwise.job.workspace.vocabulary_files import vocabulary_columns
from lengthwise.manifest import MANIFEST_NAME, Manifest, load_manifest
from lengthwise.storage import files

UNSTEADY = "unsteady"
"""In the work folder of a job: a file was unreadable or changed, so reading it again may give different records."""


def refuse_own_sources(config: JobConfig, inputs: Iterable[Input], folder: str) -> None:
    """Refuses an output folder that contains files that the job reads: replacing a data set deletes files there.

    Args:
        config: the job's.
        inputs: its files.
        folder: the output folder, or the folder of the parts.

    Raises:
        ConfigError: an input or a vocabulary file is in the output folder.
    """
    columns = vocabulary_columns(config.columns).values()
    vocabularies = [column.vocabulary_file for column in columns if column.vocabulary_file]
    source_file = _first_below(folder, [*(source.path for source in inputs), *vocabularies])
    if source_file is not None:
        raise ConfigError(
            f"output.path: expected a folder without files that the job reads, {folder} contains {source_file}; "
            "name another folder"
        )


def _first_below(folder: str, paths: Iterable[str]) -> str | None:
    """The first path in `folder`, at any depth. A local link counts at its own path and at that of its target."""
    real = cache(os.path.realpath)
    root = posixpath.normpath(folder) if files.is_remote(folder) else real(folder)
    for path in paths:
        if files.is_remote(path):
            locations = [posixpath.normpath(path)]
        else:
            locations = [os.path.join(real(os.path.dirname(path)), os.path.basename(path))]
            if os.path.islink(path):
                locations.append(real(path))
        if any(location.startswith(root.rstrip("/") + "/") for location in locations):
            return path
    return None


def find_existing(config: JobConfig, inputs: tuple[Input, ...], digest: str, *, overwrite: bool) -> Manifest | None:
    """The complete data set with the same fingerprint in the output folder, if one exists.

    Raises:
        ConfigError: the folder contains other files, and they must not be overwritten or are not ours; or an input has
            changed since.
    """
    folder = config.output.path
    path = files.join(folder, MANIFEST_NAME)
    if not files.exists(path):
        refuse_foreign_work(folder)
        _refuse_foreign(folder)
        return None
    if overwrite:
        refuse_foreign_work(folder)
        _refuse_foreign_manifest(path)
        return None
    manifest = load_manifest(folder)
    if manifest.fingerprint != digest:
        raise ConfigError(
            f"output.path: {folder} contains a data set of a different configuration or input: "
            f"{describe_changes(manifest, config, inputs)}. All records would have to be read again: name another "
            "folder, or replace it with --overwrite"
        )
    written = files.modified(path)
    changed = [source.path for source in inputs if source.modified > written > 0]
    if changed:
        raise ConfigError(
            f"output.path: {folder} contains a data set of this configuration and these input files, but {changed[0]} "
            "was changed, or was copied, since; prepare it again with --overwrite, or name another folder"
        )
    return manifest


def _refuse_foreign(folder: str) -> None:
    """Without a manifest, files can only be those of an unfinished run, which also leaves its work folder."""
    is_unfinished = is_marked(folder)
    names = [name for name in files.list_tree(folder) if not name.startswith(f"{WORK}/")]
    foreign = [name for name in names if not (is_unfinished and is_ours(name))]
    if foreign:
        raise ConfigError(
            f"output.path: expected a new or an empty folder, {folder} contains {foreign[0]}; "
            "name another folder, or move this file"
        )


def _refuse_foreign_manifest(path: str) -> None:
    try:
        content = json.loads(files.read_bytes(path))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"format_version", "fingerprint", "shards"} <= content.keys():
        raise ConfigError(
            f"output.path: expected to overwrite a data set of `lengthwise`, {path} is not a manifest of one; "
            "name another folder, or remove the files there"
        )


def start_over_where_needed(folder: str, work: str) -> None:
    """Removes a job's work folder if the job has finished, or if input files could not be read reliably."""
    finished = files.exists(files.join(work, PUBLISHING)) and files.exists(files.join(folder, MANIFEST_NAME))
    if finished or files.exists(files.join(work, UNSTEADY)):
        files.remove(work)


def work_folder(folder: str, inputs: tuple[Input, ...], digest: str) -> str:
    """The folder for the unfinished work of this job; removes that of other jobs.

    Its name also depends on the times and versions of the input files, which show whether a file was replaced. The
    output does not depend on these.
    """
    versions = files.map_files(files.version, [source.path for source in inputs])
    states = [[source.modified, version] for source, version in zip(inputs, versions, strict=True)]
    key = hashlib.sha256(json.dumps([digest, __version__, states]).encode()).hexdigest()[:16]
    work = files.join(folder, WORK)
    if not files.is_remote(work):
        for name in os.listdir(work):
            if name not in (key, LOCK):
                files.remove(os.path.join(work, name))
    return files.join(work, key)
