"""Serialized raw records -> flat values and steps, thousands at once."""

from collections.abc import Iterable, Mapping
from typing import get_args

import tensorflow as tf

from lengthwise.columns import (
    AnyColumn,
    ContextFeature,
    NumericColumn,
    SequenceFeature,
    raw_context,
    sequence_features,
)
from lengthwise.config import RecordFormat
from lengthwise.feed.options.reader_options import check_choice
from lengthwise.rules.raw_steps import RawSteps
from lengthwise.tensor.tensor_types import DType, FeatureSpec, RaggedTensor, Tensor

Parsed = dict[str, RawSteps[Tensor]]
"""The features of a window as they were parsed, weights included, by key."""


class Parser:
    """Parses the features that `columns` read.

    Attributes:
        container: what the records are.
    """

    def __init__(self, columns: Iterable[AnyColumn], container: RecordFormat) -> None:
        check_choice("format", container, get_args(RecordFormat))
        columns = tuple(columns)
        self.container = container
        self._nested = container == "sequence_example"
        lists = [column for column in sequence_features(columns) if self._nested and column.from_ != "context"]
        flat = [column for column in sequence_features(columns) if column not in lists]
        self._lists = _parsing_rules(lists)
        self._flat = _parsing_rules([*raw_context(columns), *flat])

    def parse(self, records: Tensor) -> Parsed:
        """Parses serialized records `[n]`; one record that cannot be parsed fails them all, as TensorFlow's ops do."""
        lists: dict[str, RaggedTensor] = {}
        if not self._nested:
            flat = tf.io.parse_example(records, self._flat)
        else:
            flat, lists, _ = tf.io.parse_sequence_example(records, self._flat or None, self._lists or None)
        present = _present(records, lists, "feature_lists")
        present |= _present(records, {key: flat[key] for key in self._flat}, "context" if self._nested else "features")
        parsed = {key: _steps(lists[key], present[key], nested=True) for key in self._lists}
        return parsed | {key: _steps(flat[key], present[key], nested=False) for key in self._flat}


def wire_dtype(column: SequenceFeature | ContextFeature) -> DType:
    """The dtype of a feature's values in records."""
    if not isinstance(column, NumericColumn):
        return tf.as_dtype(column.dtype)
    if column.decode is not None:
        return tf.string
    return tf.int64 if column.is_integer else tf.float32


def _parsing_rules(features: Iterable[SequenceFeature | ContextFeature]) -> dict[str, FeatureSpec]:
    """The parser's rule for each feature, weights included, by key."""
    dtypes: dict[str, DType] = {}
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


def _steps(ragged: RaggedTensor, present: Tensor, *, nested: bool) -> RawSteps[Tensor]:
    return RawSteps(ragged.flat_values, ragged.row_splits, ragged.values.row_splits if nested else None, present)


def _present(records: Tensor, ragged: Mapping[str, RaggedTensor], lists: str) -> dict[str, Tensor]:
    """Which records have each feature of the map `lists`, bool `[n]`, by key.

    The parsers return no values for an absent feature and for an empty one, so the protocol buffers of the records
    without values are examined.
    """
    if not ragged:
        return {}
    have_values = tf.stack([feature.row_lengths() > 0 for feature in ragged.values()])

    def examine() -> Tensor:
        positions = tf.where(~tf.reduce_all(have_values, axis=0))
        have_entries = _have_entries(tf.gather(records, positions[:, 0]), list(ragged), lists)
        shape = tf.stack([tf.size(records, tf.int64), len(ragged)])
        return have_values | tf.transpose(tf.scatter_nd(positions, tf.transpose(have_entries), shape))

    present = tf.cond(tf.reduce_all(have_values), lambda: have_values, examine)
    return dict(zip(ragged, tf.unstack(present), strict=True))


def _have_entries(records: Tensor, names: list[str], lists: str) -> Tensor:
    """Whether the map `lists` of each record has each entry with a value (a tf.train.Feature may have none).

    Returns:
        bool `[names, n]`.
    """
    message, map_message, field, entry = _ENTRIES[lists]
    [outer] = _decode(records, message, [lists])
    [entries] = _decode(outer[:, 0], map_message, [field])
    keys, values = _decode(tf.reshape(entries, [-1]), f"{map_message}.{entry}", ["key", "value"])
    matches = keys[:, 0] == tf.constant(names)[:, None]
    if lists != "feature_lists":
        matches &= tf.strings.length(values[:, 0]) > 0
    return tf.reduce_any(tf.reshape(matches, [len(names), *tf.unstack(tf.shape(entries))]), axis=2)


def _decode(records: Tensor, message: str, fields: list[str]) -> list[Tensor]:
    """Fields of serialized messages, each `[n, values]` with at least one value, filled with empty strings."""
    values = tf.io.decode_proto(records, f"tensorflow.{message}", fields, [tf.string] * len(fields))[1]
    return [tf.pad(value, [[0, 0], [0, 1]], constant_values="") for value in values]
