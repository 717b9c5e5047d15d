"""Rules between the sections of a configuration. Each function raises FieldError with the path of the field."""

from collections.abc import Sequence

from lengthwise.columns import AnyColumn, ContextColumn, ContextFeature, VocabularyColumn, feature_of
from lengthwise.columns.field_errors import FieldError
from lengthwise.config.buckets_section import Buckets
from lengthwise.config.inputs_section import Inputs
from lengthwise.config.sequences_section import Sequences
from lengthwise.config.splits_section import TRAINING_SPLIT, Splits


def check_initializers(columns: Sequence[AnyColumn]) -> None:
    """No initializer is code: the manifest keeps the columns, and cannot keep code."""
    for place, column in enumerate(columns):
        for name, table in (("", column), ("shared.", getattr(column, "shared", None))):
            initializer = getattr(table, "initializer", None)
            if callable(initializer):
                received = getattr(initializer, "__name__", type(initializer).__name__)
                rule = (
                    "expected the name or the config of a Keras initializer, which the manifest can keep, received "
                    f"{received!r}, which is code; leave it out here, and give it to the column of the model"
                )
                raise FieldError(f"columns[{place}].{name}initializer", rule)


def check_split_key(splits: Splits, contexts: Sequence[ContextFeature]) -> None:
    """The key that divides records is a context column with one value."""
    if splits.key is None:
        return
    single = []
    for column in contexts:
        size = column.num_elements if isinstance(column, ContextColumn) else column.values_per_step
        if size == 1:
            single.append(column.key)
    if splits.key not in single:
        known = ", ".join(single) or "none"
        rule = f"expected a context column of one value, received {splits.key!r}; available: {known}"
        raise FieldError("splits.key", rule)


def check_from_context(columns: Sequence[AnyColumn], inputs: Inputs) -> None:
    """Only a tf.SequenceExample has sequences in its context."""
    for place, column in enumerate(columns):
        if inputs.format == "example" and getattr(feature_of(column), "from_", "") == "context":
            rule = "expected no `from: context` with inputs.format example, whose lists are all flat"
            raise FieldError(f"columns[{place}].from", f"{rule}, received 'context'; leave it out")


def check_group_rules(sequences: Sequences, groups: Sequence[str]) -> None:
    """Rules name groups of columns, and only one group is split into windows."""
    for name, rules in sequences.groups.items():
        if name not in groups or not name:
            known = ", ".join(filter(None, groups)) or "none"
            rule = f"expected the group of a column, received {name!r}; available: {known}"
            raise FieldError(f"sequences.groups.{name}", rule)
        if name == groups[0] and rules.max_length is not None:
            rule = (
                f"expected no max_length for the leading group, received {rules.max_length}; "
                "write buckets.max_length, or the last of buckets.boundaries"
            )
            raise FieldError(f"sequences.groups.{name}.max_length", rule)
    if len(groups) > 1 and sequences.over_long == "window":
        rule = f"expected reject, truncate_left or truncate_right with several groups ({', '.join(groups)})"
        raise FieldError("sequences.over_long", f"{rule}, received 'window', which would separate a record's groups")


def check_pairs(buckets: Buckets, sequences: Sequences, groups: Sequence[str]) -> None:
    """Pairs of lengths need two groups, and set the length of the second."""
    pair = groups[:2]
    if len(pair) < 2:
        for name in ("pairs", "product_weight", "group_weights"):
            if getattr(buckets, name):
                raise FieldError(
                    f"buckets.{name}", "expected columns of two groups with this field, received one; leave it out"
                )
        return
    for name in buckets.group_weights:
        if name not in pair:
            rule = f"expected one of the first two groups, {pair[0]} and {pair[1]}, received {name!r}"
            raise FieldError(f"buckets.group_weights.{name}", rule)
    longest = sequences.of(pair[1]).max_length
    if buckets.pairs and longest is not None:
        rule = f"expected no max_length with `buckets.pairs`, whose last pair sets it, received {longest}; leave it out"
        raise FieldError(f"sequences.groups.{pair[1]}.max_length", rule)


def check_windows(sequences: Sequences, buckets: Buckets) -> None:
    """Windows overlap by less than their length."""
    overlap, policy = sequences.window_overlap, sequences.over_long
    if overlap and policy != "window":
        rule = f"expected an overlap with `over_long: window` only, received {overlap} with {policy!r}"
        raise FieldError("sequences.window_overlap", rule)
    longest = (buckets.boundaries or (buckets.max_length,))[-1]
    if longest is not None and overlap >= longest:
        rule = f"expected less than the last boundary {longest}, received {overlap}"
        raise FieldError("sequences.window_overlap", rule)


def check_from_data(columns: Sequence[AnyColumn], split_names: Sequence[str], training_split: str | None) -> None:
    """Vocabularies are counted in a training split; `same_as` names a column that is counted, of the same dtype."""
    counted: dict[int, tuple[VocabularyColumn, str | None]] = {}
    for place, feature in enumerate(map(feature_of, columns)):
        if isinstance(feature, VocabularyColumn) and feature.from_data is not None:
            counted[place] = feature, feature.from_data.same_as
    owners = {column.key: column for column, same_as in counted.values() if same_as is None}
    for place, (column, same_as) in counted.items():
        if training_split is None:
            splits = ", ".join(split_names)
            rule = f"expected a split {TRAINING_SPLIT!r}, whose values are counted, received the splits {splits}"
            raise FieldError(f"columns[{place}].from_data", rule)
        if same_as is None:
            continue
        if same_as not in owners:
            known = ", ".join(sorted(owners)) or "none"
            rule = f"expected the key of a column with its own from_data, received {same_as!r}; available: {known}"
            raise FieldError(f"columns[{place}].from_data.same_as", rule)
        dtype = owners[same_as].dtype
        if dtype != column.dtype:
            rule = f"expected a column of dtype {column.dtype}, received {same_as!r} of dtype {dtype}"
            raise FieldError(f"columns[{place}].from_data.same_as", rule)


def check_one_division(inputs: Inputs, splits: Splits) -> None:
    """Records are divided by files or by a hash."""
    divided = [name for name in ("fractions", "key") if getattr(splits, name) != getattr(Splits(), name)]
    if inputs.by_split and divided:
        rule = "expected either `inputs.by_split` or a division by hash, received both; leave one out"
        raise FieldError(f"splits.{divided[0]}", rule)
