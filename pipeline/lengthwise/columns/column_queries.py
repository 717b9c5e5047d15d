"""Questions about a list of columns: which features they read, by which columns, and the columns after the lookups."""

from collections.abc import Iterable, Iterator
from typing import Any

from lengthwise.columns.bytes_column import BytesColumn
from lengthwise.columns.column_base import RESERVED_KEY
from lengthwise.columns.column_groups import groups_of, length_key
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.embedding_columns import EmbeddingColumn, IndicatorColumn, SharedEmbeddingColumn
from lengthwise.columns.field_errors import show
from lengthwise.columns.id_columns import HashColumn, IdentityColumn
from lengthwise.columns.numeric_columns import BucketizedColumn, NumericColumn
from lengthwise.columns.vocabulary_columns import VocabularyColumn
from lengthwise.errors import ConfigError

IdColumn = IdentityColumn | HashColumn | VocabularyColumn
LayerFeature = NumericColumn | IdColumn
SequenceFeature = LayerFeature | BytesColumn
DenseColumn = NumericColumn | EmbeddingColumn | SharedEmbeddingColumn | IndicatorColumn
ContextFeature = ContextColumn | IdColumn
AnyColumn = DenseColumn | IdColumn | BucketizedColumn | BytesColumn | ContextColumn


def feature_of(column: AnyColumn) -> SequenceFeature | ContextColumn:
    """The column without its wrappers: the column that reads the feature."""
    match column:
        case EmbeddingColumn() | SharedEmbeddingColumn() | IndicatorColumn():
            return feature_of(column.categorical_column)
        case BucketizedColumn():
            return column.source_column
        case _:
            return column


def is_context(column: AnyColumn) -> bool:
    """Whether the column reads a feature of the whole record: a context column, or ids with `per="record"`."""
    feature = feature_of(column)
    return isinstance(feature, ContextColumn) or getattr(feature, "per", "step") == "record"


def sequence_features(columns: Iterable[AnyColumn]) -> tuple[SequenceFeature, ...]:
    """The distinct sequence features, sorted by key.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    features = _distinct(feature_of(column) for column in columns)
    return tuple(feature for feature in features if not isinstance(feature, ContextColumn) and not is_context(feature))


def raw_context(columns: Iterable[AnyColumn]) -> tuple[ContextFeature, ...]:
    """The columns that read the distinct context features of raw records, sorted by key.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    features = _distinct(feature_of(column) for column in columns)
    return tuple(
        feature for feature in features if not isinstance(feature, NumericColumn | BytesColumn) and is_context(feature)
    )


def context_features(columns: Iterable[AnyColumn]) -> tuple[ContextColumn, ...]:
    """The context features of rows, shards and batches, sorted by key.

    These are the context columns; for ids of the whole record the results of the lookup: the ids, their weights, and
    the number of values if there may be several; and the lengths of all groups except the leading one.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    columns = tuple(columns)
    features = [context for feature in raw_context(columns) for context in _after_lookup(feature)]
    features += [ContextColumn(key=length_key(group), dtype="int64") for group in groups(columns)[1:]]
    return tuple(sorted(features, key=lambda column: column.key))


def groups(columns: Iterable[AnyColumn]) -> tuple[str, ...]:
    """The groups of the sequences, in the order of their first columns; the first group leads."""
    return groups_of(feature for feature in map(feature_of, columns) if not is_context(feature))


def leading_length_key(columns: Iterable[AnyColumn]) -> str:
    """The feature of prepared data and batches that contains the lengths of the leading group."""
    return length_key(next(iter(groups(columns)), ""))


def raw_values(feature: ContextFeature) -> ContextColumn:
    """The column of a feature's values before any lookup, for a feature with one value per record."""
    return feature if isinstance(feature, ContextColumn) else ContextColumn(key=feature.key, dtype=feature.dtype)


def id_features(columns: Iterable[AnyColumn]) -> tuple[IdColumn, ...]:
    """The distinct features with a lookup, those of sequences first.

    Raises:
        ConfigError: two columns read one feature by different rules, or a key is reserved.
    """
    columns = tuple(columns)
    features = (*sequence_features(columns), *raw_context(columns))
    return tuple(
        feature for feature in features if not isinstance(feature, NumericColumn | BytesColumn | ContextColumn)
    )


def feature_keys_of(feature: SequenceFeature | ContextColumn) -> tuple[str, ...]:
    """The features of batches that belong to a column: its own, its weights, and those that the lookup adds."""
    keys = (getattr(feature, name, None) for name in ("key", *_ADDED_KEYS))
    return tuple(key for key in keys if key is not None)


def needs_counting(column: AnyColumn) -> bool:
    """Whether the column uses a vocabulary that a job has not counted yet."""
    feature = feature_of(column)
    return isinstance(feature, VocabularyColumn) and feature.needs_counting


def context_ids(columns: Iterable[AnyColumn]) -> dict[str, int]:
    """The number of ids of each context feature that is looked up, by key."""
    return {feature.key: feature.num_buckets for feature in id_features(columns) if is_context(feature)}


def _after_lookup(feature: ContextFeature) -> Iterator[ContextColumn]:
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
    """The columns that read features after their lookups: those of prepared data and of the batches of the feed.

    Each categorical column becomes the identity column over its ids, with the same name. Models of these columns need
    no vocabulary, no strings and, on dense inputs, no TensorFlow. `tf.feature_column` objects are also accepted.
    """
    from lengthwise.columns.from_tensorflow import from_feature_columns  # imports this module

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


_ADDED_KEYS = {
    "weight_key": "the weights of {key!r}",
    "count_key": "the number of values of {key!r}",
    "observed_key": "where {key!r} was observed",
}
"""The attributes of columns that name further features, and what these contain."""

_Use = SequenceFeature | ContextColumn | str
"""The column that reads a feature, or a description of what an added feature contains."""


def _distinct(features: Iterable[SequenceFeature | ContextColumn]) -> list[SequenceFeature | ContextColumn]:
    uses: dict[str, _Use] = {}
    features = tuple(features)
    for group in dict.fromkeys(getattr(feature, "group", "") for feature in features):
        if group:
            _claim(uses, length_key(group), f"the lengths of the group {group!r}")
    for feature in features:
        _claim(uses, feature.key, feature)
        for name, content in _ADDED_KEYS.items():
            added_key = getattr(feature, name, None)
            if added_key is not None:
                _claim(uses, added_key, content.format(key=feature.key))
    return [use for _, use in sorted(uses.items()) if not isinstance(use, str)]


def _claim(uses: dict[str, _Use], key: str, use: _Use) -> None:
    if key == RESERVED_KEY:
        raise ConfigError(f"columns: the key {key!r} is reserved for the sequences' lengths; rename the feature")
    if key.startswith("##"):  # the job's columns of rows, and tfx-bsl's struct of all sequences
        raise ConfigError(f"columns: the key {key!r} is reserved, as are all keys that start with '##'; rename it")
    if uses.setdefault(key, use) != use:
        raise ConfigError(
            f"columns: two columns read the feature {key!r} by different rules ({_difference(uses[key], use)}); "
            "give both the same definition, or let one of them read a different feature"
        )


def _difference(first: _Use, second: _Use) -> str:
    if isinstance(first, str) or isinstance(second, str) or type(first) is not type(second):
        return " and ".join(use if isinstance(use, str) else f"kind {use.kind}" for use in (first, second))
    differences = []
    for name in type(first).model_fields:
        values = getattr(first, name), getattr(second, name)
        if values[0] != values[1]:
            differences.append(f"{name.rstrip('_')} {show(values[0])} and {show(values[1])}")
    return ", ".join(differences)
