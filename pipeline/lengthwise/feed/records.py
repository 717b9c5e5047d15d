"""Files -> serialized records, with what is to happen when a file cannot be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from lengthwise.feed.local_files import ahead, local
from lengthwise.feed.recover import KINDS, OnDamage, opened, read_run, say, sound_runs
from lengthwise.records.compression import Compression

_BUFFER_BYTES = 2**18
_CYCLE = 4  # files of a bucket that are read in turn


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive records of one file.

    Attributes:
        path: the file.
        skip: how many of its records come before.
        take: how many belong to it.
    """

    path: str
    skip: int
    take: int


def divide(portions: Iterable[Portion], num_shards: int, index: int) -> list[Portion]:
    """The part of the records that worker `index` of `num_shards` reads: the first parts have one more if need be.

    Files outside of the part are never opened.
    """
    portions = list(portions)
    size, more = divmod(sum(portion.take for portion in portions), num_shards)
    first, last = (size * at + min(at, more) for at in (index, index + 1))
    mine, start = [], 0
    for portion in portions:
        low, high = max(first - start, 0), min(last - start, portion.take)
        if low < high:
            mine.append(Portion(portion.path, portion.skip + low, high - low))
        start += portion.take
    return mine


def read_portions(
    portions: Sequence[Portion], compression: Compression, on_damage: OnDamage, chunk: int, seed: Any | None = None
) -> Any:
    """The records of all portions: a dataset of string vectors of up to `chunk`.

    With a seed, files come in random order, several at a time.
    """
    order = tf.range(len(portions))
    if seed is not None:
        order = tf.random.experimental.stateless_shuffle(order, seed)
    fields = [[p.path for p in portions], [p.skip for p in portions], [p.take for p in portions]]
    dtypes = (tf.string, tf.int64, tf.int64)
    table = tuple(tf.gather(tf.constant(field, dtype), order) for field, dtype in zip(fields, dtypes, strict=True))
    files = ahead(tf.data.Dataset.from_tensor_slices(table), lambda path, *_: path)
    whole = not any(portion.skip for portion in portions)

    def read(path: Any, skip: Any, take: Any) -> Any:
        return read_portion(path, None if whole else skip, take, compression, on_damage, chunk)

    if seed is None or len(portions) == 1:
        return files.flat_map(read)
    return files.interleave(read, cycle_length=min(_CYCLE, len(portions)), block_length=1)


def read_portion(
    path: Any, skip: Any | None, take: Any, compression: Compression, on_damage: OnDamage, chunk: int
) -> Any:
    """The records of one portion, in chunks. Few datasets stand on each other below the chunks: each costs per record.

    TensorFlow's own error for a damaged record does not name the file. So reading stops silently at the chunk where
    the file breaks; an empty chunk stands behind the others, and a chunk that is too small is an error. With `skip`
    what is missing in the end is said, be it damaged or be the file gone, empty or cut off.
    """
    zero = tf.constant(0, tf.int64)
    nothing = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))

    def read(path: Any) -> Any:
        records = (_read_sound if on_damage == "skip" else read_file)(path, compression)
        records = records if skip is None else records.skip(skip)
        if on_damage == "skip":
            return records.take(take).batch(chunk)
        chunks = records.batch(chunk).ignore_errors(True).concatenate(nothing).take(-(-take // chunk))
        return chunks.enumerate().map(lambda number, records: _whole(records, take - number * chunk, chunk, path))

    def count(read: Any, records: Any) -> tuple[Any, Any]:
        size = tf.size(records, tf.int64)
        over = (size == 0) & (read < take)
        said = tf.cond(over, lambda: say(take - read, "of", take, "records of", path), lambda: tf.constant(True))
        with tf.control_dependencies([said]):
            return read + size, tf.identity(records)

    chunks = opened(path, on_damage).flat_map(read)
    if on_damage == "raise":
        return chunks
    return chunks.concatenate(nothing).scan(zero, count).filter(lambda records: tf.size(records) > 0)


def read_file(path: Any, compression: Compression) -> Any:
    """The records of one file."""
    return tf.data.TFRecordDataset(local(path), KINDS[compression], _BUFFER_BYTES)


def _read_sound(path: Any, compression: Compression) -> Any:
    kind = tf.constant(KINDS[compression])
    return sound_runs(path, kind).flat_map(lambda offset, count, _: read_run(path, kind, offset, count))


def _whole(records: Any, missing: Any, chunk: int, path: Any) -> Any:
    """The records that were missing from the portion, at most a chunk."""
    expected = tf.minimum(missing, chunk)
    message = (
        "a file of the data set is damaged or incomplete; `lengthwise verify` says more, "
        "on_damage='skip' leaves out what cannot be read. The file:"
    )
    with tf.control_dependencies([tf.debugging.Assert(tf.size(records, tf.int64) >= expected, [message, path])]):
        return records[:expected]
