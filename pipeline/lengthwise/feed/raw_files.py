"""Raw TFRecord files -> chunks of serialized records that know where they came from."""

from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.feed.recover import GZIP, OnDamage, count_gzip, opened, read_bytes, read_run, sound_runs

CHUNK = 1024


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
    """The records of one file, in chunks."""
    if on_damage == "raise":
        return _read_whole(path, number, compression)

    def read(offset: Any, count: Any, index: Any) -> Any:
        records = read_run(path, compression, offset, count).batch(CHUNK)
        return records.enumerate().map(lambda place, chunk: _place(chunk, number, index + place * CHUNK))

    return opened(path, on_damage).flat_map(lambda path: sound_runs(path, compression)).flat_map(read)


def _read_whole(path: Any, number: Any, compression: Any) -> Any:
    """The records of a sound file; an error that names it, if it is not.

    TensorFlow's own error for a damaged record does not name the file. So reading stops silently where the file breaks,
    and an empty chunk at the end makes sure that nothing was left to read.
    """

    def read(path: Any) -> Any:
        return tf.data.TFRecordDataset(path, compression).ignore_errors(True).batch(CHUNK)

    end = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))
    chunks = opened(path, "raise").flat_map(read).concatenate(end)

    def place(state: Any, chunk: Any) -> tuple[Any, Chunk]:
        first, position = state
        count = tf.size(chunk, tf.int64)
        done = tf.cond(count == 0, lambda: _check_end(path, compression, first, position), lambda: tf.constant(True))
        size = tf.reduce_sum(tf.cast(tf.strings.length(chunk), tf.int64)) + 16 * count
        with tf.control_dependencies([done]):
            return (first + count, position + size), _place(chunk, number, first)

    start = (tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    return chunks.scan(start, place).filter(lambda chunk: tf.size(chunk.records) > 0)


def _place(records: Any, number: Any, index: Any) -> Chunk:
    count = tf.size(records, tf.int64)
    return Chunk(records, tf.fill([count], number), index + tf.range(count))


def _check_end(path: Any, compression: Any, index: Any, position: Any) -> Any:
    """Fails if the file does not end where reading stopped."""
    whole = tf.cond(
        compression == GZIP,
        lambda: count_gzip(path) == index,
        lambda: tf.size(read_bytes(path, position, 1)) == 0,
    )
    message = "damaged or cut off; on_damage='skip' leaves out what cannot be read. The file, record and byte:"
    with tf.control_dependencies([tf.debugging.Assert(whole, [message, path, index, position])]):
        return tf.identity(whole)
