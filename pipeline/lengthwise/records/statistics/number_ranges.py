"""The smallest and the largest finite number of each numeric feature, and these numbers in rows."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import AnyColumn, context_features, id_features
from lengthwise.records.arrays.arrow_lists import list_values
from lengthwise.records.rows.row_features import StepFeature, absence_column, step_features, with_numbers

Range = tuple[float, float]


class NumberRanges:
    """The ranges of the numbers of some rows.

    Attributes:
        by_key: of the features that had a finite number.
    """

    def __init__(self, columns: Iterable[AnyColumn]) -> None:
        columns = tuple(columns)
        self._steps = step_features(columns)
        ids = {column.key for column in id_features(columns)}  # also of vocabularies that are not counted yet
        context = [column.key for column in context_features(columns) if column.dtype != "string"]
        self._keys = [step.key for step in self._steps if step.num_buckets is None]
        self._keys += [key for key in context if key not in ids]
        self.by_key: dict[str, Range] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        """Extends the ranges to the numbers of rows."""
        rows = with_measures(self._steps, rows)
        for key in self._keys:
            numbers = finite_numbers(rows, key)
            if len(numbers):
                self.by_key = merge_ranges([self.by_key, {key: (float(numbers.min()), float(numbers.max()))}])


def merge_ranges(parts: Iterable[Mapping[str, Range]]) -> dict[str, Range]:
    """The ranges that cover all of `parts`."""
    merged: dict[str, Range] = {}
    for part in parts:
        for key, (low, high) in part.items():
            known = merged.get(key, (math.inf, -math.inf))
            merged[key] = (min(known[0], low), max(known[1], high))
    return merged


def with_measures(steps: Sequence[StepFeature], rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with numbers as in batches, and the sizes of byte strings instead of them."""
    rows = with_numbers(steps, rows)
    for step in steps:
        if step.is_bytes:
            at = rows.schema.get_field_index(step.key)
            lists = rows.column(at)
            sizes = pa.LargeListArray.from_arrays(lists.offsets, pc.binary_length(lists.values))
            rows = rows.set_column(at, step.key, sizes)
    return rows


def finite_numbers(rows: pa.RecordBatch, key: str) -> np.ndarray:
    """The finite numbers of the rows that have the feature, flat."""
    values = list_values(present_lists(rows, key))
    if values.dtype.kind != "f":
        return values
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def present_lists(rows: pa.RecordBatch, key: str) -> pa.Array:
    """A feature's lists, without those of rows in which it is absent."""
    mark = rows.schema.get_field_index(absence_column(key))
    if mark < 0 or not rows.column(mark).true_count:
        return rows.column(key)
    return rows.column(key).filter(pc.invert(rows.column(mark)))
