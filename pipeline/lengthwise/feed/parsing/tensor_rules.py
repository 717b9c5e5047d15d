"""The columns' rules as TensorFlow ops: which records are invalid, and why. Offline: `records/rows/block_validation`.

A record's verdict is the first fault of the order of `RejectReason`, then of the columns' names; tests hold it equal
to the job's. On valid windows each rule costs one reduction.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lengthwise.columns import BytesColumn, ContextColumn, IdColumn, IdentityColumn, NumericColumn
from lengthwise.feed.parsing.record_parser import RawSteps
from lengthwise.reject_reasons import RejectReason
from lengthwise.tensor import REFUSED

VALID = -1
_ORDER = {reason: position for position, reason in enumerate(RejectReason)}


class Faults:
    """Collects faults by rule and gives each record its verdict."""

    def __init__(self) -> None:
        self._found: list[tuple[RejectReason, str, Any, Callable[[], Any]]] = []

    def add(self, reason: RejectReason, column: str, bad: Any) -> None:
        """Notes the records where `bad` (bool `[n]`) is true."""
        self.add_rows(reason, column, tf.reduce_any(bad), lambda: bad)

    def add_rows(self, reason: RejectReason, column: str, is_any: Any, rows: Callable[[], Any]) -> None:
        """Notes the records `rows()`, bool `[n]`, worked out where `is_any` (bool `[]`) says that there are some."""
        self._found.append((reason, column, is_any, rows))

    def verdicts(self, count: Any) -> tuple[Any, list[str]]:
        """int32 `[n]`: `VALID` or a position in the list of names, `reason of column`, that comes with it."""
        ordered = sorted(self._found, key=lambda found: (_ORDER[found[0]], found[1]))
        names = [f"{reason.value} ({column})" if column else reason.value for reason, column, *_ in ordered]
        valid = tf.fill([count], tf.constant(VALID))

        def judge() -> Any:
            verdicts = valid
            for position, (*_, rows) in reversed(list(enumerate(ordered))):
                verdicts = tf.where(rows(), position, verdicts)
            return verdicts

        is_any = tf.reduce_any(tf.stack([False, *(one[2] for one in ordered)]))
        return tf.cond(is_any, judge, lambda: valid), names


def rows_with(bad: Any, splits: Any) -> Any:
    """The rows, bool `[n]`, that own an entry of `bad` (bool `[entries]`); row i owns those from `splits[i]` on."""
    running = tf.concat([[0], tf.cumsum(tf.cast(bad, tf.int64))], 0)
    return tf.gather(running, splits[1:]) > tf.gather(running, splits[:-1])


def _add_values(faults: Faults, reason: RejectReason, key: str, bad: Any, raw: RawSteps) -> None:
    """Notes the records where a value is bad: `bad` (bool `[values]`)."""
    faults.add_rows(reason, key, tf.reduce_any(bad), lambda: rows_with(bad, value_splits(raw)))


def value_splits(raw: RawSteps) -> Any:
    """int64 `[n + 1]`: where each record's values start."""
    return raw.row_splits if raw.step_splits is None else tf.gather(raw.step_splits, raw.row_splits)


def check_presence(faults: Faults, key: str, raw: RawSteps) -> None:
    """A required feature is absent."""
    faults.add(RejectReason.MISSING_FEATURE, key, ~raw.present)


def check_value_count(
    faults: Faults, key: str, raw: RawSteps, width: int, *, exactly: bool, or_none: bool = False
) -> None:
    """A step has another number of values than it should, or than none; a flat list does not divide into steps."""
    if raw.step_splits is None:
        faults.add(RejectReason.VALUE_COUNT, key, raw.row_counts % width != 0)
        return

    def look() -> Any:
        bad = raw.step_sizes != width if exactly else raw.step_sizes > width
        bad = bad & (raw.step_sizes > 0) if or_none else bad
        return rows_with(bad, raw.row_splits)

    faults.add_rows(RejectReason.VALUE_COUNT, key, ~raw.is_even(width), look)


def check_numbers(faults: Faults, column: NumericColumn | ContextColumn, raw: RawSteps) -> None:
    """Not finite, or out of range."""
    values = raw.values
    if column.finite and values.dtype.is_floating:
        nan_is_a_gap = isinstance(column, NumericColumn) and column.missing != "error"
        bad = tf.math.is_inf(values) if nan_is_a_gap else ~tf.math.is_finite(values)
        _add_values(faults, RejectReason.NOT_FINITE, column.key, bad, raw)
    low, high = column.limits  # of integer columns integers: compared as int64
    if low is None and high is None:
        return
    bad = tf.zeros(tf.shape(values), tf.bool)
    if low is not None:
        bad |= values < low
    if high is not None:
        bad |= values > high
    _add_values(faults, RejectReason.OUT_OF_RANGE, column.key, bad, raw)


def check_sizes(faults: Faults, column: BytesColumn, raw: RawSteps) -> None:
    """Steps of too many bytes."""
    if column.max_bytes is not None:
        too_large = tf.cast(tf.strings.length(raw.values), tf.int64) > column.max_bytes
        _add_values(faults, RejectReason.OUT_OF_RANGE, column.key, too_large, raw)


def check_ids(faults: Faults, column: IdColumn, raw: RawSteps, ids: Any) -> None:
    """Out of the range or the vocabulary of a column that says `oov: error`."""
    if getattr(column, "oov", "") != "error":
        return
    identity = isinstance(column, IdentityColumn)
    reason = RejectReason.ID_OUT_OF_RANGE if identity else RejectReason.OUT_OF_VOCABULARY
    _add_values(faults, reason, column.key, ids == REFUSED, raw)


def check_weights(faults: Faults, column: IdColumn, ids: RawSteps, weights: RawSteps) -> None:
    """Weights must stand beside each value, and be finite."""
    key = column.weight_key or ""
    faults.add(RejectReason.MISSING_FEATURE, key, ids.present & ~weights.present)
    both = ids.present & weights.present
    faults.add(RejectReason.VALUE_COUNT, key, both & _unlike(ids, weights))
    check_value_count(faults, key, weights, column.values_per_step, exactly=False)
    _add_values(faults, RejectReason.NOT_FINITE, key, ~tf.math.is_finite(weights.values), weights)


def _unlike(first: RawSteps, second: RawSteps) -> Any:
    """Records, bool `[n]`, whose steps differ in number, or in their numbers of values."""
    uneven = first.row_counts != second.row_counts
    if first.step_splits is None or second.step_splits is None:
        return uneven
    # Step by step: steps of rows of equal length stand at the same place in both, once the other rows are left out.
    pairs = ((first.step_splits, first.row_splits), (second.step_splits, second.row_splits))
    steps = [
        tf.RaggedTensor.from_row_splits(splits[1:] - splits[:-1], row_splits, validate=False)
        for splits, row_splits in pairs
    ]
    even = [tf.ragged.boolean_mask(counts, ~uneven) for counts in steps]
    differs = rows_with(even[0].flat_values != even[1].flat_values, even[0].row_splits)
    return tf.tensor_scatter_nd_update(uneven, tf.where(~uneven), differs)


def check_context(faults: Faults, column: ContextColumn, raw: RawSteps) -> None:
    """The rules of a context column."""
    if column.required:
        check_presence(faults, column.key, raw)
    wrong = raw.present & (raw.row_counts != column.num_elements)
    faults.add(RejectReason.CONTEXT_SHAPE, column.key, wrong)
    if column.dtype != "string":
        check_numbers(faults, column, raw)
