"""Rows that wait, in their order of reading, until buckets are planned, records numbered and vocabularies counted.

waiting file   the rows of one piece of the input, with each row's split: record batches (see `records.arrays`). Each is
               followed by a batch for each column whose vocabulary is counted: the values that its codes represent
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise.job.planning.value_counting import PieceCounts
from lengthwise.job.task_values import Job, Segment
from lengthwise.job.workspace.vocabulary_files import as_given, to_count, vocabulary_columns
from lengthwise.records.arrays.arrow_batches import read_arrow_batch, write_arrow_batch
from lengthwise.records.arrays.arrow_lists import list_values
from lengthwise.records.rows.block_rows import Distinct
from lengthwise.records.rows.id_lookup import make_arrow_lookup
from lengthwise.records.rows.row_features import INDEX, ORDER, WINDOW, spilled_schema
from lengthwise.records.statistics.value_counts import SCHEMA, as_counts, counts_of
from lengthwise.rules.looked_up import MISSING, LookedUp
from lengthwise.storage import files

_SPLIT = "##split"


class WaitingWriter:
    """Writes rows in their order of reading, and at the end the counts of values whose vocabulary is counted."""

    def __init__(self, job: Job, piece: str, stream: BinaryIO) -> None:
        self._schema = _schema(job)
        self._keys = _keys(job)
        self._stream = stream
        self._counts = PieceCounts(job, piece)
        self.segments: list[Segment] = []  # none yet

    def add(self, rows: pa.RecordBatch, split: np.ndarray, distinct: Mapping[str, Distinct]) -> None:
        """Adds rows with their splits, int32 `[n]`, and the values that their codes represent."""
        columns = {name: rows.column(name) for name in self._schema.names[:-1]} | {_SPLIT: pa.array(split)}
        write_arrow_batch(self._stream, pa.RecordBatch.from_pydict(columns, schema=self._schema))
        for key in self._keys:
            write_arrow_batch(self._stream, as_counts(distinct[key].values, distinct[key].counts))
        self._counts.add(rows, split, distinct)

    def flush(self) -> None:
        """Writes the counts. All rows are written already."""
        self._counts.finish()


class WaitingRows:
    """The rows of a piece, with ids in place of codes.

    Attributes:
        outside: by key of a column whose vocabulary was counted, the number of values outside it in valid records.
    """

    def __init__(self, job: Job, piece: str) -> None:
        self._path = waiting_path(job, piece)
        self._schema = _schema(job)
        columns = vocabulary_columns(job.config.columns)
        self._lookups = {key: make_arrow_lookup(columns[key]) for key in _keys(job)}
        self.outside: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Each batch of rows, with their splits, int32 `[n]`."""
        if not files.exists(self._path):  # a remote file without a row
            return
        with files.open_binary(self._path) as stream:
            while (rows := read_arrow_batch(stream, self._schema)) is not None:
                split = rows.column(_SPLIT).to_numpy()
                for key, look_up in self._lookups.items():
                    lists, outside = _as_ids(look_up, rows.column(key), read_arrow_batch(stream, SCHEMA))
                    rows = rows.set_column(rows.schema.get_field_index(key), key, lists)
                    self.outside[key] += outside
                yield rows, split


def _as_ids(
    look_up: Callable[[pa.Array], LookedUp[np.ndarray]], codes: pa.Array, counts: pa.RecordBatch
) -> tuple[pa.Array, int]:
    """Lists of ids in place of lists of codes, and the number of counted values outside the vocabulary."""
    looked_up = look_up(counts.column("values"))
    ids = np.append(looked_up.ids, MISSING)[list_values(codes)]  # the code -1 becomes the missing id
    outside = 0
    if looked_up.outside is not None:
        outside = int(counts_of(counts)[looked_up.outside].sum())
    return pa.LargeListArray.from_arrays(codes.offsets, pa.array(ids)), outside


def waiting_path(job: Job, piece: str) -> str:
    """The file with the waiting rows of a piece."""
    return job.work_path("waiting", f"{piece}.arrow")


def _schema(job: Job) -> pa.Schema:
    origin = [pa.field(INDEX, pa.int64()), pa.field(WINDOW, pa.int32())]
    features = [field for field in spilled_schema(as_given(job).columns) if field.name != ORDER]
    return pa.schema([*origin, *features, pa.field(_SPLIT, pa.int32())])


def _keys(job: Job) -> list[str]:
    """The columns whose vocabularies are counted."""
    return [column.key for columns in to_count(job).values() for column in columns]
