"""The features of rows: the table that truncating, spilling, padding, encoding and counting have in common."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    ContextColumn,
    NumericColumn,
    context_features,
    groups,
    length_key,
    needs_counting,
    sequence_features,
)
from lengthwise.columns.numeric_columns import Decode
from lengthwise.rules.numpy_arrays import NUMPY
from lengthwise.rules.stored_numbers import decoded

INDEX, WINDOW, LENGTH, ORDER = "##index", "##window", "##length", "##order"
"""Columns of rows other than features: the record's position in its file, the window's number in the record, the number
of steps, and the position in the output's order."""
BYTES = "bytes"
SPLIT_KEY = "##split key"
"""The column of rows by which they are split, if the configuration names one: the raw value, before any lookup."""


CODES = 2**31 - 1
"""The number of ids of a column whose vocabulary is not counted yet: positions among the distinct values of a block."""


@dataclass(frozen=True, slots=True)
class StepFeature:
    """A sequence feature of rows: ids, numbers, weights or bytes.

    Attributes:
        key: its name.
        width: values per step.
        absent: the value of all steps of a sequence without the feature.
        padding: the value of the steps up to the boundary: 0 for ids and weights.
        dtype: the numpy dtype of its values, little-endian; `BYTES` of bytes, which are truncated and padded as
            positions of strings, where -1 is the empty string.
        num_buckets: the number of ids; None for other features.
        decode: how stored numbers are decoded to those in batches; None if they are the same.
        length: the column of rows that has its sequences' lengths: `LENGTH`, or that of a group that does not lead.
    """

    key: str
    width: int
    absent: float
    padding: float
    dtype: str
    num_buckets: int | None = None
    length: str = LENGTH
    decode: Decode | None = None

    @property
    def is_bytes(self) -> bool:
        """Whether its values are byte strings."""
        return self.dtype == BYTES

    @property
    def row_dtype(self) -> str:
        """The dtype of its values in rows."""
        return self.dtype if self.decode is None else self.decode.stored

    @property
    def row_type(self) -> pa.DataType:
        """The Arrow type of its values in rows."""
        return pa.large_binary() if self.is_bytes else pa.from_numpy_dtype(self.row_dtype)

    @property
    def stored_bytes(self) -> int:
        """The bytes of a step in rows."""
        return np.dtype(self.row_dtype).itemsize * self.width

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """The values in batches, from values of rows."""
        return values if self.decode is None else decoded(NUMPY, values, self.decode, self.dtype)

    @property
    def block_dtype(self) -> str:
        """The dtype of its values in a block: ids have the narrowest dtype that fits them and the missing id."""
        if self.num_buckets is None:
            return self.row_dtype
        return f"<i{np.min_scalar_type(-self.num_buckets).itemsize}"


def step_features(columns: Iterable[AnyColumn]) -> tuple[StepFeature, ...]:
    """The sequence features of rows, weights included, sorted by key."""
    columns = tuple(columns)
    lengths = length_columns(columns)
    features = []
    for column in sequence_features(columns):
        length = lengths[column.group]
        if isinstance(column, NumericColumn):
            dtype = "<i8" if column.is_integer else "<f4"
            default = column.default_value
            width, decode = column.num_elements, column.decode
            features.append(StepFeature(column.key, width, default, default, dtype, None, length, decode))
            if column.observed_key is not None:
                features.append(StepFeature(column.observed_key, column.num_elements, 0, 0, "<i4", 2, length))
            continue
        if isinstance(column, BytesColumn):
            features.append(StepFeature(column.key, 1, -1, -1, BYTES, length=length))
            continue
        buckets = CODES if needs_counting(column) else column.num_buckets
        dtype = "<i4" if buckets < 2**31 else "<i8"
        features.append(StepFeature(column.key, column.values_per_step, -1, 0, dtype, buckets, length))
        if column.weight_key is not None:
            weights = StepFeature(column.weight_key, column.values_per_step, 0.0, 0.0, "<f4", length=length)
            features.append(weights)
    return tuple(sorted(features, key=lambda feature: feature.key))


def with_numbers(steps: Iterable[StepFeature], rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with numbers as in batches, instead of the stored ones."""
    for step in steps:
        if step.decode is not None:
            at = rows.schema.get_field_index(step.key)
            lists = rows.column(at)
            numbers = pa.array(step.numbers(lists.values.to_numpy(zero_copy_only=False)))
            rows = rows.set_column(at, step.key, pa.LargeListArray.from_arrays(lists.offsets, numbers))
    return rows


def length_columns(columns: Iterable[AnyColumn]) -> dict[str, str]:
    """The columns of rows that have the lengths of each group, the leading group first.

    That of the leading group is `LENGTH`; those of others are context features, lists of one value each.
    """
    leading, *others = groups(columns) or ("",)
    return {leading: LENGTH, **{group: length_key(group) for group in others}}


def lengths_of(rows: pa.RecordBatch, column: str) -> np.ndarray:
    """int64 `[n]`: the lengths of a group, in the column of rows of that name."""
    lists = rows.column(column)
    lengths = lists if column == LENGTH else lists.flatten()
    return lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def absence_column(key: str) -> str:
    """The column of rows, bool `[n]`, that marks where a feature is absent and has its default."""
    return f"##absent {key}"


def absence_keys(columns: Iterable[AnyColumn]) -> tuple[str, ...]:
    """The features of rows with an `absence_column`: optional numbers, bytes and context features, and weights.

    Optional ids need none: absent ids are missing ids.
    """
    columns = tuple(columns)
    keys = []
    for column in (*sequence_features(columns), *context_features(columns)):
        if column.required:
            continue
        if isinstance(column, NumericColumn | BytesColumn | ContextColumn):
            key: str | None = column.key
        else:
            key = column.weight_key
        if key is not None:
            keys.append(key)
    return tuple(keys)


def context_type(column: ContextColumn) -> pa.DataType:
    """The Arrow type of a context feature's values in rows."""
    return {"float32": pa.float32(), "int64": pa.int64(), "string": pa.large_binary()}[column.dtype]


def spilled_schema(columns: Iterable[AnyColumn]) -> pa.Schema:
    """The Arrow schema of rows that wait for their shard: position, length, features, and which of these are absent."""
    columns = tuple(columns)
    fields = [pa.field(ORDER, pa.uint64()), pa.field(LENGTH, pa.int32())]
    steps = [(step.key, step.row_type) for step in step_features(columns)]
    context = [(column.key, context_type(column)) for column in context_features(columns)]
    lists = [pa.field(key, pa.large_list(kind)) for key, kind in [*steps, *context]]
    return pa.schema([*fields, *lists, *(pa.field(absence_column(key), pa.bool_()) for key in absence_keys(columns))])
