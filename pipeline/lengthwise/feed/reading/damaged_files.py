"""Reading on behind damaged records: which runs of a TFRecord file are sound.

TensorFlow's reader gives up the rest of a file at its first damaged record. Here the file is read once beforehand, up
to each damage; a record whose length is sound (it has a checksum of its own) is stepped over, as the offline job does.
Only for `on_damage="skip"`: files are read twice.
"""

from typing import Any, Literal

import numpy as np
import tensorflow as tf

from lengthwise.feed.datasets.printable_tensors import visible_text
from lengthwise.feed.datasets.transformations import flat_mapped, mapped
from lengthwise.feed.reading.frame_claims import records_before_claim
from lengthwise.feed.reading.remote_files import local
from lengthwise.records.container.compression import Compression

OnDamage = Literal["raise", "skip"]
GZIP, ZLIB, PLAIN = "GZIP", "ZLIB", ""
KINDS: dict[Compression, str] = {"gzip": GZIP, "zlib": ZLIB, "none": PLAIN}
"""What TensorFlow calls the compressions."""

FRAME_BYTES = 16
_HEADER_BYTES = 12
_BUFFER_BYTES = 2**18
_POLYNOMIAL = 0x82F63B78  # of crc32c, reflected
_MASK = 0xFFFFFFFF


def opened(path: Any, on_damage: OnDamage) -> Any:
    """A dataset of the path: an error if the file cannot be opened; with `skip`, empty.

    `ignore_errors` on a reader that cannot open its file tries for ever. So the file is opened beforehand, and with
    `skip` once, in a function: that takes milliseconds, for there TensorFlow prepares a dataset as if it were large.
    """
    if on_damage == "raise":
        first_byte = tf.data.FixedLengthRecordDataset([local(path)], 1, buffer_size=16).take(1)
        any_byte = first_byte.concatenate(tf.data.Dataset.from_tensors("")).take(1)
        return mapped(any_byte, lambda _: path)

    def touch(path: Any) -> Any:
        first_byte = tf.data.FixedLengthRecordDataset([local(path)], 1).take(1)
        size = first_byte.reduce(tf.constant(0), lambda count, _: count + 1)
        return tf.where(size >= 0, path, "")  # always the path; but the optimizer must not see that

    return mapped(tf.data.Dataset.from_tensors(path), touch).ignore_errors(True)


def sound_runs(path: Any, compression: Any) -> Any:
    """A dataset of the file's sound runs: (byte of the first record, number of records, index of the first record).

    What lies between is said on standard error.
    """

    def find(path: Any) -> Any:
        return tf.cond(compression == PLAIN, lambda: _find(path), lambda: _find_compressed(path, compression))

    found = mapped(tf.data.Dataset.from_tensors(path), find)
    return flat_mapped(found, lambda *runs: tf.data.Dataset.from_tensor_slices(runs))


def read_run(path: Any, compression: Any, offset: Any, count: Any) -> Any:
    """The records of a sound run."""
    return _records_from(path, compression, offset).take(count)


def _records_from(path: Any, compression: Any, offset: Any) -> Any:
    def read(path: Any) -> Any:
        # TensorFlow's Python class takes no offsets.
        variant = tf.raw_ops.TFRecordDatasetV2(
            filenames=[local(path)], compression_type=compression, buffer_size=_BUFFER_BYTES, byte_offsets=[offset]
        )
        return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))

    # With offsets the op cannot be serialized as a dataset of its own, but as part of a function it can. The file is
    # opened several times, and may be gone by now.
    return flat_mapped(opened(path, "skip"), read)


def _find(path: Any) -> tuple[Any, Any, Any]:
    zero = tf.constant(0, tf.int64)
    runs = tf.TensorArray(tf.int64, size=0, dynamic_size=True, element_shape=[3])
    limit = records_before_claim(path)

    def advance(number: Any, offset: Any, index: Any, _: Any, runs: Any) -> tuple[Any, ...]:
        count, size = measure(path, offset, tf.where(limit < 0, limit, limit - index))
        runs = runs.write(number, tf.stack([offset, count, index]))
        following, ended = _step_over(path, offset + size, index + count)
        return number + 1, following, index + count + 1, ended, runs

    start = (tf.constant(0), zero, zero, tf.constant(False), runs)
    *_, runs = tf.while_loop(lambda *state: ~state[3], advance, start, parallel_iterations=1)
    return tuple(tf.unstack(runs.stack(), axis=1))


