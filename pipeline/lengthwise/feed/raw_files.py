"""Raw TFRecord files -> chunks of serialized records that know where they came from."""

import os
from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise import files as file_system
from lengthwise.feed.local_files import local
from lengthwise.feed.recover import GZIP, PLAIN, OnDamage, count_gzip, measure, opened, read_bytes, read_run, sound_runs


class Chunk(NamedTuple):
    """Consecutive records.

    Attributes:
        records: string `[n]`, serialized.
        file: int32 `[n]`: the number of each one's file.
        index: int64 `[n]`: its position in the file.
    """

    records: Any
    file: Any
    index: Any


def read_chunks(path: Any, number: Any, compression: Any, end: Any, on_damage: OnDamage, size: int) -> Any:
    """The records of one file, in chunks of `size`. `end` is what `end_of` gives for it."""
    if on_damage == "raise":
        return _read_whole(path, number, compression, end, size)

    def read(offset: Any, count: Any, index: Any) -> Any:
        records = read_run(path, compression, offset, count).batch(size)
        return records.enumerate().map(lambda place, chunk: _place(chunk, number, index + place * size))

    return opened(path, on_damage).flat_map(lambda path: sound_runs(path, compression)).flat_map(read)


def end_of(path: str) -> tuple[str, int]:
    """A file's compression, and how many bytes of records it says that it has; modulo 2**32 if it is gzip."""
    with file_system.open_binary(path) as stream:
        gzip = stream.read(2) == b"\x1f\x8b"
        size = stream.seek(0, os.SEEK_END)
        if not gzip:
            return PLAIN, size
        stream.seek(max(size - 4, 0))
        return GZIP, int.from_bytes(stream.read(4), "little")


def _read_whole(path: Any, number: Any, compression: Any, end: Any, size: int) -> Any:
    """The records of a sound file; an error that names it, if it is not.

    TensorFlow's own error for a damaged record does not name the file. So reading stops silently at the chunk where the
    file breaks, and an empty chunk at the end makes sure that nothing was left to read.
    """

    def read(path: Any) -> Any:
        return tf.data.TFRecordDataset(local(path), compression).batch(size).ignore_errors(True)

    nothing = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))
    chunks = opened(path, "raise").flat_map(read).concatenate(nothing)

    def place(state: Any, chunk: Any) -> tuple[Any, Chunk]:
        first, position = state
        count = tf.size(chunk, tf.int64)
        unexpected = (count == 0) & (tf.where(compression == GZIP, position % 2**32, position) != end)
        done = tf.cond(unexpected, lambda: _check_end(path, compression, first, position), lambda: tf.constant(True))
        size = tf.reduce_sum(tf.cast(tf.strings.length(chunk), tf.int64)) + 16 * count
        with tf.control_dependencies([done]):
            return (first + count, position + size), _place(chunk, number, first)

    start = (tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    return chunks.scan(start, place).filter(lambda chunk: tf.size(chunk.records) > 0)


def _place(records: Any, number: Any, index: Any) -> Chunk:
    count = tf.size(records, tf.int64)
    return Chunk(records, tf.fill([count], number), index + tf.range(count))


def _check_end(path: Any, compression: Any, index: Any, position: Any) -> Any:
    """Fails if the file does not end where reading stopped: it may have grown, or be of several gzip members."""
    zero = tf.constant(0, tf.int64)
    whole = tf.cond(
        compression == GZIP,
        lambda: count_gzip(path) == index,
        lambda: tf.size(read_bytes(path, position, 1)) == 0,
    )
    more, size = tf.cond(whole | (compression == GZIP), lambda: (zero, zero), lambda: measure(path, position))
    message = "damaged or cut off; on_damage='skip' leaves out what cannot be read. The file, record and byte:"
    with tf.control_dependencies([tf.debugging.Assert(whole, [message, path, index + more, position + size])]):
        return tf.identity(whole)
