"""Reading after damaged records: which ranges of a TFRecord file are valid.

TensorFlow's reader drops the rest of a file after its first damaged record. Here the file is read once before, up to
each damage; a damaged record whose length is valid (it has a separate checksum) is skipped, as in the offline job. Only
for `on_damage="skip"`: files are read twice.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.feed.datasets.printable_tensors import print_words
from lengthwise.feed.datasets.transformations import flat_mapped, mapped
from lengthwise.feed.options.reader_options import OnDamage
from lengthwise.feed.reading.frame_claims import FRAME_BYTES, records_before_claim
from lengthwise.feed.reading.remote_files import local_path
from lengthwise.records.container.compression import Compression
from lengthwise.records.container.frame_headers import HEADER
from lengthwise.tensor.tensor_types import Dataset, Tensor, TensorLike

GZIP, ZLIB, PLAIN = "GZIP", "ZLIB", ""
KINDS: dict[Compression, str] = {"gzip": GZIP, "zlib": ZLIB, "none": PLAIN}
"""TensorFlow's names of the compressions."""

_BUFFER_BYTES = 2**18
_POLYNOMIAL = 0x82F63B78  # of crc32c, reflected
_MASK = 0xFFFFFFFF


def openable_path(path: Tensor, on_damage: OnDamage) -> Dataset:
    """A dataset of the path: an error if the file cannot be opened; with `skip`, empty.

    `ignore_errors` on a reader that cannot open its file retries forever. So the file is opened before, and with `skip`
    once, in a function: this takes milliseconds, because TensorFlow prepares a dataset there as if it were large.
    """
    if on_damage == "raise":
        first_byte = tf.data.FixedLengthRecordDataset([local_path(path)], 1, buffer_size=16).take(1)
        any_byte = first_byte.concatenate(tf.data.Dataset.from_tensors("")).take(1)
        return mapped(any_byte, lambda _: path)

    def touch(path: Tensor) -> Tensor:
        first_byte = tf.data.FixedLengthRecordDataset([local_path(path)], 1).take(1)
        size = first_byte.reduce(tf.constant(0), lambda count, _: count + 1)
        return tf.where(size >= 0, path, "")  # always the path, which the optimizer must not detect

    return mapped(tf.data.Dataset.from_tensors(path), touch).ignore_errors(True)


def valid_ranges(path: Tensor, compression: Tensor) -> Dataset:
    """A dataset of the file's valid ranges: (byte of the first record, number of records, index of the first record).

    The data between them is reported on standard error.
    """

    def find(path: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return tf.cond(compression == PLAIN, lambda: _find(path), lambda: _find_compressed(path, compression))

    ranges = mapped(tf.data.Dataset.from_tensors(path), find)
    return flat_mapped(ranges, lambda *columns: tf.data.Dataset.from_tensor_slices(columns))


def read_range(path: Tensor, compression: Tensor, offset: Tensor, count: Tensor) -> Dataset:
    """The records of a valid range."""
    return _records_from(path, compression, offset).take(count)


def _records_from(path: Tensor, compression: Tensor, offset: Tensor) -> Dataset:
    def read(path: Tensor) -> Dataset:
        # TensorFlow's Python class does not support offsets.
        variant = tf.raw_ops.TFRecordDatasetV2(
            filenames=[local_path(path)], compression_type=compression, buffer_size=_BUFFER_BYTES, byte_offsets=[offset]
        )
        return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))

    # With offsets the op can be serialized only inside a function, not as a separate dataset. The file is opened
    # several times, and may no longer exist.
    return flat_mapped(openable_path(path, "skip"), read)


