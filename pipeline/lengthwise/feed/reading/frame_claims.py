"""Records that claim more bytes than their file has: found before TensorFlow asks for that much memory, and crashes.

Only the frames' headers are looked at, and only of plain files: compressed ones are taken piece by piece.
"""

import os
from collections.abc import Iterable
from typing import Any, BinaryIO

import tensorflow as tf

from lengthwise.errors import DatasetError, LengthwiseError
from lengthwise.feed.datasets.process_functions import ProcessFunction
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.reading.remote_files import local
from lengthwise.records.container.frame_headers import HEADER, is_header, length_checksum
from lengthwise.storage import files

_FRAME_BYTES = 16
_BUFFER_BYTES = 2**16
_ALL = -1
_TOKEN = "lengthwise: a worker that looks for damaged headers is started by `lengthwise serve worker`"


def refuse_first_claim(path: str, head: bytes, size: int, error: type[LengthwiseError]) -> None:
    """Raises the error if a plain file of that size starts with the header of a larger record."""
    if is_header(head) and HEADER.unpack_from(head)[0] + _FRAME_BYTES > size:
        length = HEADER.unpack_from(head)[0]
        raise error(
            f"{path}: record 0 at byte 0 is damaged or cut off: expected {length:,} bytes, as its header says, in a "
            f"file of {size:,}; on_damage='skip' leaves out what cannot be read"
        )


def refuse_first_claims(paths: Iterable[str]) -> None:
    """Raises `DatasetError` for the first of these plain shards that starts so; remote and missing ones are left."""
    for path in paths:
        if not files.is_remote(path) and os.path.isfile(path):
            with open(path, "rb") as stream:
                refuse_first_claim(path, stream.read(HEADER.size), os.fstat(stream.fileno()).st_size, DatasetError)


def records_before_claim(path: Any) -> Any:
    """How many records of a plain file come before one that is larger than the file's rest, int64; -1 for no such one.

    So it is, too, where that cannot be found out: of remote files that TensorFlow reads itself, and in a worker of a
    tf.data service that does not know the function.
    """

    def walk(path: Any) -> Any:
        [count] = _WALK(local(path))
        return count

    walked = mapped(tf.data.Dataset.from_tensors(path), walk).ignore_errors()
    return walked.reduce(tf.constant(_ALL, tf.int64), lambda _, count: count)


def _walk(path: bytes) -> list[int]:
    place = os.fsdecode(path)
    if files.is_remote(place):
        return [_ALL]
    with open(place, "rb", _BUFFER_BYTES) as stream:
        return [_count(stream, os.fstat(stream.fileno()).st_size)]


def _count(stream: BinaryIO, size: int) -> int:
    start = count = 0
    while len(head := stream.read(HEADER.size)) == HEADER.size:
        length, checksum = HEADER.unpack(head)
        if length_checksum(length) != checksum:
            return _ALL  # here TensorFlow stops
        start += length + _FRAME_BYTES
        if start > size:
            return count
        stream.seek(start)
        count += 1
    return _ALL


_WALK = ProcessFunction(_TOKEN, _walk, [tf.int64])
