"""What Arrow's older releases lack (`tfx` holds pyarrow below 19), what numpy does faster, and batches in files.

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
    first: pa.RecordBatch, first_places: np.ndarray, second: pa.RecordBatch, second_places: np.ndarray
) -> tuple[pa.RecordBatch, np.ndarray]:
    """The rows of both in the order of their places (int64, increasing in each); and all places."""
    places = np.concatenate([first_places, second_places])
    order = np.argsort(places, kind="stable")
    parts = []
    for run in np.split(order, np.flatnonzero((np.diff(order) != 1) | (order[1:] == len(first_places))) + 1):
        start, batch = (int(run[0]), first) if run[0] < len(first_places) else (int(run[0]) - len(first_places), second)
        parts.append(batch.slice(start, len(run)))
    return concat_batches(parts), places.take(order)


def take_rows(rows: pa.RecordBatch, places: np.ndarray) -> pa.RecordBatch:
    """The rows at these places (int64), as `RecordBatch.take` gives them, without nulls: lists of numbers by numpy."""
    numbers = pa.array(places)
    taken: list[pa.Array] = []
    known: tuple[np.ndarray, np.ndarray, pa.Array] | None = None  # features of one width are cut alike
    for column in rows.columns:
        if not pa.types.is_large_list(column.type) or not pa.types.is_primitive(column.type.value_type):
            taken.append(column.take(numbers))
            continue
        offsets = column.offsets.to_numpy()
        if known is None or not np.array_equal(offsets, known[0]):
            counts = np.diff(offsets).take(places)
            known = offsets, ranges(offsets.take(places), counts), pa.array(offsets_of(counts))
        values = column.values.to_numpy(zero_copy_only=False).take(known[1])
        taken.append(pa.LargeListArray.from_arrays(known[2], pa.array(values)))
    return pa.RecordBatch.from_arrays(taken, schema=rows.schema)
