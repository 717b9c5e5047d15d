"""`verify=True`: the bytes of each shard that is read are compared with the manifest's size and checksum.

    a shard is opened ── begin_shard_check ──> queue ── a few threads read its bytes: once per process and file version
    its last chunk waits for the result: an error, or a line on standard error

The result comes before the shard's last records, so no epoch ends without error before it. Reading the records takes
longer than computing the checksum, so the wait is short. Copies of remote files, which are compared when they are
created, are not read again.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from threading import Lock, Thread

import tensorflow as tf

from lengthwise.errors import LengthwiseError
from lengthwise.feed.datasets.printable_tensors import print_words
from lengthwise.feed.datasets.process_functions import ProcessFunction
from lengthwise.feed.datasets.transformations import filtered, mapped
from lengthwise.feed.reading.remote_files import FileTable, local_path
from lengthwise.printable_text import visible
from lengthwise.storage import files
from lengthwise.storage.remote_copying import RemoteFile, check_bytes
from lengthwise.tensor.tensor_types import Dataset, Tensor

_THREADS = 4

_TOKEN = "lengthwise: verify=True requires workers that were started by `lengthwise serve worker`"
"""The name under which TensorFlow knows `_check`; its only message in a process that does not know it."""


_CHECKING: ContextVar[FileTable | None] = ContextVar("checking", default=None)
_QUEUE: SimpleQueue[tuple["Future[str]", RemoteFile, str]] = SimpleQueue()
_RESULTS: dict[tuple[RemoteFile, str, str], "Future[str]"] = {}
_LOCK = Lock()


@contextmanager
def checking_shards(shards: Sequence[RemoteFile]) -> Iterator[None]:
    """In this context, traced functions check these files; without files they check nothing."""
    token = _CHECKING.set(FileTable.of(shards) if shards else None)
    try:
        yield
    finally:
        _CHECKING.reset(token)


def begin_shard_check(path: Tensor) -> Tensor:
    """The path of a file that is opened; starts its check."""
    if _CHECKING.get() is None:
        return path
    with tf.control_dependencies([_fault_of(path, wait=False)]):
        return tf.identity(path)


def checked_last(chunks: Dataset, path: Tensor, count: Tensor) -> Dataset:
    """The `count` chunks of a file; the last is an error if the file differs from the manifest."""
    if _CHECKING.get() is None:
        return chunks

    def check(number: Tensor, chunk: Tensor) -> Tensor:
        fault = tf.cond(number == count - 1, lambda: _fault_of(path, wait=True), lambda: tf.constant(""))
        message = "a shard differs from its manifest; on_damage='skip' reads its readable records:"
        with tf.control_dependencies([tf.debugging.Assert(fault == "", [message, fault])]):
            return tf.identity(chunk)

    return mapped(chunks.enumerate(), check)


def checked_at_end(chunks: Dataset, path: Tensor) -> Dataset:
    """The chunks of a file; after the last, a line on standard error if the file differs from the manifest."""
    if _CHECKING.get() is None:
        return chunks

    def check(nothing: Tensor) -> Tensor:
        fault = _fault_of(path, wait=True)
        message = "lengthwise: a shard differs from its manifest; its readable records are used:"
        with tf.control_dependencies([print_words(fault != "", message, fault)]):
            return tf.identity(nothing)

    end = mapped(tf.data.Dataset.from_tensors(tf.zeros([0], tf.string)), check)
    return filtered(chunks.concatenate(end), lambda chunk: tf.size(chunk) > 0)


def _fault_of(path: Tensor, *, wait: bool) -> Tensor:
    table = _CHECKING.get()
    assert table is not None
    [fault] = _CHECK(table.state(path), local_path(path), wait)
    return fault


def _check(shard: bytes, file: bytes, wait: bool) -> list[bytes]:
    """What is wrong with a file, empty if nothing is; always empty without `wait`."""
    result = _started_check(RemoteFile(*json.loads(shard)), os.fsdecode(file))
    return [result.result().encode() if wait else b""]


def _started_check(shard: RemoteFile, file: str) -> "Future[str]":
    """The future result for a file; its check is started for each new version of the file."""
    # A copy has a separate name for each version, and a new time whenever it is used.
    version = files.version(file) if file == shard.path else ""
    with _LOCK:
        result = _RESULTS.get((shard, file, version))
        if result is None:
            result = _RESULTS[shard, file, version] = Future()
            if len(_RESULTS) <= _THREADS:
                Thread(target=_check_queued, daemon=True).start()
            _QUEUE.put((result, shard, file))
    return result


def _check_queued() -> None:
    while True:
        result, shard, file = _QUEUE.get()
        fault = f"the check of {shard.path} failed"  # if an unexpected error ends the check
        try:
            check_bytes(shard, file)
            fault = ""
        except LengthwiseError as error:
            fault = str(error)
        except OSError as error:
            fault = f"cannot read {shard.path}: {error}"
        finally:
            result.set_result(visible(fault))


_CHECK = ProcessFunction(_TOKEN, _check, [tf.string])
