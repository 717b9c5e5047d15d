"""Raw TFRecord files -> chunks of serialized records with their file and position."""

import os
from collections.abc import Callable
from typing import Literal, NamedTuple

import tensorflow as tf

from lengthwise.errors import DataLimitError
from lengthwise.feed.datasets.printable_tensors import visible_text
from lengthwise.feed.datasets.transformations import filtered, flat_mapped, mapped, scanned
from lengthwise.feed.options.reader_options import OnDamage
from lengthwise.feed.reading.damaged_files import (
    GZIP,
    KINDS,
    PLAIN,
    count_compressed,
    count_valid_records,
    openable_path,
    read_plain_bytes,
    read_range,
    report_skipped,
    valid_ranges,
)
from lengthwise.feed.reading.frame_claims import FRAME_BYTES, refuse_first_claim
from lengthwise.feed.reading.remote_files import local_path
from lengthwise.records.container.compression import Compression, detect_compression
from lengthwise.records.container.decompression import decompressed_size
from lengthwise.records.container.frame_headers import HEADER
from lengthwise.storage import files as file_system
from lengthwise.tensor.tensor_types import Dataset, Tensor


class RawChunk(NamedTuple):
    """Consecutive records.

    Attributes:
        records: string `[n]`, serialized.
        file: int32 `[n]`: the number of each record's file.
        index: int64 `[n]`: its position in the file.
    """

    records: Tensor
    file: Tensor
    index: Tensor


class ListedFile(NamedTuple):
    """A file in its state when the dataset was built, as values or as tensors.

    Attributes:
        path: of the file.
        compression: `GZIP`, `ZLIB` or `PLAIN`.
        end: the bytes of its records with their frames: for a gzip file as it states, modulo 2**32; -1 for a damaged
            zlib file.
        size: the bytes of the file itself.
    """

    path: Tensor | str
    compression: Tensor | str
    end: Tensor | int
    size: Tensor | int


def list_file(path: str, compression: Literal["auto"] | Compression, on_damage: OnDamage) -> ListedFile:
    """Determines a file's compression and sizes. Zlib files do not state their content's size: they are decompressed.

    Raises:
        DataLimitError: its first record claims to be larger than the file, and `on_damage` is `raise`.
    """
    with file_system.open_binary(path) as stream:
        head = stream.read(HEADER.size)
        kind = detect_compression(head) if compression == "auto" else compression
        size = stream.seek(0, os.SEEK_END)
        end = size
        if on_damage == "raise":
            refuse_first_claim(path, head, size, DataLimitError)
        if kind == "gzip":
            stream.seek(max(size - 4, 0))
            end = int.from_bytes(stream.read(4), "little")
        elif kind == "zlib":
            stream.seek(0)
            end = decompressed_size(stream, kind)
    return ListedFile(path, KINDS[kind], end, size)


def read_chunks(file: ListedFile, number: Tensor, on_damage: OnDamage, size: int) -> Dataset:
    """The records of one file, in chunks of `size`; `number` is the number of the file.

    Damage is an error that names the file, or is skipped and reported (`skip`), as is data that the file had when it
    was listed and no longer has. TensorFlow's own error for a damaged record does not name the file. So reading stops
    silently at the first damaged chunk, and an empty chunk at the end checks that the file was read completely.
    """
    if on_damage == "raise":
        return _checked(_up_to_damage(file, size), file, number, _check_end)
    return _checked(_between_damage(file, size), file, number, _report_missing)


def _up_to_damage(file: ListedFile, size: int) -> Dataset:
    """Chunks with the index of the first record of each, up to the first damage."""

    def read(path: Tensor) -> Dataset:
        chunks = tf.data.TFRecordDataset(local_path(path), file.compression).batch(size).ignore_errors(True)
        return mapped(chunks.enumerate(), lambda number, chunk: (chunk, number * size))

    return flat_mapped(openable_path(file.path, "raise"), read)


