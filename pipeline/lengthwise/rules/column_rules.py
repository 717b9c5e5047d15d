"""The rules of each kind of column, over the flat values of some records."""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_
from typing import Generic

from lengthwise.columns import BytesColumn, ContextColumn, IdColumn, IdentityColumn, NumericColumn, SequenceFeature
from lengthwise.columns.numeric_columns import Decode
from lengthwise.reject_reasons import RejectReason
from lengthwise.rules.array_protocol import A, Arrays
from lengthwise.rules.looked_up import LookedUp
from lengthwise.rules.raw_steps import RawSteps, Steps
from lengthwise.rules.record_rules import RecordRule


class FeatureRules(Generic[A]):
    """The rules about one feature of some records, with `width` values per step.

    Attributes:
        raw: the feature.
        is_even: whether all steps have `width` values: True in flat lists, which are cut into such steps.
    """

    def __init__(self, arrays: Arrays[A], key: str, raw: RawSteps[A], width: int) -> None:
        self.raw = raw
        self.is_even = raw.is_even(arrays, width)
        self._arrays = arrays
        self._key = key
        self._width = width

    def even_steps(self, values: A, filler: float | str) -> Steps[A]:
        """The steps with `values` in place of the raw ones, `filler` where they have fewer than `width`.

        Further values, which are a fault, are dropped. Where all steps are even already, nothing is copied.
        """
        arrays, raw, width, splits = self._arrays, self.raw, self._width, self.raw.step_splits
        if splits is None:
            return Steps(values, width, raw.row_splits, raw.row_counts // width, raw.present)
        even = arrays.cond(self.is_even, lambda: values, lambda: arrays.padded(values, splits, width, filler))
        return Steps(even, width, raw.row_splits * width, raw.row_counts, raw.present)

    def presence(self, column: SequenceFeature | ContextColumn) -> Iterator[RecordRule[A]]:
        """A required feature is present."""
        if column.required:
            feature = "the context feature" if isinstance(column, ContextColumn) else "the feature"
            yield self._about_presence(~self.raw.present, f"expected {feature}, the record has none")

    def numbers(self, column: NumericColumn, numbers: A) -> Iterator[RecordRule[A]]:
        """Each step has all its numbers, or none where gaps are filled; all are finite and within the limits.

        `numbers` are those of batches, where `raw` has them as they are stored.
        """
        arrays, width, fills_gaps = self._arrays, self._width, column.missing != "error"

        def wrong(sizes: A) -> A:
            other = arrays.not_equal(sizes, width)
            return other & (sizes > 0) if fills_gaps else other

        yield self._value_counts(wrong, f"{width} values per step")
        yield from self._limits(column, numbers, nan_is_a_gap=fills_gaps)

    def stored_sizes(self, column: NumericColumn, decode: Decode, sizes: A, size: int) -> RecordRule[A]:
        """Each string has `size` bytes, as many as the numbers of one step."""
        expected = f"expected {size} bytes, {column.num_elements} numbers of {decode.dtype}"
        wrong = self._arrays.not_equal(sizes, size)
        return self._values(RejectReason.VALUE_COUNT, wrong, lambda value: f"{expected}, received {sizes[value]}")

    def strings(self, column: BytesColumn) -> Iterator[RecordRule[A]]:
        """Each step has one string, of at most so many bytes."""
        yield self._value_counts(lambda sizes: self._arrays.not_equal(sizes, 1), "1 string per step")
        if column.max_bytes is not None:
            sizes, expected = self._arrays.byte_sizes(self.raw.values), f"expected at most {column.max_bytes} bytes"
            yield self._values(
                RejectReason.OUT_OF_RANGE,
                sizes > column.max_bytes,
                lambda value: f"{expected}, received {sizes[value]} (max_bytes)",
            )

    def ids(self, column: IdColumn, looked_up: LookedUp[A]) -> Iterator[RecordRule[A]]:
        """No step has too many values; none is outside the range or the vocabulary of a column with `oov: error`."""
        yield self._most_values(column)
        if looked_up.outside is None or getattr(column, "oov", "") != "error":
            return
        reason, expected = RejectReason.OUT_OF_VOCABULARY, f"one of the {column.num_buckets} vocabulary entries"
        if isinstance(column, IdentityColumn):
            reason, expected = RejectReason.ID_OUT_OF_RANGE, f"an id in [0, {column.num_buckets})"
        raw = self.raw.values
        yield self._values(
            reason, looked_up.outside, lambda value: f"expected {expected}, received {shorten(raw[value].as_py())}"
        )

    def weights(self, column: IdColumn, ids: RawSteps[A]) -> Iterator[RecordRule[A]]:
        """Each value of the ids has a weight, and all weights are finite."""
        arrays, weights = self._arrays, self.raw
        absent = ids.present & ~weights.present
        yield self._about_presence(absent, f"expected the weights of {column.key!r}, the record has none")
        may_differ = [arrays.differ(ids.row_splits, weights.row_splits)]
        if ids.step_splits is not None and weights.step_splits is not None:
            may_differ.append(arrays.differ(ids.step_splits, weights.step_splits))
        yield RecordRule(
            RejectReason.VALUE_COUNT,
            self._key,
            arrays.any_of(may_differ),
            lambda: ids.present & weights.present & _differ(arrays, ids, weights),
            lambda _: f"expected one weight for each value of {column.key!r}",
        )
        yield self._most_values(column)
        yield self._values(
            RejectReason.NOT_FINITE,
            ~arrays.isfinite(weights.values),
            lambda value: f"expected a finite weight, received {weights.values[value]}",
        )

    def context(self, column: ContextColumn) -> Iterator[RecordRule[A]]:
        """The feature has as many values as its shape; numbers are finite and within the limits."""
        counts, expected = self.raw.row_counts, f"expected {self._width} values (shape {column.shape})"
        yield self._records(
            RejectReason.CONTEXT_SHAPE,
            self.raw.present & self._arrays.not_equal(counts, self._width),
            lambda record: f"{expected}, received {counts[record]}",
        )
        if column.dtype != "string":
            yield from self._limits(column, self.raw.values, nan_is_a_gap=False)

    def _about_presence(self, absent: A, detail: str) -> RecordRule[A]:
        """The feature exists, except where `absent` (bool `[n]`) is true."""
        return self._records(RejectReason.MISSING_FEATURE, absent, lambda _: detail)

    def _records(self, reason: RejectReason, broken: A, describe: Callable[[int], str]) -> RecordRule[A]:
        return RecordRule(reason, self._key, self._arrays.any(broken), lambda: broken, describe)

    def _values(self, reason: RejectReason, broken: A, describe: Callable[[int], str]) -> RecordRule[A]:
        any_broken, splits = self._arrays.any(broken), lambda: self.raw.value_splits(self._arrays)
        return RecordRule(reason, self._key, any_broken, lambda: broken, describe, splits)

    def _most_values(self, column: IdColumn) -> RecordRule[A]:
        most = self._width
        return self._value_counts(lambda sizes: sizes > most, f"at most {most} values a {column.per}")

    def _value_counts(self, wrong: Callable[[A], A], expected: str) -> RecordRule[A]:
        """Steps have the right number of values; a flat list divides into steps of `width` values.

        `wrong` marks the invalid sizes of steps, int64 `[steps]`; it is only called if not all are `width`.
        """
        arrays, raw, width, splits = self._arrays, self.raw, self._width, self.raw.step_splits
        if splits is None:
            return self._records(
                RejectReason.VALUE_COUNT,
                arrays.not_equal(raw.row_counts % width, 0),
                lambda record: f"expected a multiple of {width} values, received {raw.row_counts[record]}",
            )
        return RecordRule(
            RejectReason.VALUE_COUNT,
            self._key,
            arrays.cond(self.is_even, lambda: arrays.any_of([]), lambda: arrays.any(wrong(raw.step_sizes))),
            lambda: wrong(raw.step_sizes),
            lambda step: f"expected {expected}, received {splits[step + 1] - splits[step]}",
            lambda: raw.row_splits,
        )

    def _limits(
        self, column: NumericColumn | ContextColumn, numbers: A, *, nan_is_a_gap: bool
    ) -> Iterator[RecordRule[A]]:
        arrays = self._arrays
        if column.finite and arrays.is_floating(numbers):
            yield self._values(
                RejectReason.NOT_FINITE,
                arrays.isinf(numbers) if nan_is_a_gap else ~arrays.isfinite(numbers),
                lambda value: f"expected a finite number, received {numbers[value]}",
            )
        low, high = column.limits  # of integer columns integers: compared as int64
        outside = [] if low is None else [numbers < low]
        outside += [] if high is None else [numbers > high]
        if outside:
            yield self._values(
                RejectReason.OUT_OF_RANGE,
                reduce(or_, outside),
                lambda value: f"expected a number in {_interval(low, high)}, received {numbers[value]}",
            )


def shorten(value: object, limit: int = 80) -> str:
    """`value` as text of bounded length, for messages."""
    text = repr(value if not isinstance(value, bytes) else value[: limit + 1])
    return text if len(text) <= limit else text[:limit] + "..."


def _differ(arrays: Arrays[A], first: RawSteps[A], second: RawSteps[A]) -> A:
    """Records, bool `[n]`, whose steps differ in number, or in their numbers of values."""
    uneven = arrays.not_equal(first.row_counts, second.row_counts)
    if first.step_splits is None or second.step_splits is None:
        return uneven
    # All steps of a record are as far from their counterparts; where the numbers of steps differ, it does not matter.
    distances = arrays.repeat(second.row_splits[:-1] - first.row_splits[:-1], first.row_counts)
    sizes = arrays.concatenate([second.step_sizes, arrays.full(1, -1, "int64")])
    places = arrays.arange(arrays.size(first.step_sizes)) + distances
    counterparts = arrays.take(sizes, arrays.minimum(places, arrays.size(sizes) - 1))
    other_sizes = arrays.not_equal(first.step_sizes, counterparts)
    return uneven | (arrays.segment_count(other_sizes, first.row_splits) > 0)


def _interval(low: float | None, high: float | None) -> str:
    first, last = (f"{limit:g}" if isinstance(limit, float) else limit for limit in (low, high))
    return f"{'(-inf' if low is None else f'[{first}'}, {'inf)' if high is None else f'{last}]'}"
