"""Rows that wait, as they were read, until buckets are planned and records are numbered.

waiting file   the rows of one piece of the input, and each row's split: Arrow record batches, each after its size
size           int64: the bytes of a serialized batch
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise import files
from lengthwise.job.model import Job, Segment
from lengthwise.records.features import INDEX, ORDER, WINDOW, spilled_schema

_SPLIT = "##split"
_SIZE = struct.Struct("<q")


class WaitingWriter:
    """Writes rows as they come."""

    def __init__(self, job: Job, stream: BinaryIO) -> None:
        self._schema = _schema(job)
        self._stream = stream
        self.segments: list[Segment] = []  # none yet

    def add(self, rows: pa.RecordBatch, split: np.ndarray) -> None:
        """Takes rows with their splits, int32 `[n]`."""
        columns = {name: rows.column(name) for name in self._schema.names[:-1]} | {_SPLIT: pa.array(split)}
        content = pa.RecordBatch.from_pydict(columns, schema=self._schema).serialize()
        self._stream.write(_SIZE.pack(content.size))
        self._stream.write(content)

    def flush(self) -> None:
        """Does nothing: no row is kept back."""


def waiting_rows(job: Job, piece: str) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """The rows of a piece, with their splits, int32 `[n]`."""
    schema = _schema(job)
    path = waiting_path(job, piece)
    if not files.exists(path):  # a remote file without a row
        return
    with files.open_binary(path) as stream:
        while size := stream.read(_SIZE.size):
            rows = pa.ipc.read_record_batch(pa.py_buffer(stream.read(*_SIZE.unpack(size))), schema)
            yield rows, rows.column(_SPLIT).to_numpy()


def waiting_path(job: Job, piece: str) -> str:
    """Where the rows of a piece wait."""
    return job.place("waiting", f"{piece}.arrow")


def _schema(job: Job) -> pa.Schema:
    origin = [pa.field(INDEX, pa.int64()), pa.field(WINDOW, pa.int32())]
    features = [field for field in spilled_schema(job.config.columns) if field.name != ORDER]
    return pa.schema([*origin, *features, pa.field(_SPLIT, pa.int32())])
