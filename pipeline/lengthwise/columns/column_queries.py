"""Questions about a list of columns: which features they read, by which rules, and what is left after the look-ups."""

from collections.abc import Iterable, Iterator
from typing import Any

from lengthwise.columns.bytes_column import BytesColumn
from lengthwise.columns.column_base import RESERVED_KEY
from lengthwise.columns.column_groups import groups_of, length_key
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.embedding_columns import EmbeddingColumn, IndicatorColumn, SharedEmbeddingColumn
from lengthwise.columns.field_errors import show
from lengthwise.columns.id_columns import HashColumn, IdentityColumn, VocabularyColumn
from lengthwise.columns.numeric_columns import BucketizedColumn, NumericColumn
from lengthwise.errors import ConfigError

IdColumn = IdentityColumn | HashColumn | VocabularyColumn
LayerFeature = NumericColumn | IdColumn
SequenceFeature = LayerFeature | BytesColumn
DenseColumn = NumericColumn | EmbeddingColumn | SharedEmbeddingColumn | IndicatorColumn
ContextFeature = ContextColumn | IdColumn
AnyColumn = DenseColumn | IdColumn | BucketizedColumn | BytesColumn | ContextColumn


def feature_of(column: AnyColumn) -> SequenceFeature | ContextColumn:
    """The column without its wrappers: the rule by which its feature is read."""
    match column:
        case EmbeddingColumn() | SharedEmbeddingColumn() | IndicatorColumn():
            return feature_of(column.categorical_column)
        case BucketizedColumn():
            return column.source_column
        case _:
            return column


def is_context(column: AnyColumn) -> bool:
    """Whether the column reads a feature of the whole record: a context column, or ids of the record."""
    feature = feature_of(column)
    return isinstance(feature, ContextColumn) or getattr(feature, "per", "step") == "record"


def sequence_features(columns: Iterable[AnyColumn]) -> tuple[SequenceFeature, ...]:
    """The distinct sequence features, sorted by key.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    features = _distinct(feature_of(column) for column in columns)
    return tuple(one for one in features if not isinstance(one, ContextColumn) and not is_context(one))


def raw_context(columns: Iterable[AnyColumn]) -> tuple[ContextFeature, ...]:
    """The rules by which the distinct context features of raw records are read, sorted by key.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    features = _distinct(feature_of(column) for column in columns)
    return tuple(one for one in features if not isinstance(one, NumericColumn | BytesColumn) and is_context(one))


def context_features(columns: Iterable[AnyColumn]) -> tuple[ContextColumn, ...]:
    """What rows, shards and batches hold of the whole record, sorted by key.

    These are the context columns, and of ids of the record what the look-up makes: the ids, their weights, and the
    number of values where there may be several. Of groups these are the lengths, but of the one that leads.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    columns = tuple(columns)
    held = [one for feature in raw_context(columns) for one in _held(feature)]
    held += [ContextColumn(key=length_key(group), dtype="int64") for group in groups(columns)[1:]]
    return tuple(sorted(held, key=lambda column: column.key))


def groups(columns: Iterable[AnyColumn]) -> tuple[str, ...]:
    """The groups of the sequences, in the order of their first columns: the first leads."""
    return groups_of(feature for feature in map(feature_of, columns) if not is_context(feature))


def leading_length_key(columns: Iterable[AnyColumn]) -> str:
    """The feature in which prepared data and batches keep the lengths of the group that leads."""
    return length_key(next(iter(groups(columns)), ""))


def raw_values(feature: ContextFeature) -> ContextColumn:
    """The column of a feature's values themselves, before any look-up, where a record has one."""
    return feature if isinstance(feature, ContextColumn) else ContextColumn(key=feature.key, dtype=feature.dtype)


