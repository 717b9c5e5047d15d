"""Facts of features -> the columns that read them, the omitted features, and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lengthwise.columns import RESERVED_KEY
from lengthwise.draft.binary_features import describe_blobs
from lengthwise.draft.context_draft import draft_context, usual_count
from lengthwise.draft.exceptional_records import (
    ExceptionalRecords,
    allowed_exceptions,
    allowed_in_total,
    any_exceptional,
)
from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import name_of_group
from lengthwise.draft.sample_scan import SampledFeatures
from lengthwise.draft.sequence_alignment import Alignment, align_sequences
from lengthwise.draft.split_key_choice import Division, find_division
from lengthwise.draft.step_draft import Fields, draft_steps, widths_are_even
from lengthwise.draft.yaml_quoting import quote
from lengthwise.errors import DatasetError

_MOST_VALUES = 65_536  # that a step of ids may have
_Features = dict[str, FeatureFacts]


@dataclass(slots=True)
class Draft:
    """The contents of the drafted YAML.

    Attributes:
        columns: each column's fields, and the comment on it.
        left_out: the reasons of features without a column, by key.
        odd: the faults of the records that the columns reject.
        rejected: bool `[records]`: these records.
        lengths: int64: the number of steps of each of the others.
        kept_empty: the groups of which some records have no step.
        division: the context column by which records are split, if any, and its result.
    """

    columns: list[tuple[Fields, str]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    rejected: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    kept_empty: list[str] = field(default_factory=list)
    division: Division | None = None


def choose_columns(seen: SampledFeatures) -> Draft:
    """Columns for all features that can be sequences or values of the whole record.

    Raises:
        DatasetError: no feature can be read as a sequence; the message says why, for each.
    """
    draft = Draft()
    sequences, context = _divide(seen)
    readable = {key: facts for key, facts in sequences.items() if not _leave_out(key, facts, draft, is_step=True)}
    alignment = align_sequences(readable, flat=seen.format == "example")
    draft.left_out |= alignment.apart
    chosen, lengths = _choose_steps(alignment, readable, seen, _Chosen(seen.records, draft))
    if not chosen.columns:
        raise DatasetError(_nothing_found(seen, draft))
    chosen = _add_groups(alignment, readable, seen, chosen)
    _add_context(context, chosen, complete=seen.complete)
    draft.columns, draft.odd, draft.rejected = chosen.columns, chosen.reasons, chosen.rejected
    draft.lengths = lengths[~draft.rejected]
    return draft


def _add_groups(alignment: Alignment, features: _Features, seen: SampledFeatures, chosen: "_Chosen") -> "_Chosen":
    """Adds the columns of sequences of other lengths; each of them, and then the first one, is a group."""
    draft, main = chosen.draft, list(chosen.columns)
    while alignment.own:
        apart = alignment.apart
        alignment = align_sequences({key: features[key] for key in alignment.own}, flat=seen.format == "example")
        for key in alignment.widths:
            del draft.left_out[key]
        before = len(chosen.columns)
        chosen, lengths = _choose_steps(alignment, features, seen, chosen)
        added = chosen.columns[before:]
        if not added:
            continue
        if before == len(main):
            _name_group(main, features)
        name = _name_group(added, features, [str(column["group"]) for column, _ in chosen.columns[:before]])
        column, why = added[0]
        chosen.columns[before] = column, f"{apart[str(column['key'])]}, so it is a group; {why}"
        draft.kept_empty += [name] * bool((lengths[~chosen.rejected] == 0).any())
    return chosen


def _name_group(columns: list[tuple[Fields, str]], features: _Features, taken: Sequence[str] = ()) -> str:
    """Puts columns into a group, and gives its lengths a name that no feature has."""
    reserved = [key.removesuffix(f"_{RESERVED_KEY}") for key in features if key.endswith(f"_{RESERVED_KEY}")]
    name = name_of_group([str(column["key"]) for column, _ in columns], [*taken, *reserved])
    for column, _ in columns:
        column["group"] = name
    return name


def _choose_steps(
    alignment: Alignment, features: _Features, seen: SampledFeatures, before: "_Chosen"
) -> "tuple[_Chosen, np.ndarray]":
    """The columns with those of a sequence, and the numbers of its steps of the records, int64 `[records]`."""
    keys, draft = list(alignment.widths), before.draft
    while True:  # until none is omitted: each omitted feature changes which records the others reject
        chosen = before.copy()
        lengths = alignment.lengths(keys)
        for key in keys:
            column, why, odd = draft_steps(key, features[key], alignment.widths[key], complete=seen.complete)
            if seen.format == "sequence_example" and key not in seen.sequences:
                column["from"] = "context"
                why = ["a list in the context, with as many values as the sequence has steps", *why]
            uneven = alignment.uneven(key, lengths)
            odd += (
                [ExceptionalRecords(uneven, "its number of steps is not that of the other sequences")]
                if uneven.any()
                else []
            )
            chosen.add(key, column, why, odd)
        kept = [key for key in keys if key not in draft.left_out]
        if kept == keys:
            first = len(before.columns)
            chosen.columns[first:] = sorted(chosen.columns[first:], key=lambda column: str(column[0]["key"]))
            return chosen, lengths
        keys = kept


class _Chosen:
    """Adds columns to a draft as long as few records are rejected by all of them; the first is always added."""

    def __init__(self, records: int, draft: Draft) -> None:
        self.draft = draft
        self.columns: list[tuple[Fields, str]] = []
        self.rejected = np.zeros(records, bool)
        self.reasons: list[str] = []

    def copy(self) -> "_Chosen":
        """A copy, to which more columns can be added."""
        other = _Chosen(len(self.rejected), self.draft)
        other.columns, other.rejected, other.reasons = list(self.columns), self.rejected, list(self.reasons)
        return other

    def add(self, key: str, column: Fields, why: list[str], odd: list[ExceptionalRecords]) -> bool:
        """Adds a column, or the reason why it is omitted; returns whether it was added."""
        rejected = any_exceptional(odd, len(self.rejected)) | self.rejected
        if self.columns and int(rejected.sum()) > allowed_in_total(len(rejected)):
            reasons = ", ".join(f"{records.why} in {records.count}" for records in odd)
            self.draft.left_out[key] = f"too many records would be rejected, for it and for other features: {reasons}"
            return False
        self.columns.append((column, ", ".join(why)))
        self.reasons += [f"{records.count}: {quote(key)}: {records.why}" for records in odd]
        self.rejected = rejected
        return True


def _divide(seen: SampledFeatures) -> tuple[_Features, _Features]:
    """Sequences and context.

    In a tf.Example, sequences are the features whose number of values varies. In the context of a tf.SequenceExample,
    those are whose number of values varies with the steps of a feature list.
    """
    if seen.format == "sequence_example":
        others = {key: facts for key, facts in seen.context.items() if key not in seen.sequences}
        flat = {key: facts for key, facts in others.items() if _is_as_long(facts, seen.sequences)}
        return {**seen.sequences, **flat}, {key: facts for key, facts in seen.context.items() if key not in flat}
    sharing = Counter(facts.counts.tobytes() for facts in seen.context.values())

    def varies(facts: FeatureFacts) -> bool:
        found = facts.counts[facts.present]
        together = sharing[facts.counts.tobytes()] > 1  # two features do not differ in the same records by chance
        return usual_count(facts) is None or (together and len(np.unique(found)) > 1)

    tests = (
        varies,
        lambda facts: len(np.unique(facts.counts[facts.present])) > 1,
        lambda facts: facts.counts.max(initial=0) > 1,  # all records are equally long: the features with several values
    )
    for test in tests:
        sequences = {key: facts for key, facts in seen.context.items() if test(facts)}
        if sequences:
            return sequences, {key: facts for key, facts in seen.context.items() if key not in sequences}
    return {}, seen.context


def _is_as_long(facts: FeatureFacts, sequences: _Features) -> bool:
    """Whether its number of values varies, and equals the steps of some sequence in all but a few records."""
    if usual_count(facts) is not None:
        return False
    for other in sequences.values():
        both = facts.present & other.present
        if (facts.counts != other.counts)[both].sum() <= allowed_exceptions(int(both.sum())) and both.any():
            return True
    return False


def _leave_out(key: str, facts: FeatureFacts, draft: Draft, *, is_step: bool) -> bool:
    reason = _unusable_name(key) or _unusable_values(facts) or (_unusable_steps if is_step else _unusable_blobs)(facts)
    if reason:
        draft.left_out[key] = reason
    return bool(reason)


def _unusable_name(key: str) -> str:
    if not key:
        return "it has no name"
    if key == RESERVED_KEY:
        return "the name is reserved for the lengths that prepared data hold"
    return "names that start with ## are reserved" if key.startswith("##") else ""


def _unusable_values(facts: FeatureFacts) -> str:
    if not facts.kind or not facts.values:
        return "no record looked at has a value of it"
    if int(facts.odd.sum()) > allowed_exceptions(int(facts.present.sum())):
        held = ", ".join(f"{kind} in {count} records" for kind, count in sorted(facts.kinds.items()))
        return f"it holds lists of several kinds: {held}"
    return ""


def _unusable_blobs(facts: FeatureFacts) -> str:
    blobs = describe_blobs(facts.texts)
    return (
        f"{blobs}: of the whole record, no column decodes them; kind: context carries them as strings" if blobs else ""
    )


def _unusable_steps(facts: FeatureFacts) -> str:
    if facts.kind == "float_list" and not widths_are_even(facts):
        return f"its steps have between {facts.widths.min()} and {facts.widths.max()} numbers"
    widest = int(facts.widths.max(initial=0))
    if facts.kind != "float_list" and widest > _MOST_VALUES:
        return f"a step has up to {widest} values, more than {_MOST_VALUES}"
    return ""


def _add_context(context: _Features, chosen: _Chosen, *, complete: bool) -> None:
    draft = chosen.draft
    drafted: _Features = {}
    taken = {column["key"] for column, _ in chosen.columns}
    for key, facts in context.items():
        if key in taken:
            draft.left_out.setdefault(key, "of the whole record: a sequence has the same name")
        elif not _leave_out(key, facts, draft, is_step=False):
            column = draft_context(key, facts, complete=complete)
            if column is None:
                low, high = (int(limit(facts.counts[facts.present])) for limit in (np.min, np.max))
                draft.left_out[key] = f"of the whole record, which has between {low} and {high} values of it"
            elif chosen.add(key, *column):
                drafted[key] = facts
    draft.division = find_division(drafted)


def _nothing_found(seen: SampledFeatures, draft: Draft) -> str:
    expected = f"{', '.join(seen.sample.patterns)}: expected a feature with one entry a step, found none"
    if not draft.left_out:
        return f"{expected} among {', '.join(map(quote, seen.context)) or 'no features'}"
    return f"{expected}; " + "; ".join(f"{quote(key)}: {reason}" for key, reason in draft.left_out.items())
