"""Records of the example layout -> their rows, to be read as blocks are: rows of all buckets meet in windows."""

from typing import Any

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Features, Flat, Rows, context_dtype


def rows_of_examples(records: Any, features: Features) -> Rows:
    """The rows of many examples `[n]`, with their padding."""
    spec: dict[str, Any] = {features.length_key: tf.io.FixedLenFeature([], tf.int64)}
    spec |= {one.key: tf.io.RaggedFeature(one.dtype, row_splits_dtype=tf.int64) for one in features.sequences}
    spec |= {column.key: tf.io.FixedLenFeature(column.shape, context_dtype(column)) for column in features.context}
    parsed = tf.io.parse_example(records, spec)
    lengths = parsed[features.length_key]
    sequences = {one.key: _flat(parsed[one.key]) for one in features.sequences}
    whole = [_is_whole(sequences[one.key], parsed[one.length] * one.width, one.width) for one in features.sequences]
    message = "a file of the data set is damaged: an example has fewer steps than its sequence_length says"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(whole), [message])]):
        lengths = tf.identity(lengths)
    return Rows(sequences, lengths, {column.key: parsed[column.key] for column in features.context})


def _flat(values: Any) -> Flat:
    return Flat(values.flat_values, values.row_splits)


def _is_whole(flat: Flat, least: Any, width: int) -> Any:
    """Whether each row has whole steps, and at least so many values."""
    counts = flat.splits[1:] - flat.splits[:-1]
    return tf.reduce_all((counts >= least) & (counts % width == 0))
