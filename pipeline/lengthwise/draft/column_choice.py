"""Facts of features -> the columns that read them, the omitted features, and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lengthwise.columns import RESERVED_KEY
from lengthwise.draft.binary_features import describe_blobs
from lengthwise.draft.context_draft import draft_context, usual_count
from lengthwise.draft.drafted_column import DraftedColumn
from lengthwise.draft.exceptional_records import allowed_exceptions, allowed_in_total
from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import name_of_group
from lengthwise.draft.sample_scan import SampledFeatures
from lengthwise.draft.sequence_alignment import Alignment, align_sequences
from lengthwise.draft.split_key_choice import SplitKey, choose_split_key
from lengthwise.draft.step_draft import draft_steps, widths_are_even
from lengthwise.draft.yaml_quoting import quote
from lengthwise.errors import DatasetError

_MOST_VALUES = 65_536  # that a step of ids may have
_Features = dict[str, FeatureFacts]


@dataclass(slots=True)
class Draft:
    """The contents of the drafted YAML.

    Attributes:
        rejected: bool `[records]`: the records that the columns reject.
        columns: the drafted columns.
        omitted: the reasons of features without a column, by key.
        reject_reasons: for each reason and column, how many records are rejected.
        lengths: int64: the number of steps of each record that is not rejected.
        groups_with_empty: the groups of which some records have no step.
        split_key: the context column by which records are split, if any, and its result.
    """

    rejected: np.ndarray
    columns: list[DraftedColumn] = field(default_factory=list)
    omitted: dict[str, str] = field(default_factory=dict)
    reject_reasons: list[str] = field(default_factory=list)
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    groups_with_empty: list[str] = field(default_factory=list)
    split_key: SplitKey | None = None

    def add(self, column: DraftedColumn) -> bool:
        """Adds a column, and returns True, if few records are rejected by all columns together; if not, omits it.

        The first column is always added.
        """
        rejected = np.logical_or.reduce([self.rejected, *(records.rows for records in column.exceptional)])
        if self.columns and int(rejected.sum()) > allowed_in_total(len(rejected)):
            reasons = ", ".join(f"{records.reason} in {records.count}" for records in column.exceptional)
            self.omitted[column.key] = f"too many records would be rejected, for it and for other features: {reasons}"
            return False
        self.columns.append(column)
        self.reject_reasons += [
            f"{records.count}: {quote(column.key)}: {records.reason}" for records in column.exceptional
        ]
        self.rejected = rejected
        return True


def choose_columns(sampled: SampledFeatures) -> Draft:
    """Columns for all features that can be sequences or values of the whole record.

    Raises:
        DatasetError: no feature can be read as a sequence; the message says why, for each.
    """
    draft = Draft(np.zeros(sampled.records, bool))
    sequences, context = _divide_features(sampled)
    readable = {key: facts for key, facts in sequences.items() if not _omit(facts, draft, is_step=True)}
    alignment = align_sequences(readable, flat=sampled.format == "example")
    draft.omitted |= alignment.unaligned
    draft, lengths = _add_steps(alignment, readable, sampled, draft)
    if not draft.columns:
        raise DatasetError(_no_sequence_message(sampled, draft))
    draft = _add_groups(alignment, readable, sampled, draft)
    _add_context(context, draft, complete=sampled.sample.complete)
    draft.lengths = lengths[~draft.rejected]
    return draft


def _add_groups(alignment: Alignment, features: _Features, sampled: SampledFeatures, draft: Draft) -> Draft:
    """Adds the columns of sequences of other lengths; each of them, and then the first one, is a group."""
    main = list(draft.columns)
    while alignment.separate:
        reasons = alignment.unaligned
        alignment = align_sequences(
            {key: features[key] for key in alignment.separate}, flat=sampled.format == "example"
        )
        for key in alignment.widths:
            del draft.omitted[key]
        before = len(draft.columns)
        draft, lengths = _add_steps(alignment, features, sampled, draft)
        added = draft.columns[before:]
        if not added:
            continue
        if before == len(main):
            _name_group(main, features)
        name = _name_group(added, features, [column.fields["group"] for column in draft.columns[:before]])
        added[0].comments[0] = f"{reasons[added[0].key]}, so it is a group; {added[0].comments[0]}"
        if (lengths[~draft.rejected] == 0).any():
            draft.groups_with_empty.append(name)
    return draft


def _name_group(columns: list[DraftedColumn], features: _Features, used_names: Sequence[str] = ()) -> str:
    """Puts columns into a group, and gives its lengths a name that no feature has."""
    reserved = [key.removesuffix(f"_{RESERVED_KEY}") for key in features if key.endswith(f"_{RESERVED_KEY}")]
    name = name_of_group([column.key for column in columns], [*used_names, *reserved])
    for column in columns:
        column.fields["group"] = name
    return name


def _add_steps(
    alignment: Alignment, features: _Features, sampled: SampledFeatures, draft: Draft
) -> tuple[Draft, np.ndarray]:
    """The draft with the columns of a sequence, and the number of its steps in each record, int64 `[records]`."""
    keys = list(alignment.widths)
    while True:  # until none is omitted: each omitted feature changes which records the others reject
        # A copy, except for the omitted features: these remain omitted in the next attempt.
        attempt = replace(draft, columns=list(draft.columns), reject_reasons=list(draft.reject_reasons))
        lengths = alignment.lengths(keys)
        for key in keys:
            column = draft_steps(features[key], alignment.widths[key], complete=sampled.sample.complete)
            if sampled.format == "sequence_example" and key not in sampled.sequences:
                column.fields["from"] = "context"
                column.comments.insert(0, "a list in the context, with as many values as the sequence has steps")
            uneven = alignment.uneven(key, lengths)
            column.reject(uneven, "its number of steps differs from that of the other sequences")
            attempt.add(column)
        if draft.omitted.keys().isdisjoint(keys):
            first = len(draft.columns)
            attempt.columns[first:] = sorted(attempt.columns[first:], key=lambda column: column.key)
            return attempt, lengths
        keys = [key for key in keys if key not in draft.omitted]


def _divide_features(sampled: SampledFeatures) -> tuple[_Features, _Features]:
    """Sequences and context.

    In a tf.Example, sequences are the features whose number of values varies. In the context of a tf.SequenceExample,
    those are whose number of values varies with the steps of a feature list.
    """
    context = sampled.context
    if sampled.format == "sequence_example":
        others = {key: facts for key, facts in context.items() if key not in sampled.sequences}
        flat = {key: facts for key, facts in others.items() if _is_as_long(facts, sampled.sequences)}
        return {**sampled.sequences, **flat}, {key: facts for key, facts in context.items() if key not in flat}
    sharing = Counter(facts.counts.tobytes() for facts in context.values())

    def differs(facts: FeatureFacts) -> bool:
        return len(np.unique(facts.counts[facts.present])) > 1

    def varies(facts: FeatureFacts) -> bool:
        is_shared = sharing[facts.counts.tobytes()] > 1  # two features do not differ in the same records by chance
        return usual_count(facts) is None or (is_shared and differs(facts))

    def is_list(facts: FeatureFacts) -> bool:  # all records are equally long: the features with several values
        return bool(facts.counts.max(initial=0) > 1)

    for test in (varies, differs, is_list):
        sequences = {key: facts for key, facts in context.items() if test(facts)}
        if sequences:
            return sequences, {key: facts for key, facts in context.items() if key not in sequences}
    return {}, context


def _is_as_long(facts: FeatureFacts, sequences: _Features) -> bool:
    """Whether its number of values varies, and equals the steps of some sequence in all but a few records."""
    if usual_count(facts) is not None:
        return False
    for other in sequences.values():
        both = facts.present & other.present
        if (facts.counts != other.counts)[both].sum() <= allowed_exceptions(int(both.sum())) and both.any():
            return True
    return False


def _omit(facts: FeatureFacts, draft: Draft, *, is_step: bool) -> bool:
    """Omits a feature that no column can read; returns whether it is one."""
    reason = (
        _unusable_name(facts.key)
        or _unusable_values(facts)
        or (_unusable_steps(facts) if is_step else _unusable_blobs(facts))
    )
    if reason:
        draft.omitted[facts.key] = reason
    return bool(reason)


def _unusable_name(key: str) -> str:
    if not key:
        return "it has no name"
    if key == RESERVED_KEY:
        return "the name is reserved for the lengths in prepared data"
    return "names that start with ## are reserved" if key.startswith("##") else ""


def _unusable_values(facts: FeatureFacts) -> str:
    if not facts.kind or not facts.values:
        return "no sampled record has a value of it"
    if int(facts.other_kind.sum()) > allowed_exceptions(int(facts.present.sum())):
        kinds = ", ".join(f"{kind} in {count} records" for kind, count in sorted(facts.kinds.items()))
        return f"it holds lists of several kinds: {kinds}"
    return ""


def _unusable_blobs(facts: FeatureFacts) -> str:
    blobs = describe_blobs(facts.strings)
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


def _add_context(context: _Features, draft: Draft, *, complete: bool) -> None:
    sequences = {column.key for column in draft.columns}
    added: _Features = {}
    for key, facts in context.items():
        if key in sequences:
            draft.omitted.setdefault(key, "of the whole record: a sequence has the same name")
        elif not _omit(facts, draft, is_step=False):
            column = draft_context(facts, complete=complete)
            if column is None:
                counts = facts.counts[facts.present]
                draft.omitted[key] = f"of the whole record: it has between {counts.min()} and {counts.max()} values"
            elif draft.add(column):
                added[key] = facts
    draft.split_key = choose_split_key(added)


def _no_sequence_message(sampled: SampledFeatures, draft: Draft) -> str:
    expected = f"{', '.join(sampled.sample.patterns)}: expected a feature with one entry per step, found none"
    if not draft.omitted:
        return f"{expected} among {', '.join(map(quote, sampled.context)) or 'no features'}"
    return f"{expected}; " + "; ".join(f"{quote(key)}: {reason}" for key, reason in draft.omitted.items())
