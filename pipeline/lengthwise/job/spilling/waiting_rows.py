"""Rows that wait, as they were read, until buckets are planned, records are numbered and vocabularies are counted.

waiting file   the rows of one piece of the input, and each row's split: record batches (see `records.arrow`), each
               followed by a batch for each column whose vocabulary is counted: what the codes in the rows stand for
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from lengthwise.columns import VocabularyColumn
from lengthwise.job.planning.value_counting import PieceCounts
from lengthwise.job.task_values import Job, Segment
from lengthwise.job.workspace.vocabulary_files import as_given, to_count, vocabulary_columns
from lengthwise.records.arrays.arrow_batches import read_arrow_batch, write_arrow_batch
from lengthwise.records.encoding.example_encoder import list_values
from lengthwise.records.rows.block_rows import Distinct
from lengthwise.records.rows.id_lookup import make_arrow_lookup
from lengthwise.records.rows.row_features import INDEX, ORDER, WINDOW, spilled_schema
from lengthwise.records.statistics.value_counts import SCHEMA, as_counts, counts_of
from lengthwise.rules.looked_up import MISSING
from lengthwise.storage import files

_SPLIT = "##split"


class WaitingWriter:
    """Writes rows as they come, and at the end how often each value is in them whose vocabulary is counted."""

    def __init__(self, job: Job, piece: str, stream: BinaryIO) -> None:
        self._schema = _schema(job)
        self._keys = _keys(job)
        self._stream = stream
        self._counts = PieceCounts(job, piece)
        self.segments: list[Segment] = []  # none yet

    def add(self, rows: pa.RecordBatch, split: np.ndarray, distinct: Mapping[str, Distinct]) -> None:
        """Takes rows with their splits, int32 `[n]`, and what the codes in them stand for."""
        columns = {name: rows.column(name) for name in self._schema.names[:-1]} | {_SPLIT: pa.array(split)}
        write_arrow_batch(self._stream, pa.RecordBatch.from_pydict(columns, schema=self._schema))
        for key in self._keys:
            write_arrow_batch(self._stream, as_counts(distinct[key].values, distinct[key].counts))
        self._counts.add(rows, split, distinct)

    def flush(self) -> None:
        """Writes the counts. No row is kept back."""
        self._counts.finish()


class WaitingRows:
    """The rows of a piece, with ids in place of codes.

    Attributes:
        outside: by key of a column whose vocabulary was counted, how many values of valid records are outside of it.
    """

    def __init__(self, job: Job, piece: str) -> None:
        self._path = waiting_path(job, piece)
        self._schema = _schema(job)
        found = vocabulary_columns(job.config.columns)
        self._ids = {key: _IdsOfCodes(found[key]) for key in _keys(job)}
        self.outside: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Each batch of rows, with their splits, int32 `[n]`."""
        if not files.exists(self._path):  # a remote file without a row
            return
        with files.open_binary(self._path) as stream:
            while (rows := read_arrow_batch(stream, self._schema)) is not None:
                split = rows.column(_SPLIT).to_numpy()
                for key, ids in self._ids.items():
                    counts = read_arrow_batch(stream, SCHEMA)
                    lists, outside = ids.of(rows.column(key), counts)
                    rows = rows.set_column(rows.schema.get_field_index(key), key, lists)
                    self.outside[key] += outside
                yield rows, split


class _IdsOfCodes:
    """The ids of a column whose vocabulary was counted meanwhile."""

    def __init__(self, column: VocabularyColumn) -> None:
        self._lookup = make_arrow_lookup(column)

    def of(self, codes: pa.Array, counts: pa.RecordBatch) -> tuple[pa.Array, int]:
        """Lists of ids, and how many of the counted values are outside the vocabulary."""
        found = self._lookup(counts.column("values"))
        ids = np.append(found.ids, MISSING)[list_values(codes)]  # the missing id is that of no code, -1
        lists = pa.LargeListArray.from_arrays(codes.offsets, pa.array(ids))
        return lists, 0 if found.outside is None else int(counts_of(counts)[found.outside].sum())


def waiting_path(job: Job, piece: str) -> str:
    """Where the rows of a piece wait."""
    return job.place("waiting", f"{piece}.arrow")


def _schema(job: Job) -> pa.Schema:
    origin = [pa.field(INDEX, pa.int64()), pa.field(WINDOW, pa.int32())]
    features = [field for field in spilled_schema(as_given(job).columns) if field.name != ORDER]
    return pa.schema([*origin, *features, pa.field(_SPLIT, pa.int32())])


def _keys(job: Job) -> list[str]:
    """The columns whose vocabularies are counted."""
    return [column.key for columns in to_count(job).values() for column in columns]
