"""`verify=True`: the bytes of each shard that is read are compared with the manifest's size and checksum.

    a shard is opened ── begin_check ──> a queue ── a few threads read its bytes: once a process and version of the file
    its last chunk waits for the answer: an error, or a line on standard error

The answer comes before the shard's last records do, so no epoch ends well without it. Reading the records takes longer
than adding up the bytes, so that the wait is short. Copies of remote files that were compared when they were made are
not read again.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.errors import LengthwiseError
from lengthwise.feed.datasets.process_functions import ProcessFunction
from lengthwise.feed.datasets.transformations import filtered, mapped
from lengthwise.feed.reading.remote_files import local
from lengthwise.printable_text import visible
from lengthwise.storage import files
from lengthwise.storage.remote_copying import RemoteFile, check_bytes

_THREADS = 4

_TOKEN = "lengthwise: verify=True takes workers that were started by `lengthwise serve worker`"
"""The name by which TensorFlow knows `_check`; all that it says in a process that does not know it."""


class _Table(NamedTuple):
    """What the traced functions know: the shards' paths, and what is expected of each, as JSON."""

    paths: Any
    shards: Any


_CHECKING: ContextVar[_Table | None] = ContextVar("checking", default=None)
_QUEUE: SimpleQueue[tuple["Future[str]", RemoteFile, str]] = SimpleQueue()
_FOUND: dict[tuple[RemoteFile, str, str], "Future[str]"] = {}
_LOCK = Lock()


@contextmanager
def checking(shards: Sequence[RemoteFile]) -> Iterator[None]:
    """While this lasts, the functions that are traced check these files; none, and they check nothing."""
    table = _Table(tf.constant([one.path for one in shards]), tf.constant([json.dumps(one) for one in shards]))
    token = _CHECKING.set(table if shards else None)
    try:
        yield
    finally:
        _CHECKING.reset(token)


def begin_check(path: Any) -> Any:
    """The path of a file that is being opened, whose check begins."""
    if _CHECKING.get() is None:
        return path
    with tf.control_dependencies([_fault_of(path, wait=False)]):
        return tf.identity(path)


def checked_last(chunks: Any, path: Any, count: Any) -> Any:
    """The `count` chunks of a file; the last is an error if the file is not as expected."""
    if _CHECKING.get() is None:
        return chunks

    def check(number: Any, chunk: Any) -> Any:
        fault = tf.cond(number == count - 1, lambda: _fault_of(path, wait=True), lambda: tf.constant(""))
        message = "a shard is not as the manifest says; on_damage='skip' reads what can be read of it:"
        with tf.control_dependencies([tf.debugging.Assert(fault == "", [message, fault])]):
            return tf.identity(chunk)

    return mapped(chunks.enumerate(), check)


def checked_behind(chunks: Any, path: Any) -> Any:
    """The chunks of a file; behind the last, a line on standard error says if the file is not as expected."""
    if _CHECKING.get() is None:
        return chunks

    def check(nothing: Any) -> Any:
        fault = _fault_of(path, wait=True)
        message = "lengthwise: a shard is not as the manifest says; what can be read of it is used:"
        said = tf.cond(fault == "", lambda: True, lambda: _print(message, fault))
        with tf.control_dependencies([said]):
            return tf.identity(nothing)

    behind = mapped(tf.data.Dataset.from_tensors(tf.zeros([0], tf.string)), check)
    return filtered(chunks.concatenate(behind), lambda chunk: tf.size(chunk) > 0)


def _print(*words: Any) -> Any:
    with tf.control_dependencies([tf.print(*words)]):
        return tf.constant(False)


def _fault_of(path: Any, *, wait: bool) -> Any:
    table = _CHECKING.get()
    assert table is not None
    shard = tf.gather(table.shards, tf.argmax(tf.cast(tf.equal(table.paths, path), tf.int32)))
    [fault] = _CHECK(shard, local(path), wait)
    return fault


def _check(shard: bytes, place: bytes, wait: bool) -> list[bytes]:
    """What is wrong with a file, empty for nothing; where the answer is not waited for, always empty."""
    found = _begun(RemoteFile(*json.loads(shard)), os.fsdecode(place))
    return [found.result().encode() if wait else b""]


def _begun(shard: RemoteFile, place: str) -> "Future[str]":
    """The answer about a file, which is begun if this version of it was not seen before."""
    # A copy has a name of its own for each version, and another time whenever it is used.
    version = files.version(place) if place == shard.path else ""
    with _LOCK:
        found = _FOUND.get((shard, place, version))
        if found is None:
            found = _FOUND[shard, place, version] = Future()
            if len(_FOUND) <= _THREADS:
                Thread(target=_work, daemon=True).start()
            _QUEUE.put((found, shard, place))
    return found


def _work() -> None:
    while True:
        found, shard, place = _QUEUE.get()
        fault = f"the check of {shard.path} failed"  # for whoever waits, whatever happens
        try:
            check_bytes(shard, place)
            fault = ""
        except LengthwiseError as error:
            fault = str(error)
        except OSError as error:
            fault = f"cannot read {shard.path}: {error}"
        finally:
            found.set_result(visible(fault))


_CHECK = ProcessFunction(_TOKEN, _check, [tf.string])
