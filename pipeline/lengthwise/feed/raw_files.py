"""Raw TFRecord files -> chunks of serialized records that know where they came from."""

from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.feed.records import OnDamage, opened

CHUNK = 1024
GZIP, PLAIN = "GZIP", ""


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


def read_chunks(path: Any, number: Any, compression: Any, on_damage: OnDamage) -> Any:
    """The records of one file, in chunks.

    TensorFlow's error for a damaged record does not name the file, so reading stops silently where the file breaks, and
    an empty chunk at the end makes sure that nothing was left to read.
    """

    def read(path: Any) -> Any:
        return tf.data.TFRecordDataset(path, compression).ignore_errors(True).batch(CHUNK)

    end = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))
    chunks = opened(path, on_damage).flat_map(read).concatenate(end)

    def place(state: Any, chunk: Any) -> tuple[Any, Chunk]:
        first, position = state
        count = tf.size(chunk, tf.int64)
        tf.cond(
            count == 0, lambda: _check_end(path, compression, first, position, on_damage), lambda: tf.constant(True)
        )
        index = first + tf.range(count)
        file = tf.fill([count], number)
        size = tf.reduce_sum(tf.cast(tf.strings.length(chunk), tf.int64)) + 16 * count
        return (first + count, position + size), Chunk(chunk, file, index)

    start = (tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    return chunks.scan(start, place).filter(lambda chunk: tf.size(chunk.records) > 0)


def _check_end(path: Any, compression: Any, index: Any, position: Any, on_damage: str) -> Any:
    """Whether the file ends where reading stopped; an error or a line on standard error if it does not."""
    whole = tf.cond(compression == GZIP, lambda: _ends_gzip(path, index), lambda: _ends(path, position))
    if on_damage == "skip":
        lost = ("lengthwise: left out the unreadable rest of", path, "from record", index, "at byte", position, "on")
        return tf.cond(whole, lambda: True, lambda: _say(lost))
    message = "damaged or cut off; on_damage='skip' leaves out what cannot be read. The file, record and byte:"
    with tf.control_dependencies([tf.debugging.Assert(whole, [message, path, index, position])]):
        return tf.identity(whole)


def _say(words: Any) -> Any:
    with tf.control_dependencies([tf.print(*words)]):
        return tf.constant(False)


def _ends(path: Any, position: Any) -> Any:
    """Whether a plain file has no byte after `position`."""
    rest = tf.data.FixedLengthRecordDataset([path], 1, header_bytes=position).take(1)
    return rest.reduce(tf.constant(0), lambda count, _: count + 1) == 0


def _ends_gzip(path: Any, index: Any) -> Any:
    """Whether a gzip file can be read to its end, and has no more than `index` records."""

    def count(path: Any) -> Any:
        return tf.data.TFRecordDataset(path, GZIP).reduce(tf.constant(0, tf.int64), lambda count, _: count + 1)

    counted = tf.data.Dataset.from_tensors(path).map(count).ignore_errors(True)
    return counted.reduce(tf.constant(-1, tf.int64), lambda _, records: records) == index