def _between_damage(file: ListedFile, size: int) -> Dataset:
    """Chunks with the index of the first record of each, without the damaged data between them."""

    def read(offset: Tensor, count: Tensor, index: Tensor) -> Dataset:
        records = read_range(file.path, file.compression, offset, count).batch(size)
        return mapped(records.enumerate(), lambda number, chunk: (chunk, index + number * size))

    ranges = flat_mapped(openable_path(file.path, "skip"), lambda path: valid_ranges(path, file.compression))
    return flat_mapped(ranges, read)


def _checked(
    chunks: Dataset, file: ListedFile, number: Tensor, check: Callable[[ListedFile, Tensor, Tensor], Tensor]
) -> Dataset:
    """The chunks; if their bytes differ from the file's, `check` is called after the last chunk."""
    zero = tf.constant(0, tf.int64)
    nothing = tf.data.Dataset.from_tensors((tf.zeros([0], tf.string), zero))

    def locate(state: tuple[Tensor, Tensor], element: tuple[Tensor, Tensor]) -> tuple[tuple[Tensor, Tensor], RawChunk]:
        (read, position), (chunk, index) = state, element
        count = tf.size(chunk, tf.int64)
        here = tf.where(file.compression == GZIP, position % 2**32, position)
        unexpected = (count == 0) & (here != file.end)
        done = tf.cond(unexpected, lambda: check(file, read, position), lambda: tf.constant(True))
        size = tf.reduce_sum(tf.cast(tf.strings.length(chunk), tf.int64)) + FRAME_BYTES * count
        with tf.control_dependencies([done]):
            return (read + count, position + size), _located(chunk, number, index)

    placed = scanned(chunks.concatenate(nothing), (zero, zero), locate)
    return filtered(placed, lambda chunk: tf.size(chunk.records) > 0)


def _located(records: Tensor, number: Tensor, index: Tensor) -> RawChunk:
    count = tf.size(records, tf.int64)
    return RawChunk(records, tf.fill([count], number), index + tf.range(count))


def _check_end(file: ListedFile, index: Tensor, position: Tensor) -> Tensor:
    """Fails unless the file ends where reading stopped: it may have grown, or have several gzip members."""
    zero = tf.constant(0, tf.int64)
    plain = file.compression == PLAIN
    whole = tf.switch_case(
        _kind_of(file),
        [
            lambda: (position > file.end) & (tf.size(read_plain_bytes(file.path, position, 1)) == 0),
            lambda: _is_as_long(file) & (count_compressed(file.path, file.compression) == index),
            lambda: tf.constant(False),
        ],
    )
    more, size = tf.cond(plain & ~whole, lambda: count_valid_records(file.path, position), lambda: (zero, zero))
    message = "damaged or truncated; on_damage='skip' skips unreadable data. The file, record and byte:"
    location = [visible_text(file.path), index + more, position + size]
    with tf.control_dependencies([tf.debugging.Assert(whole, [message, *location])]):
        return tf.identity(whole)


def _report_missing(file: ListedFile, _: Tensor, position: Tensor) -> Tensor:
    """Reports how much of the file's data is missing. Damage in a gzip file was reported before."""
    missing = file.end - position
    return tf.switch_case(
        _kind_of(file),
        [
            lambda: report_skipped(missing > 0, missing, "of the", file.end, "bytes of", file.path),
            lambda: report_skipped(~_is_as_long(file), "bytes missing of the", file.size, "bytes of", file.path),
            lambda: report_skipped(
                position >= 0, "damaged, truncated or missing data in", file.path, "after byte", position
            ),
        ],
    )


def _kind_of(file: ListedFile) -> Tensor:
    """0 for an uncompressed file, 1 for gzip, 2 for zlib."""
    return tf.where(file.compression == PLAIN, 0, tf.where(file.compression == GZIP, 1, 2))


def _is_as_long(file: ListedFile) -> Tensor:
    """Whether the file still exists and is not shorter than before."""
    return tf.size(read_plain_bytes(file.path, tf.maximum(file.size, 1) - 1, 1)) == 1
