"""Decoded features -> steps of looked-up values, and every fault that the columns' rules find in them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    ContextColumn,
    IdColumn,
    IdentityColumn,
    NumericColumn,
    SequenceFeature,
    groups,
    id_features,
    is_context,
    raw_context,
    sequence_features,
)
from lengthwise.columns.numeric_columns import Decode
from lengthwise.records.arrays.arrow_steps import RawSteps, Steps, even, read_flat, read_nested, read_record
from lengthwise.records.decoding.record_decoder import Decoded, Format
from lengthwise.records.decoding.wide_integers import SEQUENCES
from lengthwise.records.rows.gap_filling import filled, observed_in, rows_of_values
from lengthwise.records.rows.id_lookup import MISSING, Ids, make_lookup
from lengthwise.records.rows.row_faults import Faults
from lengthwise.records.rows.row_features import decoded
from lengthwise.records.rows.stored_bytes import numbers_of, wrong_sizes
from lengthwise.reject_reasons import RejectReason


@dataclass(frozen=True, slots=True)
class Checked:
    """A block's features after look-up, with what is wrong in them.

    Attributes:
        lengths: int64 `[n]` by group: each record's number of steps.
        uneven: bool `[n]`: records of which a group is cut to the shortest of its columns.
        sequences: the steps of each sequence feature, weights included, by key; of bytes their places in `strings`.
        strings: all byte strings of each feature of bytes, by key.
        context: by key, the values of all records: `[n * elements]`, a numpy array or, for strings, an Arrow array. Of
            ids of the record also their weights and their numbers.
        repaired_values: int64 `[n]` by key: how many values of each record became the missing id, a default or an OOV
            bucket, and how many of its steps have no value.
        distinct: by key of a column whose vocabulary is still to be counted, what its codes stand for (see `Ids`).
        faults: the rows that are to be rejected.
    """

    lengths: dict[str, np.ndarray]
    uneven: np.ndarray
    sequences: dict[str, Steps]
    strings: dict[str, pa.Array]
    context: dict[str, np.ndarray | pa.Array]
    repaired_values: dict[str, np.ndarray]
    distinct: dict[str, pa.Array]
    faults: Faults


class Validator:
    """Applies the rules of `columns` to decoded blocks."""

    def __init__(self, columns: Iterable[AnyColumn], container: Format, uneven: Collection[str] = ()) -> None:
        """`uneven`: the groups whose columns may differ in length, and are then cut to the shortest."""
        columns = tuple(columns)
        self._container = container
        self._uneven = frozenset(uneven)
        self._groups = groups(columns)
        self._sequences = sequence_features(columns)
        self._context = raw_context(columns)
        self._lookups = {column.key: make_lookup(column) for column in id_features(columns)}

    def check(self, decoded: Decoded) -> Checked:
        """Looks up, measures and validates a block; bad rows are faults, never exceptions."""
        rows = decoded.batch.num_rows
        faults = Faults(rows)
        repaired: dict[str, np.ndarray] = {}
        distinct: dict[str, pa.Array] = {}
        by_group: dict[str, dict[str, Steps]] = {group: {} for group in self._groups}
        strings: dict[str, pa.Array] = {}
        for column in self._sequences:
            found = by_group[column.group]
            if isinstance(column, NumericColumn):
                raw = self._read(decoded.batch, column, column.key)
                _check_presence(faults, column, raw)
                found[column.key] = _check_numbers(faults, column, raw)
                if column.missing != "error" or column.observed:
                    found |= _fill_gaps(column, raw, found[column.key], repaired)
            elif isinstance(column, BytesColumn):
                raw = self._read(decoded.batch, column, column.key)
                _check_presence(faults, column, raw)
                found[column.key], strings[column.key] = _check_bytes(faults, column, raw), raw.values
            else:
                found |= self._look_up(faults, column, decoded.batch, repaired, distinct)
        context: dict[str, np.ndarray | pa.Array] = {}
        for feature in self._context:
            if isinstance(feature, ContextColumn):
                context[feature.key] = _check_context(faults, feature, decoded.batch)
                continue
            ids = self._look_up(faults, feature, decoded.batch, repaired, distinct)
            context |= {key: steps.values for key, steps in ids.items()}
            if feature.count_key is not None:
                context[feature.count_key] = np.diff(decoded.batch.column(feature.key).offsets.to_numpy())
        measured = {group: self._measure(faults, rows, group, steps) for group, steps in by_group.items()}
        lengths = {group: length for group, (length, _) in measured.items()}
        uneven = np.logical_or.reduce([uneven for _, uneven in measured.values()])
        sequences = {key: steps for found in by_group.values() for key, steps in found.items()}
        return Checked(lengths, uneven, sequences, strings, context, repaired, distinct, faults)

    def _read(self, batch: pa.RecordBatch, column: SequenceFeature, key: str) -> RawSteps:
        """The column's feature, or its weights."""
        if is_context(column):
            return read_record(batch.column(key))
        if self._container == "example" or column.from_ == "context":
            return read_flat(batch.column(key), values_of(column))
        return read_nested(batch.column(SEQUENCES).field(key))

    def _look_up(
        self,
        faults: Faults,
        column: IdColumn,
        batch: pa.RecordBatch,
        repaired: dict[str, np.ndarray],
        distinct: dict[str, pa.Array],
    ) -> dict[str, Steps]:
        """The ids, and the weights if they have any, by key."""
        raw = self._read(batch, column, column.key)
        _check_presence(faults, column, raw)
        ids = self._lookups[column.key](raw.values)
        if ids.distinct is not None:
            distinct[column.key] = ids.distinct
        found = {column.key: self._check_ids(faults, column, raw, ids, repaired)}
        if column.weight_key is not None:
            weights = self._read(batch, column, column.weight_key)
            found[column.weight_key] = _check_weights(faults, column, raw, weights)
        return found

    def _check_ids(
        self, faults: Faults, column: IdColumn, raw: RawSteps, found: Ids, repaired: dict[str, np.ndarray]
    ) -> Steps:
        width = column.values_per_step
        if raw.step_offsets is not None:
            _check_value_count(faults, column.key, raw, raw.value_counts > width, _most_values(column))
        _check_uneven(faults, column.key, raw, width)
        if found.outside is not None:
            _check_outside(faults, column, raw, found, repaired)
        _count_steps_without_a_value(column.key, raw, repaired)
        return even(raw, found.ids, width, MISSING)

    def _measure(
        self, faults: Faults, rows: int, group: str, sequences: Mapping[str, Steps]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lengths of a group in the records, and where it is cut to the shortest of its columns."""
        shortest = np.full(rows, np.iinfo(np.int64).max)
        longest = np.zeros(rows, np.int64)
        for steps in sequences.values():
            np.minimum(shortest, steps.counts, out=shortest, where=steps.present)
            np.maximum(longest, steps.counts, out=longest, where=steps.present)
        lengths = np.minimum(shortest, longest)  # no column present: 0
        uneven = lengths != longest
        if group not in self._uneven:
            faults.add(RejectReason.LENGTH_MISMATCH, group, uneven, lambda row: _describe_lengths(sequences, row))
        return lengths, uneven


def values_of(column: SequenceFeature) -> int:
    """How many values a record has for each step: one string where numbers are stored as bytes."""
    if isinstance(column, BytesColumn):
        return 1
    if isinstance(column, NumericColumn):
        return column.num_elements if column.decode is None else 1
    return column.values_per_step


def _check_presence(faults: Faults, column: SequenceFeature, raw: RawSteps) -> None:
    if column.required:
        faults.add(
            RejectReason.MISSING_FEATURE,
            column.key,
            ~raw.present,
            lambda _: "expected the feature, the record has none",
        )


def _check_numbers(faults: Faults, column: NumericColumn, raw: RawSteps) -> Steps:
    width = column.num_elements
    if column.decode is not None:
        raw = _decode(faults, column, column.decode, raw)
    if raw.step_offsets is not None:
        wrong = raw.value_counts != width
        if column.missing != "error":
            wrong &= raw.value_counts > 0
        _check_value_count(faults, column.key, raw, wrong, f"{width} values a step")
    _check_uneven(faults, column.key, raw, width)
    values = raw.values.to_numpy(zero_copy_only=False)
    numbers, default = values, column.default_value
    if column.decode is not None:
        numbers, default = decoded(values, column.decode, "<i8" if column.is_integer else "<f4"), 0
    _check_limits(faults, column, numbers, raw.rows_of_values, nan_is_a_gap=column.missing != "error")
    return even(raw, values, width, default)


def _check_bytes(faults: Faults, column: BytesColumn, raw: RawSteps) -> Steps:
    """The place of each step's string; -1 where a step has none."""
    if raw.step_offsets is not None:
        _check_value_count(faults, column.key, raw, raw.value_counts != 1, "1 string a step")
    if column.max_bytes is not None:
        sizes = pc.binary_length(raw.values).to_numpy(zero_copy_only=False)
        faults.add_values(
            RejectReason.OUT_OF_RANGE,
            column.key,
            sizes > column.max_bytes,
            raw.rows_of_values,
            lambda position: f"expected at most {column.max_bytes} bytes, received {sizes[position]} (max_bytes)",
        )
    return even(raw, np.arange(len(raw.values)), 1, -1)


def _decode(faults: Faults, column: NumericColumn, decode: Decode, raw: RawSteps) -> RawSteps:
    """The numbers in the bytes, as they are stored."""
    size = column.num_elements * np.dtype(decode.stored).itemsize
    wrong = wrong_sizes(raw, size)
    expected = f"expected {size} bytes, {column.num_elements} numbers of {decode.dtype}"
    faults.add_values(
        RejectReason.VALUE_COUNT,
        column.key,
        wrong,
        raw.rows_of_values,
        lambda position: f"{expected}, received {len(raw.values[position].as_py())}",
    )
    return numbers_of(raw, decode, column.num_elements, wrong)


def _fill_gaps(column: NumericColumn, raw: RawSteps, steps: Steps, repaired: dict[str, np.ndarray]) -> dict[str, Steps]:
    """The steps without gaps, and where they were observed if that is asked for, by key."""
    observed = observed_in(raw, steps)
    found = {column.key: steps}
    if column.missing != "error" and not observed.all():
        rows = rows_of_values(steps)
        repaired[column.key] = np.bincount(rows[~observed], minlength=len(raw.present))
        found[column.key] = replace(steps, values=filled(column, steps, observed, rows))
    if column.observed_key is not None:
        found[column.observed_key] = replace(steps, values=observed.astype(np.int32))
    return found


def _check_weights(faults: Faults, column: IdColumn, ids: RawSteps, raw: RawSteps) -> Steps:
    """Weights must have the shape of the ids, value by value."""
    key = column.weight_key or ""
    faults.add(
        RejectReason.MISSING_FEATURE,
        key,
        ids.present & ~raw.present,
        lambda _: f"expected the weights of {column.key!r}, the record has none",
    )
    same = np.array_equal(ids.row_offsets, raw.row_offsets) and np.array_equal(ids.value_counts, raw.value_counts)
    if not same:
        wrong = ids.present & raw.present & ~_same_shape(ids, raw)
        faults.add(
            RejectReason.VALUE_COUNT, key, wrong, lambda _: f"expected one weight for each value of {column.key!r}"
        )
    width = column.values_per_step
    if raw.step_offsets is not None:
        _check_value_count(faults, key, raw, raw.value_counts > width, _most_values(column))
    _check_uneven(faults, key, raw, width)
    values = raw.values.to_numpy(zero_copy_only=False)
    faults.add_values(
        RejectReason.NOT_FINITE,
        key,
        ~np.isfinite(values),
        raw.rows_of_values,
        lambda position: f"expected a finite weight, received {values[position]}",
    )
    return even(raw, values, width, 0.0)


def _same_shape(first: RawSteps, second: RawSteps) -> np.ndarray:
    same = np.diff(first.row_offsets) == np.diff(second.row_offsets)
    if first.step_offsets is None or second.step_offsets is None:
        return same
    for row in np.flatnonzero(same):  # rare: some row of the block is wrong already
        a, b = (steps.value_counts[steps.row_offsets[row] : steps.row_offsets[row + 1]] for steps in (first, second))
        same[row] = np.array_equal(a, b)
    return same


def _most_values(column: IdColumn) -> str:
    return f"at most {column.values_per_step} values a {column.per}"


def _check_value_count(faults: Faults, key: str, raw: RawSteps, bad: np.ndarray, expected: str) -> None:
    counts = raw.value_counts
    faults.add_values(
        RejectReason.VALUE_COUNT,
        key,
        bad,
        raw.rows_of_steps,
        lambda step: f"expected {expected}, received {counts[step]}",
    )


def _check_uneven(faults: Faults, key: str, raw: RawSteps, width: int) -> None:
    faults.add(
        RejectReason.VALUE_COUNT,
        key,
        raw.uneven,
        lambda row: f"expected a multiple of {width} values, received {np.diff(raw.row_offsets)[row]}",
    )


def _check_outside(
    faults: Faults, column: IdColumn, raw: RawSteps, found: Ids, repaired: dict[str, np.ndarray]
) -> None:
    """Values outside a range or a vocabulary: a fault, or a repair that is counted."""
    assert found.outside is not None
    if getattr(column, "oov", "") != "error":
        rows = raw.rows_of_values(np.flatnonzero(found.outside))
        repaired[column.key] = np.bincount(rows, minlength=len(raw.present))
        return
    identity = isinstance(column, IdentityColumn)
    expected = (
        f"an id in [0, {column.num_buckets})" if identity else f"one of the {column.num_buckets} vocabulary entries"
    )
    faults.add_values(
        RejectReason.ID_OUT_OF_RANGE if identity else RejectReason.OUT_OF_VOCABULARY,
        column.key,
        found.outside,
        raw.rows_of_values,
        lambda position: f"expected {expected}, received {shorten(raw.values[position].as_py())}",
    )


def _count_steps_without_a_value(key: str, raw: RawSteps, repaired: dict[str, np.ndarray]) -> None:
    """They have the missing id, whatever the column's `oov` says: nothing is outside, so nothing is rejected."""
    empty = np.flatnonzero(raw.value_counts == 0)
    if raw.step_offsets is not None and len(empty):
        rows = raw.rows_of_steps(empty)
        counts = np.bincount(rows[raw.present[rows]], minlength=len(raw.present))
        repaired[key] = repaired.get(key, 0) + counts


def _check_limits(
    faults: Faults,
    column: NumericColumn | ContextColumn,
    values: np.ndarray,
    rows_of: Callable[[np.ndarray], np.ndarray],
    *,
    nan_is_a_gap: bool = False,
) -> None:
    if column.finite and values.dtype.kind == "f":
        faults.add_values(
            RejectReason.NOT_FINITE,
            column.key,
            np.isinf(values) if nan_is_a_gap else ~np.isfinite(values),
            rows_of,
            lambda position: f"expected a finite number, received {values[position]}",
        )
    low, high = column.limits
    if low is None and high is None:
        return
    bad = np.zeros(len(values), bool)
    if low is not None:
        bad |= values < low
    if high is not None:
        bad |= values > high
    faults.add_values(
        RejectReason.OUT_OF_RANGE,
        column.key,
        bad,
        rows_of,
        lambda position: f"expected a number in {_interval(low, high)}, received {values[position]}",
    )


def _check_context(faults: Faults, column: ContextColumn, batch: pa.RecordBatch) -> np.ndarray | pa.Array:
    """The values of all rows, `elements` each; the default where a record has none."""
    lists = batch.column(column.key)
    elements = column.num_elements
    offsets = lists.offsets.to_numpy()
    counts = np.diff(offsets)
    present = lists.is_valid().to_numpy(zero_copy_only=False)
    if column.required:
        faults.add(
            RejectReason.MISSING_FEATURE,
            column.key,
            ~present,
            lambda _: "expected the context feature, the record has none",
        )
    faults.add(
        RejectReason.CONTEXT_SHAPE,
        column.key,
        present & (counts != elements),
        lambda row: f"expected {elements} values (shape {column.shape}), received {counts[row]}",
    )
    if column.dtype != "string":
        numbers = lists.values.to_numpy(zero_copy_only=False)
        _check_limits(faults, column, numbers, lambda positions: np.searchsorted(offsets, positions, "right") - 1)
    return fill_context(column, lists)


def fill_context(column: ContextColumn, lists: pa.Array) -> np.ndarray | pa.Array:
    """The values of all lists, `elements` each; the default for lists of another length."""
    values, offsets = lists.values, lists.offsets.to_numpy()
    whole = np.diff(offsets) == column.num_elements
    default = column.default_value if column.default_value is not None else ("" if column.dtype == "string" else 0)
    filler = pa.array([default.encode() if isinstance(default, str) else default], values.type)
    positions = offsets[:-1, None] + np.arange(column.num_elements)
    positions = np.where(whole[:, None], positions, len(values)).reshape(-1)
    filled = pa.concat_arrays([values, filler]).take(pa.array(positions))
    return filled if column.dtype == "string" else filled.to_numpy(zero_copy_only=False)


def _describe_lengths(sequences: Mapping[str, Steps], row: int) -> str:
    lengths = {key: int(steps.counts[row]) for key, steps in sequences.items() if steps.present[row]}
    return f"expected equal lengths, received {', '.join(f'{key}: {length}' for key, length in lengths.items())}"


def _interval(low: float | None, high: float | None) -> str:
    first, last = (f"{limit:g}" if isinstance(limit, float) else limit for limit in (low, high))
    return f"{'(-inf' if low is None else f'[{first}'}, {'inf)' if high is None else f'{last}]'}"


def shorten(value: object, limit: int = 80) -> str:
    """`value` as text of bounded length, for messages."""
    text = repr(value if not isinstance(value, bytes) else value[: limit + 1])
    return text if len(text) <= limit else text[:limit] + "..."