def _find_compressed(path: Any, compression: Any) -> tuple[Any, Any, Any]:
    """One run: in a compressed file nothing behind a fault can be found."""
    zero = tf.constant(0, tf.int64)
    sound = _records_from(path, compression, zero).ignore_errors(True)
    count = sound.reduce(zero, lambda count, _: count + 1)
    whole = count_compressed(path, compression) == count
    said = tf.cond(whole, lambda: True, lambda: say("the rest of", path, "from record", count))
    with tf.control_dependencies([said]):
        return zero[None], count[None], zero[None]


def count_compressed(path: Any, compression: Any) -> Any:
    """How many records a compressed file has; -1 if it cannot be read to its end."""

    def count(path: Any) -> Any:
        return tf.data.TFRecordDataset(local(path), compression).reduce(
            tf.constant(0, tf.int64), lambda count, _: count + 1
        )

    counted = mapped(tf.data.Dataset.from_tensors(path), count).ignore_errors(True)
    return counted.reduce(tf.constant(-1, tf.int64), lambda _, records: records)


def measure(path: Any, offset: Any, most: Any = -1) -> tuple[Any, Any]:
    """How many sound records follow from `offset` on, `most` of them if it is not -1, and their bytes."""

    def add(total: tuple[Any, Any], record: Any) -> tuple[Any, Any]:
        return total[0] + 1, total[1] + tf.cast(tf.strings.length(record), tf.int64) + FRAME_BYTES

    zero = tf.constant(0, tf.int64)
    records = _records_from(path, PLAIN, offset).take(most).ignore_errors(True)
    counted: tuple[Any, Any] = records.reduce((zero, zero), add)
    return counted


def _step_over(path: Any, offset: Any, index: Any) -> tuple[Any, Any]:
    """Where the frame behind the one at `offset` starts, and whether the file ends before."""
    head = read_bytes(path, offset, _HEADER_BYTES)
    whole = tf.size(head) == _HEADER_BYTES
    words = tf.cast(tf.pad(head, [[0, _HEADER_BYTES - tf.size(head)]]), tf.int64)
    length = tf.reduce_sum(tf.bitwise.left_shift(words[:8], tf.range(0, 64, 8, tf.int64)))
    expected = tf.reduce_sum(tf.bitwise.left_shift(words[8:], tf.range(0, 32, 8, tf.int64)))
    following = offset + FRAME_BYTES + length
    sound = whole & (length >= 0) & (following > offset) & (expected == _masked_crc32c(words[:8]))
    sound &= tf.size(read_bytes(path, tf.maximum(following, 1) - 1, 1)) == 1
    said = tf.cond(
        tf.size(head) == 0,
        lambda: True,
        lambda: tf.cond(
            sound,
            lambda: say("one damaged record of", path, "record", index, "at byte", offset),
            lambda: say("the unreadable rest of", path, "from record", index, "at byte", offset),
        ),
    )
    with tf.control_dependencies([said]):
        return tf.where(sound, following, offset), ~sound


def read_bytes(path: Any, offset: Any, count: int) -> Any:
    """Up to `count` bytes of a plain file, uint8; none behind its end."""

    def read(path: Any) -> Any:
        return tf.data.FixedLengthRecordDataset([local(path)], 1, header_bytes=offset).take(count).ignore_errors()

    rest = flat_mapped(opened(path, "skip"), read)  # it may be gone
    text = rest.reduce(tf.constant(""), lambda text, byte: text + byte)
    return tf.io.decode_raw(text, tf.uint8)


def _masked_crc32c(words: Any) -> Any:
    """The checksum of 8 bytes as TFRecord files store it, in int64."""
    crc = tf.constant(_MASK, tf.int64)
    table = tf.constant(_crc_table())
    for place in range(8):
        low = tf.bitwise.bitwise_and(tf.bitwise.bitwise_xor(crc, words[place]), 0xFF)
        crc = tf.bitwise.bitwise_xor(tf.gather(table, low), tf.bitwise.right_shift(crc, 8))
    crc = tf.bitwise.bitwise_xor(crc, _MASK)
    turned = tf.bitwise.bitwise_or(tf.bitwise.right_shift(crc, 15), tf.bitwise.left_shift(crc, 17))
    return tf.bitwise.bitwise_and(tf.bitwise.bitwise_and(turned, _MASK) + 0xA282EAD8, _MASK)


def _crc_table() -> Any:
    """int64 `[256]`: what each byte does to a crc32c. Source: RFC 3720, appendix B.4."""
    table = np.arange(256, dtype=np.int64)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ _POLYNOMIAL, table >> 1)
    return table


def say(*words: Any) -> Any:
    """An op that says on standard error what was left out."""
    seen = [visible_text(word) if tf.is_tensor(word) and word.dtype == tf.string else word for word in words]
    with tf.control_dependencies([tf.print("lengthwise: left out", *seen)]):
        return tf.constant(False)
