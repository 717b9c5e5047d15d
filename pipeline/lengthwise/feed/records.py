"""Files -> serialized records, with what is to happen when a file cannot be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

Compression = Literal["gzip", "none"]
_BUFFER_BYTES = 2**18


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
    """The part of the records that worker `index` of `num_shards` reads: parts differ by at most one record.

    Files outside of the part are never opened.
    """
    portions = list(portions)
    total = sum(portion.take for portion in portions)
    first, last = total * index // num_shards, total * (index + 1) // num_shards
    mine, start = [], 0
    for portion in portions:
        low, high = max(first - start, 0), min(last - start, portion.take)
        if low < high:
            mine.append(Portion(portion.path, portion.skip + low, high - low))
        start += portion.take
    return mine


def read_portions(
    portions: Sequence[Portion], compression: Compression, on_damage: Literal["raise", "skip"], seed: Any | None
) -> Any:
    """The records of all portions, a dataset of strings; with a seed, files come in random order, several at a time."""
    order = tf.range(len(portions))
    if seed is not None:
        order = tf.random.experimental.stateless_shuffle(order, seed)
    fields = [[p.path for p in portions], [p.skip for p in portions], [p.take for p in portions]]
    dtypes = (tf.string, tf.int64, tf.int64)
    table = tuple(tf.gather(tf.constant(field, dtype), order) for field, dtype in zip(fields, dtypes, strict=True))
    files = tf.data.Dataset.from_tensor_slices(table)

    def read(path: Any, skip: Any, take: Any) -> Any:
        return read_portion(path, skip, take, compression, on_damage)

    if seed is None or len(portions) == 1:
        return files.flat_map(read)
    return files.interleave(read, cycle_length=min(4, len(portions)), block_length=16, num_parallel_calls=None)


def read_portion(path: Any, skip: Any, take: Any, compression: Compression, on_damage: Literal["raise", "skip"]) -> Any:
    """The records of one portion. TensorFlow's own error for a damaged record does not name the file; this one does.

    Reading stops silently where the file breaks; the guard behind it is reached only if records are missing then.
    """
    records = openable(path).flat_map(lambda found: read_file(found, compression).skip(skip)).ignore_errors(True)
    if on_damage == "skip":
        return records.take(take)
    return records.concatenate(_guard(path)).take(take)


def read_file(path: Any, compression: Compression) -> Any:
    """The records of one file."""
    return tf.data.TFRecordDataset(path, "GZIP" if compression == "gzip" else "", _BUFFER_BYTES)


def openable(path: Any) -> Any:
    """A dataset of the path, empty if the file cannot be opened.

    `ignore_errors` on a reader that cannot open its file tries for ever, so this tries once, in a function.
    """

    def touch(path: Any) -> Any:
        first_byte = tf.data.FixedLengthRecordDataset([path], 1).take(1)
        with tf.control_dependencies([first_byte.reduce(tf.constant(0), lambda count, _: count + 1)]):
            return tf.identity(path)

    return tf.data.Dataset.from_tensors(path).map(touch).ignore_errors(True)


def _guard(path: Any) -> Any:
    def fail(path: Any) -> Any:
        message = (
            "a file of the data set is damaged, incomplete or gone; `lengthwise verify` says more, "
            "on_damage='skip' leaves its unreadable records out. The file:"
        )
        with tf.control_dependencies([tf.debugging.Assert(False, [message, path])]):
            return tf.identity(path)

    return tf.data.Dataset.from_tensors(path).map(fail)