def id_features(columns: Iterable[AnyColumn]) -> tuple[IdColumn, ...]:
    """The distinct features with a look-up, those of sequences first.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    columns = tuple(columns)
    features = (*sequence_features(columns), *raw_context(columns))
    return tuple(one for one in features if not isinstance(one, NumericColumn | BytesColumn | ContextColumn))


def needs_counting(column: AnyColumn) -> bool:
    """Whether the column looks up in a vocabulary that a job has still to count."""
    feature = feature_of(column)
    return isinstance(feature, VocabularyColumn) and feature.needs_counting


def context_ids(columns: Iterable[AnyColumn]) -> dict[str, int]:
    """The numbers of ids of the context features that are ids, by key."""
    return {one.key: one.num_buckets for one in id_features(columns) if is_context(one)}


def _held(feature: ContextFeature) -> Iterator[ContextColumn]:
    if isinstance(feature, ContextColumn):
        yield feature
        return
    shape = () if feature.values_per_step == 1 else (feature.values_per_step,)
    yield ContextColumn(key=feature.key, dtype="int64", shape=shape)
    if feature.weight_key is not None:
        yield ContextColumn(key=feature.weight_key, shape=shape, default_value=None if feature.required else 0.0)
    if feature.count_key is not None:
        yield ContextColumn(key=feature.count_key, dtype="int64")


def looked_up(columns: Iterable[Any]) -> tuple[AnyColumn, ...]:
    """The columns that read features whose look-ups are done: those of prepared data and of the batches of the feed.

    Each categorical column becomes the identity column over its ids, under the same name, so that models of it need
    no vocabulary, no strings and, on dense inputs, no TensorFlow. `tf.feature_column` objects are taken, too.
    """
    from lengthwise.columns.from_tensorflow import from_feature_columns  # which needs this module

    return tuple(map(_looked_up, from_feature_columns(columns)))


def _looked_up(column: AnyColumn) -> AnyColumn:
    match column:
        case EmbeddingColumn() | SharedEmbeddingColumn() | IndicatorColumn():
            return column.model_copy(update={"categorical_column": _looked_up(column.categorical_column)})
        case IdentityColumn() | HashColumn() | VocabularyColumn():
            names = ("key", "per", "weight_key", "values_per_step", "required", "group")
            shared = {name: getattr(column, name) for name in names}
            return IdentityColumn.make(num_buckets=column.num_buckets, oov="zero", **shared)
        case BucketizedColumn():
            return column.model_copy(update={"source_column": _looked_up(column.source_column)})
        case NumericColumn():
            return column.model_copy(
                update={"from_": "feature_lists", "missing": "error", "observed": False, "decode": None}
            )
        case BytesColumn():
            return column.model_copy(update={"from_": "feature_lists", "max_bytes": None})
        case _:
            return column


def _distinct(features: Iterable[SequenceFeature | ContextColumn]) -> list[SequenceFeature | ContextColumn]:
    rules: dict[str, SequenceFeature | ContextColumn | str] = {}
    features = tuple(features)
    for group in dict.fromkeys(getattr(feature, "group", "") for feature in features):
        if group:
            _claim(rules, length_key(group), f"the lengths of the group {group!r}")
    for feature in features:
        _claim(rules, feature.key, feature)
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            _claim(rules, weight_key, f"the weights of {feature.key!r}")
        count_key = getattr(feature, "count_key", None)
        if count_key is not None:
            _claim(rules, count_key, f"the number of values of {feature.key!r}")
        observed_key = getattr(feature, "observed_key", None)
        if observed_key is not None:
            _claim(rules, observed_key, f"where {feature.key!r} was observed")
    return [rules_of for _, rules_of in sorted(rules.items()) if not isinstance(rules_of, str)]


def _claim(
    rules: dict[str, SequenceFeature | ContextColumn | str], key: str, rule: SequenceFeature | ContextColumn | str
) -> None:
    if key == RESERVED_KEY:
        raise ConfigError(f"columns: the key {key!r} is reserved for the sequences' lengths; rename the feature")
    if key.startswith("##"):  # the job's own columns of rows, and tfx-bsl's struct of all sequences
        raise ConfigError(f"columns: the key {key!r} is reserved, as all that start with '##'; rename the feature")
    if rules.setdefault(key, rule) != rule:
        raise ConfigError(
            f"columns: two columns read the feature {key!r} by different rules ({_difference(rules[key], rule)}); "
            "give both the same definition, or one of them a feature of its own"
        )


def _difference(one: SequenceFeature | ContextColumn | str, other: SequenceFeature | ContextColumn | str) -> str:
    if isinstance(one, str) or isinstance(other, str) or type(one) is not type(other):
        return " and ".join(rule if isinstance(rule, str) else f"kind {rule.kind}" for rule in (one, other))
    differing = [name for name in type(one).model_fields if getattr(one, name) != getattr(other, name)]
    return ", ".join(
        f"{name.rstrip('_')} {show(getattr(one, name))} and {show(getattr(other, name))}" for name in differing
    )
