"""Columns from `tf.feature_column.*` objects: reads their fields without running their code or importing TensorFlow.

    sequence_numeric_column                      NumericColumn
    sequence_categorical_column_with_identity    IdentityColumn
    ..._with_hash_bucket                         HashColumn
    ..._with_vocabulary_list / _file             VocabularyColumn
    categorical_column_with_* of these names     the same with per="record"
    weighted_categorical_column of these         the same column with a weight_key
    embedding_column, indicator_column           EmbeddingColumn, IndicatorColumn
    shared_embeddings, shared_embedding_columns  SharedEmbeddingColumn; a group has one table
    numeric_column, bucketized_column of it      ContextColumn

Policies are those of TensorFlow: values outside a vocabulary become the missing id, `default_value` or an OOV bucket,
and identity values out of range without a `default_value` are errors.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast, get_args

from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_queries import AnyColumn, IdColumn
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.embedding_columns import (
    EmbeddingColumn,
    IndicatorColumn,
    SharedEmbedding,
    SharedEmbeddingColumn,
)
from lengthwise.columns.exact_numbers import dtype_name
from lengthwise.columns.field_errors import show
from lengthwise.columns.id_columns import HashColumn, IdentityColumn
from lengthwise.columns.initializers import is_default_initializer
from lengthwise.columns.numeric_columns import BucketizedColumn, NumericColumn
from lengthwise.columns.vocabulary_columns import VocabularyColumn
from lengthwise.errors import ConfigError

_KINDS = (
    "sequence_numeric_column, embedding_column, shared_embeddings or indicator_column over a "
    "sequence_categorical_column_with_{identity,hash_bucket,vocabulary_list,vocabulary_file}, or a context column "
    "(lengthwise.columns.context_column, tf.feature_column.numeric_column, or the above over a "
    "categorical_column_with_*)"
)


def from_feature_columns(feature_columns: Iterable[Any]) -> tuple[AnyColumn, ...]:
    """Converts each column by `from_feature_column`, in the given order.

    Raises:
        ConfigError: the argument is not a list of columns, or one of them cannot be converted.
    """
    single = isinstance(feature_columns, Mapping | str | Spec) or is_feature_column(feature_columns)
    if single or not isinstance(feature_columns, Iterable):
        raise ConfigError(
            f"feature_columns: expected a list of columns, received {type(feature_columns).__name__}; "
            "write [column] for a single column and list(columns.values()) for a dict"
        )
    return tuple(from_feature_column(column) for column in feature_columns)


def from_feature_column(column: Any) -> AnyColumn:
    """Converts a `tf.feature_column.*` object to a column of lengthwise; columns of lengthwise are returned unchanged.

    Args:
        column: a feature column of `tf.feature_column` or `tf.compat.v1.feature_column`, or a column of `lengthwise`.

    Raises:
        ConfigError: the object is something else, or has properties that are not possible for sequences.
    """
    if isinstance(column, get_args(AnyColumn)):
        return cast(AnyColumn, column)
    converter = _CONVERTERS.get(_kind(column))
    if converter is None:
        raise ConfigError(f"All feature_columns must be of type {_KINDS}. Given (type {type(column)}): {column!r}")
    return converter(column)


def is_feature_column(value: Any) -> bool:
    """Whether this is a `tf.feature_column.*` object. These are tuples of their fields."""
    return type(value).__module__.startswith("tensorflow.") and hasattr(value, "_fields")


def _kind(column: Any) -> str:
    """The class name without the underscore of TensorFlow's v1 classes; empty for classes of other packages."""
    kind = type(column)
    return kind.__name__.lstrip("_") if kind.__module__.startswith("tensorflow.") else ""


def _numeric(column: Any) -> NumericColumn:
    return NumericColumn.make(
        key=column.key,
        shape=tuple(column.shape),
        default_value=column.default_value,
        dtype=_number_dtype(column.dtype),
        normalizer_fn=column.normalizer_fn,
    )


def _number_dtype(dtype: Any) -> str:
    name = str(dtype_name(dtype))
    if name in ("float32", "float64", "int32", "int64"):
        return name
    return "int64" if "int" in name else "float32"  # the dtypes of a tf.Example: float16 is read from a float list


def convert_categorical(column: Any) -> IdColumn | BucketizedColumn:
    """Converts a categorical column of TensorFlow, of sequences or of the whole record, to a column of lengthwise.

    Columns of lengthwise are returned unchanged.

    Raises:
        ConfigError: the object is something else.
    """
    if isinstance(column, IdColumn | BucketizedColumn):
        return column
    kind = _kind(column)
    if kind == "WeightedCategoricalColumn":
        return convert_categorical(column.categorical_column).model_copy(
            update={"weight_key": column.weight_feature_key}
        )
    if kind == "SequenceCategoricalColumn":
        return _ids(column.categorical_column, "step")
    if kind in _CATEGORICAL:
        return _ids(column, "record")
    raise ConfigError(
        "categorical_column must be of type SequenceCategoricalColumn to use it in sequences; create it with "
        "sequence_categorical_column_with_* of lengthwise or of tf.feature_column (for the whole record: with "
        f"categorical_column_with_*). Given (type {type(column)}): {show(column)}"
    )


