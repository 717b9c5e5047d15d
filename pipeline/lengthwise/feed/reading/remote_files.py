"""Remote files for TensorFlow, which opens local ones: each is copied just before it is opened, and a few ahead.

    with reading(remotes, ...):        the dataset is traced in here
        dataset of files ── ahead ──> interleave: opens local(path)

Both call back into Python, in whatever process reads: the trainer's, or that of a worker of a tf.data service that was
started by `lengthwise serve worker` and so knows the function by the same name. Datasets and checkpoints hold remote
paths alone, so that a restored iterator fetches again what is gone from the cache.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.errors import LengthwiseError
from lengthwise.feed.datasets.process_functions import ProcessFunction
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.options.cache_options import FOLDER_VARIABLE, Cache
from lengthwise.storage import files
from lengthwise.storage.local_copies import LocalCopies
from lengthwise.storage.remote_copying import RemoteFile

AHEAD = 2  # files of each stream that are copied before they are opened

_TOKEN = "lengthwise: a worker that reads s3:// or hdfs:// is started by `lengthwise serve worker`"
"""The name by which TensorFlow knows `_fetch`; all that it says in a process that does not know it."""


class _Table(NamedTuple):
    """What the traced functions know: the files, and where their copies are kept; nowhere: as the process is told."""

    paths: Any
    remotes: Any
    folder: str
    limit: int

    def fetch(self, path: Any, *, wait: bool) -> tuple[Any, Any]:
        remote = tf.gather(self.remotes, tf.argmax(tf.cast(tf.equal(self.paths, path), tf.int32)))
        copy, error = _FETCH(path, remote, self.folder, tf.constant(self.limit, tf.int64), wait)
        return copy, error


_READING: ContextVar[_Table | None] = ContextVar("reading", default=None)
_OWN = Cache()


def is_copied(path: str, chosen: Cache | None) -> bool:
    """Whether TensorFlow reads a copy. `gs://` it reads itself, unless a cache is asked for."""
    native = path.startswith("gs://") and chosen is None and not os.environ.get(FOLDER_VARIABLE)
    return files.is_remote(path) and not native


@contextmanager
def reading(remotes: Sequence[RemoteFile], chosen: Cache | None, *, here: bool) -> Iterator[None]:
    """While this lasts, the functions that are traced read copies of these files; they read others as they are.

    Args:
        remotes: the files; those that `is_copied` denies are left out.
        chosen: where copies are kept.
        here: False if the processes that read are others, which keep copies where they were told to.

    Raises:
        ConfigError: the largest file does not fit.
        EnvironmentFailure: the folder cannot be written.
    """
    remotes = [one for one in remotes if is_copied(one.path, chosen)]
    if not remotes:
        yield
        return
    folder, limit = "", 0
    if here:
        folder, limit = (chosen or _OWN).place(), (chosen or _OWN).max_bytes or 0
        _copies(folder, limit).check(remotes)
    table = _Table(
        tf.constant([one.path for one in remotes]), tf.constant([json.dumps(one) for one in remotes]), folder, limit
    )
    token = _READING.set(table)
    try:
        yield
    finally:
        _READING.reset(token)


def local(path: Any) -> Any:
    """The path to open instead of `path`: that of its copy, which is fetched if need be."""
    table = _READING.get()
    if table is None:
        return path
    copy, error = table.fetch(path, wait=True)
    with tf.control_dependencies([tf.debugging.Assert(error == "", [error])]):
        return tf.identity(copy)


def ahead(dataset: Any, path_of: Callable[..., Any]) -> Any:
    """The dataset of files, whose copies are begun some elements before; `path_of` is given an element's parts."""
    table = _READING.get()
    if table is None:
        return dataset

    def begin(*parts: Any) -> Any:
        with tf.control_dependencies(table.fetch(path_of(*parts), wait=False)):
            kept = tuple(tf.identity(part) for part in parts)
        return kept if len(kept) > 1 else kept[0]

    return mapped(dataset, begin).prefetch(AHEAD)


def keep_copies_in(chosen: Cache) -> None:
    """Where this process keeps copies for the datasets of others: it works for a tf.data service.

    Raises:
        EnvironmentFailure: the folder cannot be written.
    """
    global _OWN
    _OWN = chosen
    _copies(chosen.place(), chosen.max_bytes or 0)


@cache
def _copies(folder: str, limit: int) -> LocalCopies:
    return LocalCopies(folder, limit or None)


def _fetch(path: bytes, remote: bytes, folder: bytes, limit: int, wait: bool) -> list[bytes]:
    """The copy's path, and what is wrong; both empty where it is only begun."""
    given = RemoteFile(*json.loads(remote))
    if given.path != path.decode():  # not in the table
        return [path, b""]
    try:
        copies = _copies(folder.decode() or _OWN.place(), int(limit) if folder else _OWN.max_bytes or 0)
        if wait:
            return [os.fsencode(copies.get(given)), b""]
        copies.get_ahead(given)
    except LengthwiseError as error:
        return [b"", str(error).encode()]
    return [b"", b""]


_FETCH = ProcessFunction(_TOKEN, _fetch, [tf.string, tf.string])
