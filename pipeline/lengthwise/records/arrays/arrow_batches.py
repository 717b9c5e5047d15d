"""Operations on record batches that older releases of Arrow lack (`tfx` needs pyarrow below 19) or numpy does faster.

file   record batches, each after its size
size   int64: the bytes of a serialized batch
"""

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise.records.arrays.arrow_steps import offsets_of, ranges

_SIZE = struct.Struct("<q")


def write_arrow_batch(stream: BinaryIO, batch: pa.RecordBatch) -> None:
    """Appends a batch to a file."""
    content = batch.serialize()
    stream.write(_SIZE.pack(content.size))
    stream.write(content)


def read_arrow_batch(stream: BinaryIO, schema: pa.Schema) -> pa.RecordBatch | None:
    """The next batch of a file, of that schema; None at its end."""
    size = stream.read(_SIZE.size)
    return pa.ipc.read_record_batch(pa.py_buffer(stream.read(*_SIZE.unpack(size))), schema) if size else None


def concat_batches(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of all batches in one, as `pyarrow.concat_batches` does from release 19 on; at least one batch."""
    schema = batches[0].schema
    columns = [pa.concat_arrays([batch.column(i) for batch in batches]) for i in range(len(schema))]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def merge_batches(
    first: pa.RecordBatch, first_positions: np.ndarray, second: pa.RecordBatch, second_positions: np.ndarray
) -> tuple[pa.RecordBatch, np.ndarray]:
    """The rows of both in the order of their positions (int64, increasing in each); and all positions."""
    positions = np.concatenate([first_positions, second_positions])
    order = np.argsort(positions, kind="stable")
    if len(order) == 0:
        return first, positions
    parts = []
    for run in np.split(order, np.flatnonzero((np.diff(order) != 1) | (order[1:] == len(first_positions))) + 1):
        start, batch = (
            (int(run[0]), first) if run[0] < len(first_positions) else (int(run[0]) - len(first_positions), second)
        )
        parts.append(batch.slice(start, len(run)))
    return concat_batches(parts), positions.take(order)


def take_rows(rows: pa.RecordBatch, positions: np.ndarray) -> pa.RecordBatch:
    """The rows at these positions (int64), as by `RecordBatch.take`, without nulls; lists of numbers by numpy."""
    numbers = pa.array(positions)
    columns: list[pa.Array] = []
    previous: tuple[np.ndarray, np.ndarray, pa.Array] | None = None  # features of one width have the same offsets
    for column in rows.columns:
        if not pa.types.is_large_list(column.type) or not pa.types.is_primitive(column.type.value_type):
            columns.append(column.take(numbers))
            continue
        offsets = column.offsets.to_numpy()
        if previous is None or not np.array_equal(offsets, previous[0]):
            counts = np.diff(offsets).take(positions)
            previous = offsets, ranges(offsets.take(positions), counts), pa.array(offsets_of(counts))
        values = column.values.to_numpy(zero_copy_only=False).take(previous[1])
        columns.append(pa.LargeListArray.from_arrays(previous[2], pa.array(values)))
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)
