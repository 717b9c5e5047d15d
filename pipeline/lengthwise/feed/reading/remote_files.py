"""Remote files for TensorFlow, which opens local files: each is copied before it is opened, and a few in advance.

    with reading_copies(remotes, ...):        the dataset is traced in here
        dataset of files ── copy_ahead ──> interleave: opens local_path(path)

Both call Python in the process that reads: the trainer, or a worker of a tf.data service that was started by
`lengthwise serve worker`, in which the function is registered under the same name. Datasets and checkpoints contain
only remote paths, so a restored iterator copies files again that are no longer in the cache.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import NamedTuple, Self

import tensorflow as tf

from lengthwise.errors import LengthwiseError
from lengthwise.feed.datasets.process_functions import ProcessFunction
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.options.cache_options import FOLDER_VARIABLE, Cache
from lengthwise.storage import files
from lengthwise.storage.local_copies import LocalCopies
from lengthwise.storage.remote_copying import RemoteFile
from lengthwise.tensor.tensor_types import Dataset, Structure, Tensor

AHEAD = 2  # files of each stream that are copied in advance

_TOKEN = "lengthwise: a worker that reads s3:// or hdfs:// must be started by `lengthwise serve worker`"
"""The name under which TensorFlow knows `_fetch`; its only message in a process that does not know it."""


class FileTable(NamedTuple):
    """The paths of files, and the expected state of each, a `RemoteFile` as JSON."""

    paths: Tensor
    states: Tensor

    @classmethod
    def of(cls, remotes: Sequence[RemoteFile]) -> Self:
        return cls(
            tf.constant([remote.path for remote in remotes], tf.string),
            tf.constant([json.dumps(remote) for remote in remotes], tf.string),
        )

    def state(self, path: Tensor) -> Tensor:
        """The state of the file; of the first one if it is not in the table."""
        return tf.gather(self.states, tf.argmax(tf.cast(tf.equal(self.paths, path), tf.int32)))


class _Copies(NamedTuple):
    """The files, and the folder and limit of their copies; without a folder, the cache of the reading process."""

    files: FileTable
    folder: str
    limit: int

    def fetch(self, path: Tensor, *, wait: bool) -> tuple[Tensor, Tensor]:
        limit = tf.constant(self.limit, tf.int64)
        copy, error = _FETCH(path, self.files.state(path), self.folder, limit, wait)
        return copy, error


_READING: ContextVar[_Copies | None] = ContextVar("reading", default=None)
_PROCESS_CACHE = Cache()


def is_copied(path: str, chosen: Cache | None) -> bool:
    """Whether TensorFlow reads a copy. It reads `gs://` itself, unless a cache is given."""
    native = path.startswith("gs://") and chosen is None and not os.environ.get(FOLDER_VARIABLE)
    return files.is_remote(path) and not native


@contextmanager
def reading_copies(remotes: Sequence[RemoteFile], chosen: Cache | None, *, here: bool) -> Iterator[None]:
    """In this context, traced functions read copies of these files; they read other files directly.

    Args:
        remotes: the files; those for which `is_copied` is false are ignored.
        chosen: where copies are kept.
        here: False if other processes read, which have their own caches.

    Raises:
        ConfigError: the largest file does not fit.
        EnvironmentFailure: the folder is not writable.
    """
    remotes = [remote for remote in remotes if is_copied(remote.path, chosen)]
    if not remotes:
        yield
        return
    folder, limit = "", 0
    if here:
        folder, limit = (chosen or _PROCESS_CACHE).place(), (chosen or _PROCESS_CACHE).max_bytes or 0
        _copies(folder, limit).check(remotes)
    token = _READING.set(_Copies(FileTable.of(remotes), folder, limit))
    try:
        yield
    finally:
        _READING.reset(token)


def local_path(path: Tensor) -> Tensor:
    """The path to open instead of `path`: the path of its copy, which is created if necessary."""
    copies = _READING.get()
    if copies is None:
        return path
    copy, error = copies.fetch(path, wait=True)
    with tf.control_dependencies([tf.debugging.Assert(error == "", [error])]):
        return tf.identity(copy)


def copy_ahead(dataset: Dataset, path_of: Callable[..., Tensor]) -> Dataset:
    """The dataset of files, which are copied some elements in advance; `path_of` receives the parts of an element."""
    copies = _READING.get()
    if copies is None:
        return dataset

    def begin(*parts: Tensor) -> Structure:
        with tf.control_dependencies(copies.fetch(path_of(*parts), wait=False)):
            element = tuple(tf.identity(part) for part in parts)
        return element if len(element) > 1 else element[0]

    return mapped(dataset, begin).prefetch(AHEAD)


def keep_copies_in(chosen: Cache) -> None:
    """Sets where this process, a worker of a tf.data service, keeps copies for the datasets of others.

    Raises:
        EnvironmentFailure: the folder is not writable.
    """
    global _PROCESS_CACHE
    _PROCESS_CACHE = chosen
    _copies(chosen.place(), chosen.max_bytes or 0)


@cache
def _copies(folder: str, limit: int) -> LocalCopies:
    return LocalCopies(folder, limit or None)


def _fetch(path: bytes, remote: bytes, folder: bytes, limit: int, wait: bool) -> list[bytes]:
    """The path of the copy, and an error message; both empty if copying is only started."""
    source = RemoteFile(*json.loads(remote))
    if source.path != path.decode():  # not in the table
        return [path, b""]
    try:
        copies = _copies(
            folder.decode() or _PROCESS_CACHE.place(), int(limit) if folder else _PROCESS_CACHE.max_bytes or 0
        )
        if wait:
            return [os.fsencode(copies.get(source)), b""]
        copies.get_ahead(source)
    except LengthwiseError as error:
        return [b"", str(error).encode()]
    return [b"", b""]


_FETCH = ProcessFunction(_TOKEN, _fetch, [tf.string, tf.string])