_CATEGORICAL = (
    "IdentityCategoricalColumn",
    "HashedCategoricalColumn",
    "VocabularyListCategoricalColumn",
    "VocabularyFileCategoricalColumn",
)


def _ids(column: Any, per: Literal["step", "record"]) -> IdColumn:
    match _kind(column):
        case "IdentityCategoricalColumn":
            return IdentityColumn.make(
                key=column.key, per=per, num_buckets=int(column.num_buckets), default_value=column.default_value
            )
        case "HashedCategoricalColumn":
            return HashColumn.make(
                key=column.key,
                per=per,
                hash_bucket_size=int(column.hash_bucket_size),
                dtype=_id_dtype(column.dtype),
            )
        case "VocabularyListCategoricalColumn":
            return _vocabulary(column, per=per, vocabulary_list=tuple(column.vocabulary_list))
        case "VocabularyFileCategoricalColumn" if getattr(column, "file_format", None) != "tfrecord_gzip":
            return _vocabulary(
                column,
                per=per,
                vocabulary_file=str(column.vocabulary_file),
                vocabulary_size=int(column.vocabulary_size),
            )
        case kind:
            raise ConfigError(
                "expected a sequence_categorical_column_with_{identity,hash_bucket,vocabulary_list,vocabulary_file} "
                f"(vocabulary files as text), received {kind or type(column).__name__}: {column!r}"
            )


def _vocabulary(column: Any, **source: Any) -> VocabularyColumn:
    return VocabularyColumn.make(
        key=column.key,
        dtype=_id_dtype(column.dtype),
        num_oov_buckets=column.num_oov_buckets,
        default_value=column.default_value,
        **source,
    )


def _id_dtype(dtype: Any) -> str:
    return "string" if dtype_name(dtype) == "string" else "int64"


def _embedding(column: Any) -> EmbeddingColumn:
    return EmbeddingColumn.make(
        categorical_column=convert_categorical(column.categorical_column),
        combiner=column.combiner,
        max_norm=column.max_norm,
        **_table(column, ""),
    )


def _table(owner: Any, prefix: str) -> dict[str, Any]:
    """The common fields of an embedding column and of the creator of a shared one, whose names have a prefix."""
    names = ("dimension", "ckpt_to_load_from", "tensor_name_in_ckpt", "trainable")
    table = {name: getattr(owner, prefix + name) for name in names}
    initializer = _initializer(owner, prefix)
    table["initializer"] = None if is_default_initializer(initializer, table["dimension"]) else initializer
    return table


def _initializer(owner: Any, prefix: str) -> Any:
    if not hasattr(owner, "layer_creator"):
        return getattr(owner, prefix + "initializer")
    # An embedding column of version 1 stores it only in the closure of its function.
    return inspect.getclosurevars(owner.layer_creator).nonlocals["initializer"]


def _shared_embedding(column: Any) -> SharedEmbeddingColumn:
    creator = getattr(column, "shared_embedding_column_creator", None)  # only in TensorFlow 2
    name = column.shared_embedding_collection_name if creator is None else creator._name
    categorical = convert_categorical(column.categorical_column)
    shared = SharedEmbedding.make(
        name=name,
        num_buckets=categorical.num_buckets,
        combiner=column.combiner,
        max_norm=column.max_norm,
        **(_table(column, "") if creator is None else _table(creator, "_")),
    )
    return SharedEmbeddingColumn.make(categorical_column=categorical, shared=shared)


def _indicator(column: Any) -> IndicatorColumn:
    return IndicatorColumn.make(categorical_column=convert_categorical(column.categorical_column))


def _context(column: Any) -> ContextColumn:
    if column.normalizer_fn is not None:
        raise ConfigError(
            f"numeric_column {column.key!r}: expected no normalizer_fn in a context column; normalise in the model"
        )
    is_float = _number_dtype(column.dtype).startswith("float")
    default = _single_default(column)
    if default is not None:
        default = float(default) if is_float else int(default)
    return ContextColumn.make(
        key=column.key,
        dtype="float32" if is_float else "int64",
        shape=tuple(column.shape),
        default_value=default,
    )


def _single_default(column: Any) -> Any:
    """The default as one number: TensorFlow repeats it in the column's shape."""
    values = [column.default_value]
    while isinstance(values[0], tuple | list):
        values = [value for nested in values for value in nested]
    if len(set(values)) > 1:
        raise ConfigError(
            f"numeric_column {column.key!r}: expected one default_value for all elements, received "
            f"{column.default_value!r}"
        )
    return values[0]


_CONVERTERS: dict[str, Callable[[Any], AnyColumn]] = {
    "SequenceNumericColumn": _numeric,
    "SequenceCategoricalColumn": convert_categorical,
    "WeightedCategoricalColumn": convert_categorical,
    **dict.fromkeys(_CATEGORICAL, convert_categorical),
    "EmbeddingColumn": _embedding,
    "SharedEmbeddingColumn": _shared_embedding,
    "IndicatorColumn": _indicator,
    "NumericColumn": _context,
    "BucketizedColumn": lambda column: _context(column.source_column),
}
