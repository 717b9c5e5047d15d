"""Constructors of columns with TensorFlow's names and arguments; further keyword arguments set the other fields."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lengthwise.columns.bytes_column import BytesColumn
from lengthwise.columns.column_queries import IdColumn
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.embedding_columns import (
    Categorical,
    EmbeddingColumn,
    IndicatorColumn,
    SharedEmbedding,
    SharedEmbeddingColumn,
)
from lengthwise.columns.exact_numbers import dtype_name
from lengthwise.columns.field_errors import EXPECTED_COLUMN, show
from lengthwise.columns.from_tensorflow import convert_categorical, from_feature_column, is_feature_column
from lengthwise.columns.id_columns import HashColumn, IdentityColumn
from lengthwise.columns.numeric_columns import BucketizedColumn, NumericColumn
from lengthwise.columns.vocabulary_columns import VocabularyColumn
from lengthwise.errors import ConfigError, ConfigTypeError


def sequence_numeric_column(
    key: str,
    shape: int | Sequence[int] = (1,),
    default_value: float = 0.0,
    dtype: Any = "float32",
    normalizer_fn: Callable[[Any], Any] | None = None,
    **validity: Any,
) -> NumericColumn:
    """A sequence of numbers; `validity` accepts `required`, `min_value`, `max_value`, `finite`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return NumericColumn.make(
        key=key,
        shape=_as_tuple(shape),
        default_value=default_value,
        dtype=dtype_name(dtype),
        normalizer_fn=normalizer_fn,
        **validity,
    )


def sequence_bucketized_column(
    source_column: NumericColumn, boundaries: Sequence[float] | Mapping[str, int]
) -> BucketizedColumn:
    """A numeric sequence as ids: the number of `boundaries` that are <= the value.

    With `{"quantiles": 10}`, `prepare` computes the boundaries from the numbers of the training split.

    Raises:
        ConfigError: an argument is wrong.
    """
    source = from_feature_column(source_column) if is_feature_column(source_column) else source_column
    return BucketizedColumn.make(source_column=source, boundaries=_as_tuple(boundaries))


def sequence_bytes_column(key: str, **rules: Any) -> BytesColumn:
    """A sequence of byte strings that are not decoded; `rules` accepts `required`, `max_bytes`, `group`, `from_`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return BytesColumn.make(key=key, **rules)


def sequence_categorical_column_with_identity(
    key: str, num_buckets: int, default_value: int | None = None, **rules: Any
) -> IdentityColumn:
    """Integers in [0, num_buckets) as ids; `rules` accepts `oov`, `weight_key`, `values_per_step`, `required`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return IdentityColumn.make(key=key, num_buckets=num_buckets, default_value=default_value, **rules)


def sequence_categorical_column_with_hash_bucket(
    key: str, hash_bucket_size: int, dtype: Any = "string", **rules: Any
) -> HashColumn:
    """Strings or integers hashed into ids; `rules` accepts `weight_key`, `values_per_step`, `required`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return HashColumn.make(key=key, hash_bucket_size=hash_bucket_size, dtype=dtype_name(dtype), **rules)


def sequence_categorical_column_with_vocabulary_list(
    key: str,
    vocabulary_list: Sequence[str] | Sequence[int],
    dtype: Any = None,
    default_value: int = -1,
    num_oov_buckets: int = 0,
    **rules: Any,
) -> VocabularyColumn:
    """Values looked up in a list; `rules` accepts `oov`, `weight_key`, `values_per_step`, `required`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return VocabularyColumn.make(
        key=key,
        vocabulary_list=_as_tuple(vocabulary_list),
        dtype=dtype_name(dtype),
        default_value=default_value,
        num_oov_buckets=num_oov_buckets,
        **rules,
    )


def sequence_categorical_column_with_vocabulary_file(
    key: str,
    vocabulary_file: str,
    vocabulary_size: int | None = None,
    num_oov_buckets: int = 0,
    default_value: int | None = None,
    dtype: Any = "string",
    **rules: Any,
) -> VocabularyColumn:
    """Values looked up in a file with one entry per line.

    `rules` accepts `oov`, `weight_key`, `values_per_step`, `required`.

    Raises:
        ConfigError: an argument is wrong, or the file is not a valid vocabulary.
    """
    return VocabularyColumn.make(
        key=key,
        vocabulary_file=str(vocabulary_file),
        vocabulary_size=vocabulary_size,
        dtype=dtype_name(dtype),
        default_value=-1 if default_value is None else default_value,
        num_oov_buckets=num_oov_buckets,
        **rules,
    )


