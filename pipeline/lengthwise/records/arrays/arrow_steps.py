"""Arrow lists -> flat values and steps: which values belong to which step of which record.

A step of a tf.SequenceExample is one tf.train.Feature; of a tf.Example, whose lists are flat, `width` values in a row.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class RawSteps:
    """One sequence feature of a block as it was decoded.

    Attributes:
        values: the values of all steps of all records, flat, without nulls.
        present: bool `[n]`: the records that have the feature.
        counts: int64 `[n]`: their numbers of steps.
        value_starts: int64 `[n]`: where each record's values start.
        step_offsets: int64 `[steps + 1]`: where each step's values start; None in a tf.Example, whose sequences have
            even steps.
        row_offsets: int64 `[n + 1]`: where each record's steps (in a tf.Example: values) start.
        value_counts: int64 `[steps]`: how many values each step has (tf.Example: `[n]`, each record).
        uneven: bool `[n]`: records with values left over after their last whole step (in a tf.Example only).
    """

    values: pa.Array
    present: np.ndarray
    counts: np.ndarray
    value_starts: np.ndarray
    step_offsets: np.ndarray | None
    row_offsets: np.ndarray
    value_counts: np.ndarray
    uneven: np.ndarray

    def rows_of_values(self, positions: np.ndarray) -> np.ndarray:
        """The records to which values belong, by their positions in `values`."""
        steps = positions if self.step_offsets is None else _owner(self.step_offsets, positions)
        return _owner(self.row_offsets, steps)

    def rows_of_steps(self, steps: np.ndarray) -> np.ndarray:
        """The records to which steps belong, by their positions among all steps; not of what `read_flat` read."""
        return _owner(self.row_offsets, steps)


def read_nested(column: pa.Array) -> RawSteps:
    """Steps of a `large_list<large_list<T>>`, from a tf.SequenceExample."""
    row_offsets = _offsets(column)
    step_offsets = _offsets(column.values)
    none = np.zeros(len(column), bool)
    return RawSteps(
        values=column.values.values,
        present=_present(column),
        counts=np.diff(row_offsets),
        value_starts=step_offsets[row_offsets[:-1]],
        step_offsets=step_offsets,
        row_offsets=row_offsets,
        value_counts=np.diff(step_offsets),
        uneven=none,
    )


def read_flat(column: pa.Array, width: int) -> RawSteps:
    """Steps of `width` values each of a `large_list<T>`, from a tf.Example."""
    row_offsets = _offsets(column)
    values = np.diff(row_offsets)
    counts, rest = np.divmod(values, width)
    return RawSteps(column.values, _present(column), counts, row_offsets[:-1], None, row_offsets, values, rest > 0)


def read_record(column: pa.Array) -> RawSteps:
    """A feature of the whole record, a `large_list<T>`, as one step of every record; an absent one has no values."""
    starts = _offsets(column)
    rows = len(column)
    return RawSteps(
        values=column.values,
        present=_present(column),
        counts=np.ones(rows, np.int64),
        value_starts=starts[:-1],
        step_offsets=starts,
        row_offsets=np.arange(rows + 1),
        value_counts=np.diff(starts),
        uneven=np.zeros(rows, bool),
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """One sequence feature of a block with `width` values in every step.

    Attributes:
        values: `[total]`, flat.
        width: values a step.
        starts: int64 `[n]`: where each record's values start.
        counts: int64 `[n]`: each record's number of steps.
        present: bool `[n]`.
    """

    values: np.ndarray
    width: int
    starts: np.ndarray
    counts: np.ndarray
    present: np.ndarray


def even(raw: RawSteps, values: np.ndarray, width: int, fill: float) -> Steps:
    """Gives every step `width` values: `fill` where a step has fewer; what it has more is dropped (and is a fault)."""
    if raw.step_offsets is None:
        return Steps(values, width, raw.value_starts, raw.counts, raw.present)
    counts = raw.value_counts
    if (counts == width).all():
        return Steps(values, width, raw.row_offsets[:-1] * width, raw.counts, raw.present)
    place = np.arange(len(values)) - np.repeat(raw.step_offsets[:-1], counts)
    target = np.repeat(np.arange(len(counts)) * width, counts) + place
    filled = np.full(len(counts) * width, fill, values.dtype)
    kept = place < width
    filled[target[kept]] = values[kept]
    return Steps(filled, width, raw.row_offsets[:-1] * width, raw.counts, raw.present)


def gather(steps: Steps, rows: np.ndarray, first: np.ndarray, counts: np.ndarray, fill: float) -> np.ndarray:
    """The values of `counts` steps from step `first` on of each of `rows`, flat; `fill` for absent records."""
    lengths = counts * steps.width
    total = int(lengths.sum())
    each_once = len(rows) == len(steps.starts) and bool((np.diff(rows) == 1).all())
    if each_once and total == len(steps.values) and steps.present.all():
        return steps.values  # everything, in place
    positions = ranges(steps.starts[rows] + first * steps.width, lengths)
    if steps.present[rows].all():
        return steps.values.take(positions)
    absent = np.repeat(~steps.present[rows], lengths)
    return np.append(steps.values, np.asarray(fill, steps.values.dtype))[np.where(absent, -1, positions)]


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`[starts[0], starts[0] + 1, ...]` for `lengths[0]` items, then those from `starts[1]`, and so on."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """int64 `[n + 1]`: where each of n consecutive items of these lengths starts, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _offsets(column: pa.Array) -> np.ndarray:
    return column.offsets.to_numpy()


def _present(column: pa.Array) -> np.ndarray:
    return column.is_valid().to_numpy(zero_copy_only=False)


def _owner(offsets: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return np.searchsorted(offsets, positions, side="right") - 1
