"""Rows that wait, as they were read, until the lengths of the whole input are known and buckets are planned.

waiting file   the rows of one input file, with each row's place and split: Arrow record batches, each after its size
size           int64: the bytes of a serialized batch
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise import files
from lengthwise.job.model import Job, Segment
from lengthwise.records.features import ORDER, spilled_schema

_SPLIT = "##split"
_SIZE = struct.Struct("<q")


class WaitingWriter:
    """Writes rows as they come."""

    def __init__(self, job: Job, stream: BinaryIO) -> None:
        self._schema = _schema(job)
        self._stream = stream
        self.segments: list[Segment] = []  # none yet

    def add(self, rows: pa.RecordBatch, order: np.ndarray, split: np.ndarray) -> None:
        """Takes rows with their places (uint64) and splits (int32), each `[n]`."""
        columns = {name: rows.column(name) for name in self._schema.names[1:-1]}
        columns |= {ORDER: pa.array(order), _SPLIT: pa.array(split)}
        content = pa.RecordBatch.from_pydict(columns, schema=self._schema).serialize()
        self._stream.write(_SIZE.pack(content.size))
        self._stream.write(content)

    def flush(self) -> None:
        """Does nothing: no row is kept back."""


def waiting_rows(job: Job, rank: int) -> Iterator[tuple[pa.RecordBatch, np.ndarray, np.ndarray]]:
    """The rows of an input file, with their places (uint64) and splits (int32), each `[n]`."""
    schema = _schema(job)
    path = waiting_path(job, rank)
    if not files.exists(path):  # a remote file without a row
        return
    with files.open_binary(path) as stream:
        while size := stream.read(_SIZE.size):
            rows = pa.ipc.read_record_batch(pa.py_buffer(stream.read(*_SIZE.unpack(size))), schema)
            yield rows, rows.column(ORDER).to_numpy(), rows.column(_SPLIT).to_numpy()


def waiting_path(job: Job, rank: int) -> str:
    """Where the rows of an input file wait."""
    return job.place("waiting", f"{rank:06d}.arrow")


def _schema(job: Job) -> pa.Schema:
    return spilled_schema(job.config.columns).append(pa.field(_SPLIT, pa.int32()))
