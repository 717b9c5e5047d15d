"""Columns as the `features` argument of `tf.io.parse_example`, for reading raw records with TensorFlow alone."""

from collections.abc import Iterable, Iterator
from typing import Any

from lengthwise.columns.column_queries import SequenceFeature, raw_context, sequence_features
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.from_tensorflow import from_feature_columns


def make_parse_example_spec(columns: Iterable[Any]) -> dict[str, Any]:
    """The same as `tf.feature_column.make_parse_example_spec` for these columns.

    Sequence features, ids of the whole record, and their weights are `VarLenFeature`s; other context features are
    `FixedLenFeature`s. Dtypes are those of a tf.Example: int32 becomes int64, float64 becomes float32, and numbers with
    `decode` are strings.

    Args:
        columns: columns of lengthwise or `tf.feature_column` objects; of wrappers, the features that they read.

    Returns:
        Parsing rules by feature key, sorted by key.

    Raises:
        ConfigError: two columns read one feature by different rules.
    """
    columns = from_feature_columns(columns)
    spec: dict[str, Any] = {}
    for feature in (*sequence_features(columns), *raw_context(columns)):
        if isinstance(feature, ContextColumn):
            spec[feature.key] = _fixed(feature)
        else:
            spec.update(_variable(feature))
    return dict(sorted(spec.items()))


def _variable(feature: SequenceFeature) -> Iterator[tuple[str, Any]]:
    import tensorflow as tf

    is_stored_as_bytes = getattr(feature, "decode", None) is not None
    yield feature.key, tf.io.VarLenFeature(tf.string if is_stored_as_bytes else _parsed_dtype(feature.dtype))
    weight_key = getattr(feature, "weight_key", None)
    if weight_key is not None:
        yield weight_key, tf.io.VarLenFeature(tf.float32)


def _fixed(column: ContextColumn) -> Any:
    import tensorflow as tf

    default = column.default_value
    if default is not None:
        default = float(default) if column.dtype == "float32" else default
        for size in reversed(column.shape):  # TensorFlow does not broadcast a default
            default = (default,) * size  # type: ignore[assignment]
    return tf.io.FixedLenFeature(column.shape, _parsed_dtype(column.dtype), default)


def _parsed_dtype(name: str) -> Any:
    import tensorflow as tf

    return {"float64": tf.float32, "float32": tf.float32, "string": tf.string}.get(name, tf.int64)
