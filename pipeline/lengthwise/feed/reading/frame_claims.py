"""Records that claim more bytes than their file has: detected before TensorFlow allocates that memory and crashes.

Only the headers of frames are read, and only in uncompressed files: compressed files are read in small pieces.
"""

import os
from collections.abc import Iterable
from typing import BinaryIO

import tensorflow as tf

from lengthwise.errors import DatasetError, LengthwiseError
from lengthwise.feed.datasets.process_functions import ProcessFunction
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.reading.remote_files import local_path
from lengthwise.records.container.frame_headers import DATA_CHECKSUM, HEADER, is_header, length_checksum
from lengthwise.storage import files
from lengthwise.tensor.tensor_types import Tensor

FRAME_BYTES = HEADER.size + DATA_CHECKSUM.size
"""The bytes of a record's frame without its data."""

_BUFFER_BYTES = 2**16
_ALL = -1
_TOKEN = "lengthwise: a worker that checks record headers must be started by `lengthwise serve worker`"


def refuse_first_claim(path: str, head: bytes, size: int, error: type[LengthwiseError]) -> None:
    """Raises the error if an uncompressed file of this size starts with the header of a larger record."""
    if is_header(head) and HEADER.unpack_from(head)[0] + FRAME_BYTES > size:
        length = HEADER.unpack_from(head)[0]
        raise error(
            f"{path}: record 0 at byte 0 is damaged or truncated: its header states {length:,} bytes, in a file of "
            f"{size:,}; on_damage='skip' skips unreadable data"
        )


def refuse_first_claims(paths: Iterable[str]) -> None:
    """Raises `DatasetError` for the first such uncompressed shard; remote and missing files are ignored."""
    for path in paths:
        if not files.is_remote(path) and os.path.isfile(path):
            with open(path, "rb") as stream:
                refuse_first_claim(path, stream.read(HEADER.size), os.fstat(stream.fileno()).st_size, DatasetError)


def records_before_claim(path: Tensor) -> Tensor:
    """The number of records of an uncompressed file before a record that is larger than the rest, int64; -1 if none is.

    It is also -1 if this cannot be determined: for remote files that TensorFlow reads itself, and in a worker of a
    tf.data service in which the function is not registered.
    """

    def walk(path: Tensor) -> Tensor:
        [count] = _WALK(local_path(path))
        return count

    walked = mapped(tf.data.Dataset.from_tensors(path), walk).ignore_errors()
    return walked.reduce(tf.constant(_ALL, tf.int64), lambda _, count: count)


def _walk(path: bytes) -> list[int]:
    name = os.fsdecode(path)
    if files.is_remote(name):
        return [_ALL]
    with open(name, "rb", _BUFFER_BYTES) as stream:
        return [_count(stream, os.fstat(stream.fileno()).st_size)]


def _count(stream: BinaryIO, size: int) -> int:
    start = count = 0
    while len(head := stream.read(HEADER.size)) == HEADER.size:
        length, checksum = HEADER.unpack(head)
        if length_checksum(length) != checksum:
            return _ALL  # TensorFlow stops here
        start += length + FRAME_BYTES
        if start > size:
            return count
        stream.seek(start)
        count += 1
    return _ALL


_WALK = ProcessFunction(_TOKEN, _walk, [tf.int64])