def categorical_column_with_identity(
    key: str, num_buckets: int, default_value: int | None = None, **rules: Any
) -> IdentityColumn:
    """Integers of the whole record as ids; `rules` as for `sequence_categorical_column_with_identity`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return sequence_categorical_column_with_identity(key, num_buckets, default_value, per="record", **rules)


def categorical_column_with_hash_bucket(
    key: str, hash_bucket_size: int, dtype: Any = "string", **rules: Any
) -> HashColumn:
    """Values of the whole record hashed; `rules` as for `sequence_categorical_column_with_hash_bucket`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return sequence_categorical_column_with_hash_bucket(key, hash_bucket_size, dtype, per="record", **rules)


def categorical_column_with_vocabulary_list(
    key: str,
    vocabulary_list: Sequence[str] | Sequence[int],
    dtype: Any = None,
    default_value: int = -1,
    num_oov_buckets: int = 0,
    **rules: Any,
) -> VocabularyColumn:
    """Values of the whole record looked up in a list.

    `rules` as for `sequence_categorical_column_with_vocabulary_list`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return sequence_categorical_column_with_vocabulary_list(
        key, vocabulary_list, dtype, default_value, num_oov_buckets, per="record", **rules
    )


def categorical_column_with_vocabulary_file(
    key: str,
    vocabulary_file: str,
    vocabulary_size: int | None = None,
    dtype: Any = "string",
    default_value: int | None = None,
    num_oov_buckets: int = 0,
    **rules: Any,
) -> VocabularyColumn:
    """Values of the whole record looked up in a file.

    `rules` as for `sequence_categorical_column_with_vocabulary_file`.

    Raises:
        ConfigError: an argument is wrong, or the file is not a valid vocabulary.
    """
    return sequence_categorical_column_with_vocabulary_file(
        key, vocabulary_file, vocabulary_size, num_oov_buckets, default_value, dtype, per="record", **rules
    )


def embedding_column(
    categorical_column: Categorical, dimension: int, combiner: str = "mean", **table: Any
) -> EmbeddingColumn:
    """Ids with an embedding table; `table` accepts the fields of `EmbeddingSpec`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return EmbeddingColumn.make(
        categorical_column=_converted(categorical_column), dimension=dimension, combiner=combiner, **_fields(table)
    )


def shared_embedding_columns(
    categorical_columns: Sequence[Categorical],
    dimension: int,
    combiner: str = "mean",
    initializer: Any = None,
    shared_embedding_collection_name: str | None = None,
    **table: Any,
) -> list[SharedEmbeddingColumn]:
    """Ids of several features with one embedding table, in the given order.

    Raises:
        ConfigError: an argument is wrong, or the columns have different numbers of ids.
    """
    columns = [_converted(column) for column in categorical_columns]
    for column in columns:
        if not isinstance(column, IdColumn | BucketizedColumn):
            raise ConfigTypeError(f"categorical_columns: {EXPECTED_COLUMN}, received {show(column)}")
    if not columns:
        raise ConfigError("categorical_columns: expected at least one categorical column, received none")
    names = "_".join(sorted(column.name for column in columns))
    shared = SharedEmbedding.make(
        name=shared_embedding_collection_name or f"{names}_shared_embedding",
        num_buckets=columns[0].num_buckets,
        dimension=dimension,
        combiner=combiner,
        initializer=initializer,
        **_fields(table),
    )
    return [SharedEmbeddingColumn.make(categorical_column=column, shared=shared) for column in columns]


def indicator_column(categorical_column: Categorical) -> IndicatorColumn:
    """Ids as counts of each.

    Raises:
        ConfigError: the argument is not a categorical column.
    """
    return IndicatorColumn.make(categorical_column=_converted(categorical_column))


def context_column(
    key: str, dtype: Any = "float32", shape: int | Sequence[int] = (), default_value: Any = None, **validity: Any
) -> ContextColumn:
    """A feature of the whole record; `validity` accepts `min_value`, `max_value`, `finite`.

    Raises:
        ConfigError: an argument is wrong.
    """
    return ContextColumn.make(
        key=key, dtype=dtype_name(dtype), shape=_as_tuple(shape), default_value=default_value, **validity
    )


def _as_tuple(values: Any) -> Any:
    """An array or another iterable as a tuple; other values are returned unchanged, for the column to check."""
    return tuple(values) if isinstance(values, Iterable) and not isinstance(values, str | Mapping) else values


def _converted(column: Any) -> Any:
    """The categorical column, converted if it is one of TensorFlow's."""
    return convert_categorical(column) if is_feature_column(column) else column


def _fields(table: dict[str, Any]) -> dict[str, Any]:
    """The arguments without TensorFlow's switch for a lookup that drops empty rows: lengthwise always does."""
    return {name: value for name, value in table.items() if name != "use_safe_embedding_lookup"}
