"""Which values belong to which step of which record, as they were read and with even steps.

A step of a tf.SequenceExample is one tf.train.Feature; of a tf.Example, whose lists are flat, `width` values in a row.
"""

from dataclasses import dataclass
from typing import Generic, NamedTuple

from lengthwise.rules.array_protocol import A, Arrays


class RawSteps(NamedTuple, Generic[A]):
    """One feature of some records as it was read: a sequence, or with flat lists values of the whole record.

    Attributes:
        values: the values of all steps of all records, flat.
        row_splits: int64 `[n + 1]`: where each record's steps (in flat lists: values) start.
        step_splits: int64 `[steps + 1]`: where each step's values start; None in flat lists.
        present: bool `[n]`: the records that have the feature.
    """

    values: A
    row_splits: A
    step_splits: A | None
    present: A

    @property
    def row_counts(self) -> A:
        """int64 `[n]`: how many steps (in flat lists: values) each record has."""
        counts: A = self.row_splits[1:] - self.row_splits[:-1]
        return counts

    @property
    def step_sizes(self) -> A:
        """int64 `[steps]`: how many values each step has."""
        assert self.step_splits is not None
        sizes: A = self.step_splits[1:] - self.step_splits[:-1]
        return sizes

    def value_splits(self, arrays: Arrays[A]) -> A:
        """int64 `[n + 1]`: where each record's values start."""
        return self.row_splits if self.step_splits is None else arrays.take(self.step_splits, self.row_splits)

    def as_one_step(self, arrays: Arrays[A]) -> "RawSteps[A]":
        """A feature of the whole record as one step of every record; where it is absent, an empty step."""
        return RawSteps(self.values, arrays.arange(arrays.size(self.row_splits)), self.row_splits, self.present)

    def is_even(self, arrays: Arrays[A], width: int) -> A | bool:
        """Whether all steps have `width` values; flat lists have no others."""
        if self.step_splits is None:
            return True
        # One comparison with where they then start, without the two copies that their sizes take.
        return arrays.all(arrays.equal(self.step_splits, arrays.arange(arrays.size(self.step_splits), width)))


@dataclass(frozen=True, slots=True)
class Steps(Generic[A]):
    """One sequence feature of some records with `width` values in every step.

    Attributes:
        values: flat, of all steps of all records.
        width: values per step.
        splits: int64 `[n + 1]`: where each record's values start.
        counts: int64 `[n]`: each record's number of steps.
        present: bool `[n]`: the records that have the feature.
    """

    values: A
    width: int
    splits: A
    counts: A
    present: A
