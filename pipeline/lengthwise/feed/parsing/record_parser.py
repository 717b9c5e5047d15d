"""Serialized raw records -> flat values and steps, thousands at once."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import tensorflow as tf

from lengthwise.columns import (
    AnyColumn,
    ContextColumn,
    ContextFeature,
    NumericColumn,
    SequenceFeature,
    raw_context,
    sequence_features,
)
from lengthwise.feed.options.reader_options import check_choice
from lengthwise.rules.raw_steps import RawSteps
from lengthwise.tensor.tensor_types import Tensor

Container = Literal["sequence_example", "example"]


Parsed = dict[str, RawSteps[Tensor]]
"""The features of a window as they were parsed, weights included, by key."""


class Parser:
    """Parses the features that `columns` read.

    Attributes:
        container: what the records are.
    """

    def __init__(self, columns: Iterable[AnyColumn], container: Container) -> None:
        check_choice("format", container, Container)
        columns = tuple(columns)
        self.container = container
        sequences = sequence_features(columns)
        self._nested = container == "sequence_example"
        self._context = _ragged_features(raw_context(columns))
        self._flat = _ragged_features(one for one in sequences if not self._nested or one.from_ == "context")
        self._lists = _ragged_features(one for one in sequences if self._nested and one.from_ != "context")

    def parse(self, records: Any) -> Parsed:
        """Parses serialized records `[n]`; one record that cannot be parsed fails them all, as TensorFlow's ops do."""
        rules, lists = {**self._context, **self._flat}, {}
        if not self._nested:
            flat = tf.io.parse_example(records, rules)
        else:
            flat, lists, _ = tf.io.parse_sequence_example(records, rules or None, self._lists or None)
        present = _present(records, lists, "feature_lists")
        present |= _present(records, {key: flat[key] for key in rules}, "context" if self._nested else "features")
        parsed = {key: _steps(lists[key], present[key], nested=True) for key in self._lists}
        return parsed | {key: _steps(flat[key], present[key], nested=False) for key in rules}


def wire_dtype(column: AnyColumn) -> Any:
    """The dtype in which records hold a column's values."""
    match column:
        case NumericColumn() if column.decode is not None:
            return tf.string
        case NumericColumn():
            return tf.int64 if column.is_integer else tf.float32
        case ContextColumn():
            return tf.as_dtype(column.dtype)
        case _:
            return tf.string if getattr(column, "dtype", "int64") == "string" else tf.int64


def _ragged_features(features: Iterable[SequenceFeature | ContextFeature]) -> dict[str, Any]:
    """The parser's rule for each feature, weights included, by key."""
    dtypes: dict[str, Any] = {}
    for feature in features:
        dtypes[feature.key] = wire_dtype(feature)
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            dtypes[weight_key] = tf.float32
    # Row splits default to int32, which overflows in the arithmetic of budgets and of long windows.
    return {key: tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64) for key, dtype in dtypes.items()}


_ENTRIES = {
    "feature_lists": ("SequenceExample", "FeatureLists", "feature_list", "FeatureListEntry"),
    "context": ("SequenceExample", "Features", "feature", "FeatureEntry"),
    "features": ("Example", "Features", "feature", "FeatureEntry"),
}


def _steps(ragged: Any, present: Tensor, *, nested: bool) -> RawSteps[Tensor]:
    return RawSteps(ragged.flat_values, ragged.row_splits, ragged.values.row_splits if nested else None, present)


def _present(records: Any, ragged: Mapping[str, Any], lists: str) -> dict[str, Any]:
    """Which records have each feature of the map `lists`, bool `[n]`, by key.

    The parsers return no values for an absent feature and for an empty one, so the protocol buffers of the records
    without values are examined.
    """
    if not ragged:
        return {}
    known = tf.stack([one.row_lengths() > 0 for one in ragged.values()])

    def look() -> Any:
        places = tf.where(~tf.reduce_all(known, axis=0))
        found = _have_entries(tf.gather(records, places[:, 0]), list(ragged), lists)
        shape = tf.stack([tf.size(records, tf.int64), len(ragged)])
        return known | tf.transpose(tf.scatter_nd(places, tf.transpose(found), shape))

    return dict(zip(ragged, tf.unstack(tf.cond(tf.reduce_all(known), lambda: known, look)), strict=True))


def _have_entries(records: Any, names: list[str], lists: str) -> Any:
    """Whether the map `lists` of each record has each entry with a value (a tf.train.Feature may have none).

    Returns:
        bool `[names, n]`.
    """
    message, map_message, field, entry = _ENTRIES[lists]
    [outer] = _decode(records, message, [lists])
    [entries] = _decode(outer[:, 0], map_message, [field])
    keys, values = _decode(tf.reshape(entries, [-1]), f"{map_message}.{entry}", ["key", "value"])
    has = keys[:, 0] == tf.constant(names)[:, None]
    if lists != "feature_lists":
        has &= tf.strings.length(values[:, 0]) > 0
    return tf.reduce_any(tf.reshape(has, [len(names), *tf.unstack(tf.shape(entries))]), axis=2)


def _decode(records: Any, message: str, fields: list[str]) -> Any:
    """Fields of serialized messages, each `[n, most values]` and at least one wide, filled with empty strings."""
    values = tf.io.decode_proto(records, f"tensorflow.{message}", fields, [tf.string] * len(fields))[1]
    return [tf.pad(value, [[0, 0], [0, 1]], constant_values="") for value in values]
