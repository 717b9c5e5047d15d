"""The output folder while a job runs: what is unfinished, what is there already. Who may write there: see `hold`."""

import hashlib
import json
import os
import posixpath
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from lengthwise import __version__, files
from lengthwise.columns import VocabularyColumn, id_features
from lengthwise.config.model import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.hold import LOCK, PUBLISHING, WORK, is_marked, refuse_foreign_work
from lengthwise.job.model import Input
from lengthwise.job.names import is_ours
from lengthwise.manifest import FORMAT_VERSION, MANIFEST_NAME, Manifest, load_manifest

UNSTEADY = "unsteady"
"""In the work folder of a job: a file was unreadable or changed, so what was read of it may be read otherwise again."""


def describe_config(config: JobConfig) -> dict[str, Any]:
    """The configuration without what changes no byte of the output: where input and output stand, and the limits."""
    described = config.model_dump(mode="json")
    del described["output"]["path"], described["inputs"]["files"], described["inputs"]["by_split"]
    for name in ("rejected_fraction", "damaged_files", "stop_after_rejected"):
        del described["limits"][name]
    return described


def vocabulary_columns(config: JobConfig) -> dict[str, VocabularyColumn]:
    """The columns that look up in a vocabulary, by key."""
    return {column.key: column for column in id_features(config.columns) if isinstance(column, VocabularyColumn)}


def fingerprint(
    config: JobConfig, inputs: tuple[Input, ...], copies: Mapping[str, VocabularyColumn] | None = None
) -> str:
    """A digest of all that the output's bytes depend on: equal for equal output.

    Args:
        config: the job's.
        inputs: its files.
        copies: columns, by key, of which the vocabulary counts instead of the configuration's own.
    """
    vocabularies = {
        key: hashlib.sha256(repr(column.vocabulary).encode()).hexdigest()
        for key, column in {**vocabulary_columns(config), **(copies or {})}.items()
    }
    content = {
        "format": FORMAT_VERSION,
        "config": _without_paths(describe_config(config)),
        "splits": config.split_names,
        "vocabularies": vocabularies,
        "inputs": [(source.name, source.size, source.split) for source in inputs],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _without_paths(content: Any) -> Any:
    if isinstance(content, list):
        return [_without_paths(item) for item in content]
    if isinstance(content, dict):
        return {name: _without_paths(item) for name, item in content.items() if name != "vocabulary_file"}
    return content


def refuse_own_sources(config: JobConfig, inputs: tuple[Input, ...]) -> None:
    """Refuses an output folder that holds what the job reads: whoever replaces a data set deletes files there.

    Raises:
        ConfigError: an input or a vocabulary file stands in the output folder.
    """
    vocabularies = [column.vocabulary_file for column in vocabulary_columns(config).values() if column.vocabulary_file]
    found = _first_below(config.output.path, [*(source.path for source in inputs), *vocabularies])
    if found is not None:
        raise ConfigError(
            f"output.path: expected a folder apart from what the job reads, {config.output.path} holds {found}; "
            "name another folder"
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


def existing(folder: str, inputs: tuple[Input, ...], digest: str, *, overwrite: bool) -> Manifest | None:
    """The complete data set of the same fingerprint that stands in the folder already, if any.

    Raises:
        ConfigError: something else stands there, and it is not to be overwritten or not ours; or an input was modified
            since.
    """
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
            f"output.path: {folder} holds a data set of another configuration or input; "
            "name another folder, or replace it with --overwrite"
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
            "name another folder, or remove what stands there"
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
    versions = files.side_by_side(files.version, [source.path for source in inputs])
    states = [[source.modified, version] for source, version in zip(inputs, versions, strict=True)]
    key = hashlib.sha256(json.dumps([digest, __version__, states]).encode()).hexdigest()[:16]
    work = files.join(folder, WORK)
    if not files.is_remote(work):
        for name in os.listdir(work):
            if name not in (key, LOCK):
                files.remove(os.path.join(work, name))
    return files.join(work, key)