def _find(path: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    zero = tf.constant(0, tf.int64)
    ranges = tf.TensorArray(tf.int64, size=0, dynamic_size=True, element_shape=[3])
    limit = records_before_claim(path)

    def advance(number: Tensor, offset: Tensor, index: Tensor, _: Tensor, ranges: tf.TensorArray) -> tuple[Tensor, ...]:
        count, size = count_valid_records(path, offset, tf.where(limit < 0, limit, limit - index))
        ranges = ranges.write(number, tf.stack([offset, count, index]))
        following, ended = _step_over(path, offset + size, index + count)
        return number + 1, following, index + count + 1, ended, ranges

    start = (tf.constant(0), zero, zero, tf.constant(False), ranges)
    *_, ranges = tf.while_loop(lambda *state: ~state[3], advance, start, parallel_iterations=1)
    return tuple(tf.unstack(ranges.stack(), axis=1))


def _find_compressed(path: Tensor, compression: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A single range: in a compressed file, nothing after damage can be read."""
    zero = tf.constant(0, tf.int64)
    readable = _records_from(path, compression, zero).ignore_errors(True)
    count = readable.reduce(zero, lambda count, _: count + 1)
    incomplete = count_compressed(path, compression) != count
    with tf.control_dependencies([report_skipped(incomplete, "the rest of", path, "from record", count)]):
        return zero[None], count[None], zero[None]


def count_compressed(path: Tensor, compression: Tensor) -> Tensor:
    """The number of records of a compressed file; -1 if it cannot be read completely."""

    def count(path: Tensor) -> Tensor:
        return tf.data.TFRecordDataset(local_path(path), compression).reduce(
            tf.constant(0, tf.int64), lambda count, _: count + 1
        )

    counted = mapped(tf.data.Dataset.from_tensors(path), count).ignore_errors(True)
    return counted.reduce(tf.constant(-1, tf.int64), lambda _, records: records)


def count_valid_records(path: Tensor, offset: Tensor, limit: Tensor | int = -1) -> tuple[Tensor, Tensor]:
    """The number of consecutive valid records from `offset`, at most `limit` unless it is -1, and their bytes."""

    def add(total: tuple[Tensor, Tensor], record: Tensor) -> tuple[Tensor, Tensor]:
        return total[0] + 1, total[1] + tf.cast(tf.strings.length(record), tf.int64) + FRAME_BYTES

    zero = tf.constant(0, tf.int64)
    records = _records_from(path, PLAIN, offset).take(limit).ignore_errors(True)
    counted: tuple[Tensor, Tensor] = records.reduce((zero, zero), add)
    return counted


def _step_over(path: Tensor, offset: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """The start of the frame after the frame at `offset`, and whether the file ends before."""
    head = read_plain_bytes(path, offset, HEADER.size)
    whole = tf.size(head) == HEADER.size
    header = tf.pad(head, [[0, HEADER.size - tf.size(head)]])
    length, checksum = tf.bitcast(header[:8], tf.int64), tf.bitcast(header[8:12], tf.uint32)
    following = offset + FRAME_BYTES + length
    valid = whole & (length >= 0) & (following > offset) & (tf.cast(checksum, tf.int64) == _masked_crc32c(header[:8]))
    valid &= tf.size(read_plain_bytes(path, tf.maximum(following, 1) - 1, 1)) == 1
    position = ("record", index, "at byte", offset)
    reported = [
        report_skipped(valid, "one damaged record of", path, *position),
        report_skipped(~valid & (tf.size(head) > 0), "the unreadable rest of", path, "from", *position),
    ]
    with tf.control_dependencies(reported):
        return tf.where(valid, following, offset), ~valid


def read_plain_bytes(path: Tensor, offset: Tensor, count: int) -> Tensor:
    """Up to `count` bytes of an uncompressed file, uint8; empty after its end."""

    def read(path: Tensor) -> Dataset:
        return tf.data.FixedLengthRecordDataset([local_path(path)], 1, header_bytes=offset).take(count).ignore_errors()

    rest = flat_mapped(openable_path(path, "skip"), read)  # it may no longer exist
    text = rest.reduce(tf.constant(""), lambda text, byte: text + byte)
    return tf.io.decode_raw(text, tf.uint8)


def _masked_crc32c(data: Tensor) -> Tensor:
    """The checksum of 8 bytes, uint8, as stored in TFRecord files, as int64."""
    crc = tf.constant(_MASK, tf.int64)
    table = tf.constant(_crc_table())
    for byte in tf.unstack(tf.cast(data, tf.int64), 8):
        low = tf.bitwise.bitwise_and(tf.bitwise.bitwise_xor(crc, byte), 0xFF)
        crc = tf.bitwise.bitwise_xor(tf.gather(table, low), tf.bitwise.right_shift(crc, 8))
    crc = tf.bitwise.bitwise_xor(crc, _MASK)
    rotated = tf.bitwise.bitwise_or(tf.bitwise.right_shift(crc, 15), tf.bitwise.left_shift(crc, 17))
    return tf.bitwise.bitwise_and(tf.bitwise.bitwise_and(rotated, _MASK) + 0xA282EAD8, _MASK)


def _crc_table() -> npt.NDArray[np.int64]:
    """int64 `[256]`: the crc32c table. Source: RFC 3720, appendix B.4."""
    table = np.arange(256, dtype=np.int64)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ _POLYNOMIAL, table >> 1)
    return table


def report_skipped(when: Tensor, *words: TensorLike) -> Tensor:
    """An op that reports skipped data on standard error if `when`, bool `[]`, is true."""
    return print_words(when, "lengthwise: skipped", *words)
