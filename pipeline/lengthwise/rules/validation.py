"""Raw features of some records -> steps of looked-up values, and the faults that the rules find in them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic

from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    ContextColumn,
    ContextFeature,
    IdColumn,
    NumericColumn,
    SequenceFeature,
    is_context,
    raw_context,
    sequence_features,
)
from lengthwise.columns.numeric_columns import Decode
from lengthwise.config import GroupRules
from lengthwise.rules.array_protocol import A, Arrays
from lengthwise.rules.column_rules import FeatureRules
from lengthwise.rules.gap_filling import filled
from lengthwise.rules.length_rules import GroupLengths, length_rules, measure
from lengthwise.rules.looked_up import MISSING, LookedUp
from lengthwise.rules.raw_steps import RawSteps, Steps
from lengthwise.rules.record_rules import RecordRule, Verdicts, verdicts
from lengthwise.rules.stored_numbers import decoded, stored_size, stored_steps


@dataclass(frozen=True, slots=True)
class Checked(Generic[A]):
    """Some records' features after look-up, with what is wrong in them.

    Attributes:
        lengths: by group: each record's numbers of steps.
        sequences: the steps of each sequence feature, weights included, by key.
        context: the values of all records, flat, by key. Of ids of the record also their weights and their numbers.
        verdicts: which records are to be rejected, and why.
        repairs: counts how many values of each record became the missing id, a default or an OOV bucket, and how many
            of its steps have no value, int64 `[n]`, with the key of the feature.
        distinct: by key of a column whose vocabulary is still to be counted, what its codes mean (see `LookedUp`).
    """

    lengths: dict[str, GroupLengths[A]]
    sequences: dict[str, Steps[A]]
    context: dict[str, A]
    verdicts: Verdicts[A]
    repairs: list[tuple[str, Callable[[], A]]]
    distinct: dict[str, A]


class Validator(Generic[A]):
    """Applies the rules of columns and groups to raw features; bad records get verdicts, never exceptions."""

    def __init__(
        self,
        arrays: Arrays[A],
        columns: Iterable[AnyColumn],
        groups: Mapping[str, GroupRules],
        lookups: Mapping[str, Callable[[A], LookedUp[A]]],
        *,
        decodes: bool,
    ) -> None:
        """Sets the rules.

        Args:
            arrays: what the features are.
            columns: define what is valid.
            groups: the rules of each group's lengths, by name.
            lookups: from raw values to ids, by key.
            decodes: whether steps have decoded numbers in place of those that are stored as bytes.
        """
        columns = tuple(columns)
        self.arrays = arrays
        self.sequences = sequence_features(columns)
        self.context = raw_context(columns)
        self.groups = groups
        self.lookups = lookups
        self.decodes = decodes

    def check(self, raw: Mapping[str, RawSteps[A]]) -> Checked[A]:
        """Looks up, measures and validates the features of some records, by key, weights included."""
        return _Check(self, raw).run()


class _Check(Generic[A]):
    """The check of some records: collects what the rules find."""

    def __init__(self, validator: Validator[A], raw: Mapping[str, RawSteps[A]]) -> None:
        self._validator = validator
        self._arrays = validator.arrays
        self._raw = raw
        self._rules: list[RecordRule[A]] = []
        self._repairs: list[tuple[str, Callable[[], A]]] = []
        self._distinct: dict[str, A] = {}

    def run(self) -> Checked[A]:
        arrays, validator = self._arrays, self._validator
        by_group: dict[str, dict[str, Steps[A]]] = {group: {} for group in validator.groups}
        for column in validator.sequences:
            by_group[column.group] |= self._steps_of(column)
        context: dict[str, A] = {}
        for feature in validator.context:
            context |= self._context_of(feature)
        lengths = {group: measure(arrays, steps) for group, steps in by_group.items()}
        for group, rules in validator.groups.items():
            self._rules += length_rules(arrays, group, lengths[group], by_group[group], rules)
        count = arrays.size(next(iter(lengths.values())).shortest)
        sequences = {key: steps for features in by_group.values() for key, steps in features.items()}
        return Checked(lengths, sequences, context, verdicts(arrays, self._rules, count), self._repairs, self._distinct)

    def _steps_of(self, column: SequenceFeature) -> dict[str, Steps[A]]:
        """The even steps of a feature, and of those that belong to it, by key."""
        if not isinstance(column, NumericColumn | BytesColumn):
            return self._ids(column)
        width = 1 if isinstance(column, BytesColumn) else column.num_elements
        arrays, raw = self._arrays, self._raw[column.key]
        rules = FeatureRules(arrays, column.key, raw, width)
        self._rules += rules.presence(column)
        if isinstance(column, BytesColumn):
            self._rules += rules.strings(column)
            return {column.key: rules.even_steps(*arrays.string_steps(raw.values))}
        if column.decode is not None:
            return {column.key: self._stored_numbers(column, column.decode, rules)}
        self._rules += rules.numbers(column, raw.values)
        steps = rules.even_steps(raw.values, column.default_value)
        if column.missing == "error" and not column.observed:
            return {column.key: steps}
        observed = rules.even_steps(arrays.full(arrays.size(raw.values), True, "bool"), False).values
        if arrays.is_floating(raw.values):
            observed = observed & ~arrays.isnan(steps.values)
        return self._without_gaps(column, steps, observed)

    def _stored_numbers(self, column: NumericColumn, decode: Decode, rules: FeatureRules[A]) -> Steps[A]:
        arrays, size = self._arrays, stored_size(column, decode)
        sizes = arrays.byte_sizes(rules.raw.values)
        stored = stored_steps(arrays, column, decode, rules.raw, arrays.not_equal(sizes, size))
        numbers = decoded(arrays, stored.values, decode, "int64" if column.is_integer else "float32")
        self._rules.append(rules.stored_sizes(column, decode, sizes, size))
        rules = FeatureRules(arrays, column.key, stored, column.num_elements)
        self._rules += rules.numbers(column, numbers)
        # Only rejected records have steps with fewer numbers, so any filler will do.
        return rules.even_steps(numbers if self._validator.decodes else stored.values, 0)

    def _without_gaps(self, column: NumericColumn, steps: Steps[A], observed: A) -> dict[str, Steps[A]]:
        """The numbers, and where they were observed if that is asked for."""
        arrays, values = self._arrays, steps.values
        features = {column.key: steps}
        if column.missing != "error":
            whole = arrays.cond(arrays.all(observed), lambda: values, lambda: filled(arrays, column, steps, observed))
            features[column.key] = replace(steps, values=whole)
            self._repairs.append((column.key, lambda: arrays.segment_count(~observed, steps.splits)))
        if column.observed_key is not None:
            features[column.observed_key] = replace(steps, values=observed)
        return features

    def _ids(self, column: IdColumn) -> dict[str, Steps[A]]:
        """The ids, and the weights if they have any."""
        arrays, width, raw = self._arrays, column.values_per_step, self._raw_ids(column, column.key)
        looked_up = self._validator.lookups[column.key](raw.values)
        rules = FeatureRules(arrays, column.key, raw, width)
        self._rules += [*rules.presence(column), *rules.ids(column, looked_up)]
        self._count_repairs(column, rules, looked_up)
        features = {column.key: rules.even_steps(looked_up.ids, MISSING)}
        if column.weight_key is not None:
            weights = self._raw_ids(column, column.weight_key)
            rules = FeatureRules(arrays, column.weight_key, weights, width)
            self._rules += rules.weights(column, raw)
            features[column.weight_key] = rules.even_steps(weights.values, 0.0)
        return features

    def _raw_ids(self, column: IdColumn, key: str) -> RawSteps[A]:
        return self._raw[key].as_one_step(self._arrays) if is_context(column) else self._raw[key]

    def _count_repairs(self, column: IdColumn, rules: FeatureRules[A], looked_up: LookedUp[A]) -> None:
        arrays, raw, outside = self._arrays, rules.raw, looked_up.outside
        if looked_up.distinct is not None:
            self._distinct[column.key] = looked_up.distinct
        if outside is not None and getattr(column, "oov", "") != "error":
            self._repairs.append((column.key, lambda: arrays.segment_count(outside, raw.value_splits(arrays))))
        if rules.is_even is not True:  # regardless of `oov`: nothing is outside, so nothing is rejected
            self._repairs.append((column.key, lambda: _steps_without_a_value(arrays, column, raw)))

    def _context_of(self, feature: ContextFeature) -> dict[str, A]:
        """The values of a feature of the whole record, and of those that belong to it, by key."""
        raw = self._raw[feature.key]
        if isinstance(feature, ContextColumn):
            rules = FeatureRules(self._arrays, feature.key, raw, feature.num_elements)
            self._rules += [*rules.presence(feature), *rules.context(feature)]
            return {feature.key: context_values(self._arrays, feature, raw)}
        context = {key: steps.values for key, steps in self._ids(feature).items()}
        return context if feature.count_key is None else {**context, feature.count_key: raw.row_counts}


def context_values(arrays: Arrays[A], column: ContextColumn, raw: RawSteps[A]) -> A:
    """The values of all records, `num_elements` each; the default where a record has none."""
    default = column.default_value if column.default_value is not None else ("" if column.dtype == "string" else 0)
    return arrays.cond(
        arrays.all(arrays.equal(raw.row_counts, column.num_elements)),
        lambda: raw.values,
        lambda: arrays.padded(raw.values, raw.row_splits, column.num_elements, default),
    )


def _steps_without_a_value(arrays: Arrays[A], column: IdColumn, raw: RawSteps[A]) -> A:
    empty = arrays.equal(raw.step_sizes, 0)
    if is_context(column):  # the one step of a record that lacks the feature
        empty = empty & raw.present
    return arrays.segment_count(empty, raw.row_splits)
