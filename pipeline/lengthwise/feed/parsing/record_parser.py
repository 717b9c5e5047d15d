"""Serialized raw records -> flat values and steps, thousands at once.

A step of a tf.SequenceExample is one tf.train.Feature; of a tf.Example, whose lists are flat, `width` consecutive
values. The TensorFlow twin of `lengthwise.records.arrays.arrow_steps`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

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

Container = Literal["sequence_example", "example"]


class RawSteps(NamedTuple):
    """One sequence feature of a window as it was parsed.

    Attributes:
        values: the values of all steps of all records, flat.
        row_splits: int64 `[n + 1]`: where each record's steps (in a tf.Example: values) start.
        step_splits: int64 `[steps + 1]`: where each step's values start; None in a tf.Example.
        present: bool `[n]`: the records that have the feature.
    """

    values: Any
    row_splits: Any
    step_splits: Any | None
    present: Any

    @property
    def row_counts(self) -> Any:
        """int64 `[n]`: how many steps (in a tf.Example: values) each record has."""
        return self.row_splits[1:] - self.row_splits[:-1]

    @property
    def step_sizes(self) -> Any:
        """int64 `[steps]`: how many values each step has."""
        assert self.step_splits is not None
        return self.step_splits[1:] - self.step_splits[:-1]

    def as_one_step(self) -> "RawSteps":
        """A feature of the whole record as one step of every record: where it is absent, an empty one."""
        return RawSteps(self.values, tf.range(tf.size(self.row_splits, tf.int64)), self.row_splits, self.present)

    def is_even(self, width: int) -> Any:
        """Whether all steps have `width` values: compared with where they then start, which spares two copies."""
        assert self.step_splits is not None
        return tf.reduce_all(self.step_splits == tf.range(tf.size(self.step_splits, tf.int64)) * width)


class Parsed(NamedTuple):
    """A window: its sequence features and its context features (whose rows are records), by key."""

    sequences: dict[str, RawSteps]
    context: dict[str, RawSteps]


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
        sequences = {key: _steps(lists[key], present[key], nested=True) for key in self._lists}
        sequences |= {key: _steps(flat[key], present[key], nested=False) for key in self._flat}
        return Parsed(sequences, {key: _steps(flat[key], present[key], nested=False) for key in self._context})


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


def _steps(ragged: Any, present: Any, *, nested: bool) -> RawSteps:
    return RawSteps(ragged.flat_values, ragged.row_splits, ragged.values.row_splits if nested else None, present)


def _present(records: Any, ragged: Mapping[str, Any], lists: str) -> dict[str, Any]:
    """Which records have each feature of the map `lists`, bool `[n]`, by key.

    The parsers give an absent feature and an empty one alike as no values, so the protocol buffers of the records
    without values are looked into.
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
