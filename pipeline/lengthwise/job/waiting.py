"""Rows that wait, as they were read, until the lengths of the whole input are known and buckets are planned.

waiting file   the rows of one input file as one Arrow stream, with each row's place and split
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise import files
from lengthwise.job.model import Job, Segment
from lengthwise.records.features import ORDER, spilled_schema

_SPLIT = "##split"


class WaitingWriter:
    """Writes rows as they come."""

    def __init__(self, job: Job, stream: BinaryIO) -> None:
        self._schema = _schema(job)
        self._writer = pa.ipc.new_stream(pa.PythonFile(stream, mode="w"), self._schema)
        self.segments: list[Segment] = []  # none yet

    def add(self, rows: pa.RecordBatch, order: np.ndarray, split: np.ndarray) -> None:
        """Takes rows with their places (uint64) and splits (int32), each `[n]`."""
        columns = {name: rows.column(name) for name in self._schema.names[1:-1]}
        columns |= {ORDER: pa.array(order), _SPLIT: pa.array(split)}
        self._writer.write_batch(pa.RecordBatch.from_pydict(columns, schema=self._schema))

    def flush(self) -> None:
        """Ends the stream."""
        self._writer.close()


def waiting_rows(job: Job, rank: int) -> Iterator[tuple[pa.RecordBatch, np.ndarray, np.ndarray]]:
    """The rows of an input file, with their places (uint64) and splits (int32), each `[n]`."""
    with files.open_binary(waiting_path(job, rank)) as stream:
        for rows in pa.ipc.open_stream(pa.PythonFile(stream, mode="r")):
            yield rows, rows.column(ORDER).to_numpy(), rows.column(_SPLIT).to_numpy()


def waiting_path(job: Job, rank: int) -> str:
    """Where the rows of an input file wait."""
    return job.place("waiting", f"{rank:06d}.arrow")


def _schema(job: Job) -> pa.Schema:
    return spilled_schema(job.config.columns).append(pa.field(_SPLIT, pa.int32()))
