"""Raw TFRecord files -> chunks of serialized records that know where they came from."""

import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import tensorflow as tf

from lengthwise.errors import DataLimitError
from lengthwise.feed.datasets.printable_tensors import visible_text
from lengthwise.feed.datasets.transformations import filtered, flat_mapped, mapped, scanned
from lengthwise.feed.reading.damaged_files import (
    GZIP,
    KINDS,
    PLAIN,
    OnDamage,
    count_compressed,
    measure,
    opened,
    read_bytes,
    read_run,
    say,
    sound_runs,
)
from lengthwise.feed.reading.frame_claims import refuse_first_claim
from lengthwise.feed.reading.remote_files import local
from lengthwise.records.container.compression import Compression, detect_compression
from lengthwise.records.container.decompression import decompressed_size
from lengthwise.records.container.frame_headers import HEADER
from lengthwise.storage import files as file_system


class RawChunk(NamedTuple):
    """Consecutive records.

    Attributes:
        records: string `[n]`, serialized.
        file: int32 `[n]`: the number of each one's file.
        index: int64 `[n]`: its position in the file.
    """

    records: Any
    file: Any
    index: Any


class ListedFile(NamedTuple):
    """A file as it was when reading was planned, as values or as tensors.

    Attributes:
        path: where it is.
        compression: `GZIP`, `ZLIB` or `PLAIN`.
        end: how many bytes of records it has, their frames among them: of a gzip file what it says, modulo 2**32; -1
            of a damaged zlib file.
        size: how many bytes it has itself.
    """

    path: Any
    compression: Any
    end: Any
    size: Any


def list_file(path: str, compression: Literal["auto"] | Compression, on_damage: OnDamage) -> ListedFile:
    """Looks at a file. Zlib files do not say how much is in them: they are decompressed for it.

    Raises:
        DataLimitError: its first record claims to be larger than the file, and damage is not to be skipped.
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


def read_chunks(file: ListedFile, number: Any, on_damage: OnDamage, size: int) -> Any:
    """The records of one file, in chunks of `size`; `number` is the file's.

    What is damaged is an error that names the file, or is left out and said (`skip`), as is what the file had when it
    was listed and has no more. TensorFlow's own error for a damaged record does not name the file. So reading stops
    silently at the chunk where the file breaks, and an empty chunk at the end makes sure that nothing was left to read.
    """
    chunks, check = (_whole(file, size), _check_end) if on_damage == "raise" else (_sound(file, size), _say_missing)
    return _checked(chunks, file, number, check)


def _whole(file: ListedFile, size: int) -> Any:
    """Chunks, and the index of each one's first record, up to the first damage."""

    def read(path: Any) -> Any:
        chunks = tf.data.TFRecordDataset(local(path), file.compression).batch(size).ignore_errors(True)
        return mapped(chunks.enumerate(), lambda place, chunk: (chunk, place * size))

    return flat_mapped(opened(file.path, "raise"), read)


def _sound(file: ListedFile, size: int) -> Any:
    """Chunks, and the index of each one's first record, with what is damaged between them left out."""

    def read(offset: Any, count: Any, index: Any) -> Any:
        records = read_run(file.path, file.compression, offset, count).batch(size)
        return mapped(records.enumerate(), lambda place, chunk: (chunk, index + place * size))

    runs = flat_mapped(opened(file.path, "skip"), lambda path: sound_runs(path, file.compression))
    return flat_mapped(runs, read)


def _checked(chunks: Any, file: ListedFile, number: Any, check: Callable[[ListedFile, Any, Any], Any]) -> Any:
    """The chunks; where fewer or more bytes came than the file had, `check` is called behind the last."""
    zero = tf.constant(0, tf.int64)
    nothing = tf.data.Dataset.from_tensors((tf.zeros([0], tf.string), zero))

    def place(state: Any, element: Any) -> tuple[Any, RawChunk]:
        (read, position), (chunk, index) = state, element
        count = tf.size(chunk, tf.int64)
        here = tf.where(file.compression == GZIP, position % 2**32, position)
        unexpected = (count == 0) & (here != file.end)
        done = tf.cond(unexpected, lambda: check(file, read, position), lambda: tf.constant(True))
        size = tf.reduce_sum(tf.cast(tf.strings.length(chunk), tf.int64)) + 16 * count
        with tf.control_dependencies([done]):
            return (read + count, position + size), _place(chunk, number, index)

    placed = scanned(chunks.concatenate(nothing), (zero, zero), place)
    return filtered(placed, lambda chunk: tf.size(chunk.records) > 0)


def _place(records: Any, number: Any, index: Any) -> RawChunk:
    count = tf.size(records, tf.int64)
    return RawChunk(records, tf.fill([count], number), index + tf.range(count))


def _check_end(file: ListedFile, index: Any, position: Any) -> Any:
    """Fails if the file does not end where reading stopped: it may have grown, or be of several gzip members."""
    zero = tf.constant(0, tf.int64)
    plain = file.compression == PLAIN
    whole = tf.switch_case(
        _kind_of(file),
        [
            lambda: (position > file.end) & (tf.size(read_bytes(file.path, position, 1)) == 0),
            lambda: _is_as_long(file) & (count_compressed(file.path, file.compression) == index),
            lambda: tf.constant(False),
        ],
    )
    more, size = tf.cond(plain & ~whole, lambda: measure(file.path, position), lambda: (zero, zero))
    message = "damaged or cut off; on_damage='skip' leaves out what cannot be read. The file, record and byte:"
    place = [visible_text(file.path), index + more, position + size]
    with tf.control_dependencies([tf.debugging.Assert(whole, [message, *place])]):
        return tf.identity(whole)


def _say_missing(file: ListedFile, _: Any, position: Any) -> Any:
    """Says how much of what the file had is missing. What is damaged in a gzip file has been said before."""
    missing = file.end - position
    return tf.switch_case(
        _kind_of(file),
        [
            lambda: _say_if(missing > 0, missing, "of the", file.end, "bytes of", file.path),
            lambda: _say_if(~_is_as_long(file), "what is missing of the", file.size, "bytes of", file.path),
            lambda: _say_if(
                position >= 0, "what is damaged, cut off or missing of", file.path, "behind byte", position
            ),
        ],
    )


def _say_if(condition: Any, *words: Any) -> Any:
    return tf.cond(condition, lambda: say(*words), lambda: tf.constant(False))


def _kind_of(file: ListedFile) -> Any:
    """0 of a plain file, 1 of a gzip file, 2 of a zlib file."""
    return tf.where(file.compression == PLAIN, 0, tf.where(file.compression == GZIP, 1, 2))


def _is_as_long(file: ListedFile) -> Any:
    """Whether the file is still there, and no shorter than it was."""
    return tf.size(read_bytes(file.path, tf.maximum(file.size, 1) - 1, 1)) == 1
