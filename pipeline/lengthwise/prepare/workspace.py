"""The output folder while a job runs: who may write there, what is unfinished, what stands there already."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from lengthwise import __version__, files
from lengthwise.columns import VocabularyColumn, sequence_features
from lengthwise.config.model import JobConfig
from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.manifest import FORMAT_VERSION, MANIFEST_NAME, Manifest, load_manifest
from lengthwise.prepare.model import Input

WORK = ".work"
PUBLISHING = "publishing"
"""In the work folder of a job: its data set has begun to move into place, so nothing older is there any more."""
UNSTEADY = "unsteady"
"""In the work folder of a job: a file was unreadable or changed, so what was read of it may be read otherwise again."""

_OURS = ("Split-", "rejects/", "vocabulary/", WORK + "/", MANIFEST_NAME, "schema.pbtxt", "report.html")


def describe_config(config: JobConfig) -> dict[str, Any]:
    """The configuration without what changes no byte of the output: where input and output stand, and the limits."""
    described = config.model_dump(mode="json")
    del described["output"]["path"], described["inputs"]["files"], described["inputs"]["by_split"]
    del described["limits"]["rejected_fraction"], described["limits"]["damaged_files"]
    return described


def fingerprint(config: JobConfig, inputs: tuple[Input, ...]) -> str:
    """A digest of all that the output's bytes depend on: equal for equal output."""
    vocabularies = {
        column.key: hashlib.sha256(repr(column.vocabulary).encode()).hexdigest()
        for column in sequence_features(config.columns)
        if isinstance(column, VocabularyColumn)
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


def existing(folder: str, digest: str, *, overwrite: bool) -> Manifest | None:
    """The complete data set of the same fingerprint that stands in the folder already, if any.

    Raises:
        ConfigError: something else stands there, and it is not to be overwritten.
    """
    if files.exists(files.join(folder, MANIFEST_NAME)):
        if overwrite:
            return None
        manifest = load_manifest(folder)
        if manifest.fingerprint == digest:
            return manifest
        raise ConfigError(
            f"output.path: {folder} holds a data set of another configuration or input; "
            "name another folder, or replace it with --overwrite"
        )
    foreign = [name for name in files.list_tree(folder) if not name.startswith(_OURS)]
    if foreign:
        raise ConfigError(
            f"output.path: expected a new or an empty folder, {folder} holds {foreign[0]}; name another folder"
        )
    return None


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Holds the output folder for one run. On a remote file system nobody can hold it, so nobody is kept out.

    Raises:
        ConfigError: another run holds it.
    """
    if files.is_remote(folder):
        yield
        return
    path = os.path.join(folder, WORK, "lock")
    stream = _lock(folder, path)
    while not _stands_at(stream, path):  # the run that held it has just ended, and removed it
        stream.close()
        stream = _lock(folder, path)
    with stream:
        yield


def _lock(folder: str, path: str) -> TextIO:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        stream = open(path, "a")  # noqa: SIM115 (closed by the caller, after the lock)
    except OSError as error:
        raise EnvironmentFailure(f"cannot write in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise ConfigError(
            f"output.path: another run is writing to {folder}; wait for it, or name another folder"
        ) from error
    except OSError:  # a file system without locks: nobody is kept out
        pass
    return stream


def _stands_at(stream: TextIO, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def remove_work(folder: str) -> None:
    """Removes what the jobs of a folder have left, `PUBLISHING` last: cut off in between, the rest is known as such."""
    work = files.join(folder, WORK)
    names = {tuple(name.split("/")[:2]) for name in files.list_tree(work)}
    for name in sorted(names):
        if name[-1] not in (PUBLISHING, "lock"):
            files.remove(files.join(work, *name))
    files.remove(work)


def start_over_where_needed(folder: str, work: str) -> None:
    """Removes what a job has left if it is the rest of a finished one, or rests on files that could not be read."""
    finished = files.exists(files.join(work, PUBLISHING)) and files.exists(files.join(folder, MANIFEST_NAME))
    if finished or files.exists(files.join(work, UNSTEADY)):
        files.remove(work)


def work_folder(folder: str, inputs: tuple[Input, ...], digest: str) -> str:
    """The folder for what this job has not finished; what other jobs left unfinished is removed.

    Raises:
        EnvironmentFailure: an input file is gone.
    """
    try:
        times = [os.stat(source.path).st_mtime_ns for source in inputs if not files.is_remote(source.path)]
    except OSError as error:
        raise EnvironmentFailure(f"cannot read {error.filename}: {error.strerror}") from error
    key = hashlib.sha256(json.dumps([digest, __version__, times]).encode()).hexdigest()[:16]
    work = files.join(folder, WORK)
    if not files.is_remote(work):
        for name in os.listdir(work):
            if name not in (key, "lock"):
                files.remove(os.path.join(work, name))
    return files.join(work, key)
