"""The output folder while a job runs: what is unfinished, what is there already. Who may write there: see `hold`."""

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
from lengthwise.job.workspace.earlier_plan import changes
from lengthwise.job.workspace.output_lock import LOCK, PUBLISHING, WORK, is_marked, refuse_foreign_work
from lengthwise.job.workspace.vocabulary_files import vocabulary_columns
from lengthwise.manifest import MANIFEST_NAME, Manifest, load_manifest
from lengthwise.storage import files

UNSTEADY = "unsteady"
"""In the work folder of a job: a file was unreadable or changed, so what was read of it may be read otherwise again."""


def refuse_own_sources(config: JobConfig, inputs: Iterable[Input], folder: str = "") -> None:
    """Refuses an output folder that holds what the job reads: whoever replaces a data set deletes files there.

    Args:
        config: the job's.
        inputs: its files.
        folder: the output folder; `output.path` if empty.

    Raises:
        ConfigError: an input or a vocabulary file stands in the output folder.
    """
    columns = vocabulary_columns(config.columns).values()
    vocabularies = [column.vocabulary_file for column in columns if column.vocabulary_file]
    folder = folder or config.output.path
    found = _first_below(folder, [*(source.path for source in inputs), *vocabularies])
    if found is not None:
        raise ConfigError(
            f"output.path: expected a folder apart from what the job reads, {folder} holds {found}; name another folder"
        )


def _first_below(folder: str, paths: Iterable[str]) -> str | None:
    """The first path that stands in `folder`, at any depth. A local link stands where it is and where it leads to."""
    real = cache(os.path.realpath)
    root = posixpath.normpath(folder) if files.is_remote(folder) else real(folder)
    for path in paths:
        if files.is_remote(path):
            places = [posixpath.normpath(path)]
        else:
            places = [os.path.join(real(os.path.dirname(path)), os.path.basename(path))]
            places += [real(path)] if os.path.islink(path) else []
        if any(place.startswith(root.rstrip("/") + "/") for place in places):
            return path
    return None


def existing(config: JobConfig, inputs: tuple[Input, ...], digest: str, *, overwrite: bool) -> Manifest | None:
    """The complete data set of the same fingerprint that is in the output folder already, if any.

    Raises:
        ConfigError: something else exists there, and it is not to be overwritten or not ours; or an input was modified
            since.
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
            f"output.path: {folder} holds a data set of another configuration or input: "
            f"{changes(manifest, config, inputs)}. All records would have to be read again: name another folder, or "
            "replace it with --overwrite"
        )
    written = files.modified(path)
    changed = [source.path for source in inputs if source.modified > written > 0]
    if changed:
        raise ConfigError(
            f"output.path: {folder} holds a data set of this configuration and these input files, but {changed[0]} "
            "was changed, or was copied, since; prepare it again with --overwrite, or name another folder"
        )
    return manifest


def _refuse_foreign(folder: str) -> None:
    """Where no manifest is, only a run that has not ended can have left files, and it leaves its work folder too."""
    at_work = is_marked(folder)
    names = [name for name in files.list_tree(folder) if not name.startswith(f"{WORK}/")]
    foreign = [name for name in names if not (at_work and is_ours(name))]
    if foreign:
        raise ConfigError(
            f"output.path: expected a new or an empty folder, {folder} holds {foreign[0]}; "
            "name another folder, or move that elsewhere"
        )


def _refuse_foreign_manifest(path: str) -> None:
    try:
        content = json.loads(files.read_bytes(path))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"format_version", "fingerprint", "shards"} <= content.keys():
        raise ConfigError(
            f"output.path: expected to overwrite a data set of `lengthwise`, {path} is no manifest of one; "
            "name another folder, or remove what is there"
        )


def start_over_where_needed(folder: str, work: str) -> None:
    """Removes what a job has left if it is the rest of a finished one, or rests on files that could not be read."""
    finished = files.exists(files.join(work, PUBLISHING)) and files.exists(files.join(folder, MANIFEST_NAME))
    if finished or files.exists(files.join(work, UNSTEADY)):
        files.remove(work)


def work_folder(folder: str, inputs: tuple[Input, ...], digest: str) -> str:
    """The folder for what this job has not finished; what other jobs left unfinished is removed.

    Its name depends on all that tells whether an input file was replaced. No byte of the output does.
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
