"""What Arrow's older releases lack: `tfx` holds pyarrow below 19."""

from collections.abc import Sequence

import pyarrow as pa


def concat_batches(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of all batches in one, as `pyarrow.concat_batches` does from release 19 on; at least one batch."""
    schema = batches[0].schema
    columns = [pa.concat_arrays([batch.column(i) for batch in batches]) for i in range(len(schema))]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
