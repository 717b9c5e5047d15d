"""A window of raw records -> rows of looked-up, validated sequences."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import tensorflow as tf

from lengthwise.columns import AnyColumn, groups, id_features
from lengthwise.config import RecordFormat, Sequences
from lengthwise.feed.parsing.kept_steps import keep_steps
from lengthwise.feed.parsing.record_parser import Parsed, Parser
from lengthwise.feed.rows.feed_features import Features, Flat, Rows
from lengthwise.rules.length_rules import kept_steps
from lengthwise.rules.looked_up import REFUSED, LookedUp
from lengthwise.rules.raw_steps import Steps
from lengthwise.rules.record_rules import VALID, Verdicts
from lengthwise.rules.validation import Validator
from lengthwise.tensor.tensor_arrays import TENSORS
from lengthwise.tensor.tensor_lookup import IdLookup
from lengthwise.tensor.tensor_types import Tensor


class WindowRefiner:
    """Applies the rules of `columns` and `sequences` to parsed windows.

    Attributes:
        parser: of the records.
        tables: the lookups, each a `tf.Module`; they are created once.
    """

    def __init__(
        self,
        columns: Iterable[AnyColumn],
        container: RecordFormat,
        sequences: Sequences,
        longest: Mapping[str, int | None],
    ) -> None:
        """`longest`: by group, the maximum number of steps of a sequence, in place of that of `sequences`."""
        columns = tuple(columns)
        self.parser = Parser(columns, container)
        self._features = Features.of(columns)
        self.tables = [IdLookup(column) for column in id_features(columns)]
        self._groups = {group: sequences.of(group) for group in groups(columns)}
        for group, max_length in longest.items():
            self._groups[group] = self._groups[group].model_copy(update={"max_length": max_length})
        lookups = {lookup.column.key: _with_refused(lookup) for lookup in self.tables}
        self._validator = Validator(TENSORS, columns, self._groups, lookups, decodes=True)

    def refine(self, parsed: Parsed) -> tuple[Rows, Verdicts[Tensor]]:
        """The sequences of a window, of which the valid ones are kept, and the faults of the others."""
        checked = self._validator.check(parsed)
        context = {
            column.key: tf.reshape(checked.context[column.key], [-1, *column.shape])
            for column in self._features.context
            if column.key in checked.context
        }
        sequences: dict[str, Flat] = {}
        kept: dict[str, Tensor] = {}
        for (group, rules), key in zip(self._groups.items(), self._features.length_keys, strict=True):
            lengths = checked.lengths[group].shortest
            first, kept[key] = kept_steps(
                TENSORS, lengths, rules.max_length, keeps_last=rules.over_long == "truncate_left"
            )
            specs = {spec.key: spec for spec in self._features.of_length(key)}
            steps = {key: _without_flags(checked.sequences[key]) for key in specs}
            sequences |= keep_steps(steps, first, kept[key], lengths, specs)
        leading = kept.pop(self._features.length_key)
        return Rows(sequences, leading, {**context, **kept}, checked.verdicts.codes == VALID), checked.verdicts


def _with_refused(lookup: IdLookup) -> Callable[[Tensor], LookedUp[Tensor]]:
    def look_up(values: Tensor) -> LookedUp[Tensor]:
        ids = lookup(values)
        return LookedUp(ids, ids == REFUSED)

    return look_up


def _without_flags(steps: Steps[Tensor]) -> Steps[Tensor]:
    """The steps with integers in place of bools, which say where numbers were observed."""
    return replace(steps, values=tf.cast(steps.values, tf.int64)) if steps.values.dtype == tf.bool else steps
