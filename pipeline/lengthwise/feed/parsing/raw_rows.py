"""A window of raw records -> rows of looked-up, validated sequences. Offline: `lengthwise.records.rows.block_rows`."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    ContextColumn,
    IdColumn,
    NumericColumn,
    SequenceFeature,
    groups,
    id_features,
    is_context,
    length_key,
    raw_context,
    sequence_features,
)
from lengthwise.config import GroupRules, Sequences
from lengthwise.feed.parsing.kept_steps import Steps, fit
from lengthwise.feed.parsing.record_parser import Container, Parsed, Parser, RawSteps
from lengthwise.feed.parsing.tensor_decoding import numbers_of
from lengthwise.feed.parsing.tensor_gaps import fill_gaps
from lengthwise.feed.parsing.tensor_rules import (
    VALID,
    Faults,
    check_context,
    check_ids,
    check_numbers,
    check_presence,
    check_sizes,
    check_value_count,
    check_weights,
)
from lengthwise.feed.rows.feed_features import Features, Flat, Rows, scalar
from lengthwise.reject_reasons import RejectReason
from lengthwise.tensor import MISSING
from lengthwise.tensor.tensor_lookup import IdLookup


class Verdicts(NamedTuple):
    """What is wrong with the rows.

    Attributes:
        codes: int32 `[n]`: `validate.VALID`, or a position in `names`.
        names: the faults there are, as `reason (column)`.
    """

    codes: Any
    names: list[str]


class Refiner:
    """Applies the rules of `columns` and `sequences` to parsed windows. Its look-up tables are made once."""

    def __init__(
        self,
        columns: Iterable[AnyColumn],
        container: Container,
        sequences: Sequences,
        longest: Mapping[str, int | None],
    ) -> None:
        """`longest`: the most steps of a sequence, by group, where it is not what the rules say."""
        columns = tuple(columns)
        self.parser = Parser(columns, container)
        self._features = Features.of(columns)
        self._specs = {spec.key: spec for spec in self._features.sequences}
        self._columns = sequence_features(columns)
        self._context = raw_context(columns)
        self._lookups = {column.key: IdLookup(column) for column in id_features(columns)}
        self._groups = {group: sequences.of(group) for group in groups(columns)}
        for group, most in longest.items():
            self._groups[group] = self._groups[group].model_copy(update={"max_length": most})

    @property
    def tables(self) -> list[Any]:
        """The look-ups, each a `tf.Module`."""
        return list(self._lookups.values())

    def refine(self, parsed: Parsed) -> tuple[Rows, Verdicts]:
        """The sequences of a window, valid ones to be kept, and what is wrong with the others."""
        faults = Faults()
        by_group: dict[str, dict[str, Steps]] = {group: {} for group in self._groups}
        for column in self._columns:
            by_group[column.group] |= self._steps_of(faults, column, parsed)
        lengths = {group: self._measure(faults, group, list(steps.values())) for group, steps in by_group.items()}
        leading, *others = self._groups
        count = tf.size(lengths[leading])
        context: dict[str, Any] = {}
        for feature in self._context:
            if isinstance(feature, ContextColumn):
                context[feature.key] = context_of(faults, feature, parsed.context[feature.key])
            else:
                context |= self._context_ids(faults, feature, parsed)
        verdicts = Verdicts(*faults.verdicts(count))
        sequences: dict[str, Flat] = {}
        taken: dict[str, Any] = {}
        for group, steps in by_group.items():
            first, taken[group] = _limit(lengths[group], self._groups[group])
            sequences |= fit(steps, first, taken[group], lengths[group], self._specs)
        context |= {length_key(group): taken[group] for group in others}
        return Rows(sequences, taken[leading], context, verdicts.codes == VALID), verdicts

    def _steps_of(self, faults: Faults, column: SequenceFeature, parsed: Parsed) -> dict[str, Steps]:
        if isinstance(column, BytesColumn):
            return _bytes_of(faults, column, parsed.sequences[column.key])
        if not isinstance(column, NumericColumn):
            return self._look_up(faults, column, parsed)
        raw, width = parsed.sequences[column.key], column.num_elements
        if column.required:
            check_presence(faults, column.key, raw)
        if column.decode is not None:
            raw = numbers_of(faults, column, column.decode, raw)
        check_value_count(faults, column.key, raw, width, exactly=True, or_none=column.missing != "error")
        check_numbers(faults, column, raw)
        steps = _even(raw, raw.values, width, column.default_value)
        if column.missing == "error" and not column.observed:
            return {column.key: steps}
        return fill_gaps(column, steps, _even(raw, tf.ones_like(raw.values, tf.bool), width, False))

    def _look_up(self, faults: Faults, column: IdColumn, parsed: Parsed) -> dict[str, Steps]:
        """The ids, and the weights if they have any, by key."""
        raw, width = _raw_of(column, column.key, parsed), column.values_per_step
        if column.required:
            check_presence(faults, column.key, raw)
        check_value_count(faults, column.key, raw, width, exactly=False)
        ids = self._lookups[column.key](raw.values)
        check_ids(faults, column, raw, ids)
        found = {column.key: _even(raw, ids, width, MISSING)}
        if column.weight_key is not None:
            weights = _raw_of(column, column.weight_key, parsed)
            check_weights(faults, column, raw, weights)
            found[column.weight_key] = _even(weights, weights.values, width, 0.0)
        return found

    def _context_ids(self, faults: Faults, column: IdColumn, parsed: Parsed) -> dict[str, Any]:
        """The ids of the record, `[n]` or `[n, K]`, their weights and their number."""
        shape = [-1] if column.values_per_step == 1 else [-1, column.values_per_step]
        steps = self._look_up(faults, column, parsed)
        context = {key: tf.reshape(one.values, shape) for key, one in steps.items()}
        if column.count_key is not None:
            context[column.count_key] = parsed.context[column.key].row_counts
        return context

    def _measure(self, faults: Faults, group: str, steps: list[Steps]) -> Any:
        """int64 `[n]`: the lengths of a group, checked."""
        rules = self._groups[group]
        none = tf.int64.max
        shortest = tf.reduce_min(tf.stack([tf.where(s.present, s.counts, none) for s in steps]), axis=0)
        longest = tf.reduce_max(tf.stack([tf.where(s.present, s.counts, 0) for s in steps]), axis=0)
        lengths = tf.minimum(shortest, longest)
        if rules.mismatch == "reject":
            faults.add(RejectReason.LENGTH_MISMATCH, group, lengths != longest)
        if rules.empty == "reject":
            faults.add(RejectReason.EMPTY_SEQUENCE, group, lengths == 0)
        if rules.min_steps is not None and rules.min_steps > 1:
            faults.add(RejectReason.TOO_SHORT, group, (lengths > 0) & (lengths < rules.min_steps))
        if rules.max_length is not None and rules.over_long == "reject":
            faults.add(RejectReason.OVER_LONG, group, lengths > rules.max_length)
        return lengths


def _limit(lengths: Any, rules: GroupRules) -> tuple[Any, Any]:
    """The first step to take of each sequence, and how many."""
    none = tf.zeros_like(lengths)
    if rules.max_length is None:
        return none, lengths
    taken = tf.minimum(lengths, rules.max_length)
    return (lengths - taken if rules.over_long == "truncate_left" else none), taken


def _bytes_of(faults: Faults, column: BytesColumn, raw: RawSteps) -> dict[str, Steps]:
    if column.required:
        check_presence(faults, column.key, raw)
    check_value_count(faults, column.key, raw, 1, exactly=True)
    check_sizes(faults, column, raw)
    return {column.key: _even(raw, raw.values, 1, "")}


def _raw_of(column: IdColumn, key: str, parsed: Parsed) -> RawSteps:
    return parsed.context[key].as_one_step() if is_context(column) else parsed.sequences[key]


def _even(raw: RawSteps, values: Any, width: int, filler: float | str) -> Steps:
    """Gives every step `width` values: `filler` where it has fewer; what it has more is dropped (and is a fault)."""
    if raw.step_splits is None:
        counts = raw.row_counts // width
        return Steps(values, raw.row_splits[:-1], counts, raw.present)

    def pad() -> Any:
        ragged = tf.RaggedTensor.from_row_splits(values, raw.step_splits, validate=False)
        dense = ragged.to_tensor(scalar(filler, values.dtype), shape=[None, width])
        return tf.reshape(dense, [-1])

    even = tf.cond(raw.is_even(width), lambda: values, pad)
    return Steps(even, raw.row_splits[:-1] * width, raw.row_counts, raw.present)


def context_of(faults: Faults, column: ContextColumn, raw: RawSteps) -> Any:
    """`[n, *shape]`: the values, the default where a record has none."""
    check_context(faults, column, raw)
    elements = column.num_elements
    default = column.default_value if column.default_value is not None else ("" if column.dtype == "string" else 0)

    def pad() -> Any:
        ragged = tf.RaggedTensor.from_row_splits(raw.values, raw.row_splits, validate=False)
        return tf.reshape(ragged.to_tensor(scalar(default, raw.values.dtype), shape=[None, elements]), [-1])

    values = tf.cond(tf.reduce_all(raw.row_counts == elements), lambda: raw.values, pad)
    return tf.reshape(values, [-1, *column.shape])
