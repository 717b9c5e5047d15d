"""Records of the example layout -> rows, to be read like blocks: rows of all buckets share windows."""

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Features, Flat, Rows, context_dtype
from lengthwise.tensor.tensor_types import FeatureSpec, Tensor


def rows_of_examples(records: Tensor, features: Features) -> Rows:
    """The rows of many examples `[n]`, with their padding."""
    parsing: dict[str, FeatureSpec] = {features.length_key: tf.io.FixedLenFeature([], tf.int64)}
    parsing |= {spec.key: tf.io.RaggedFeature(spec.dtype, row_splits_dtype=tf.int64) for spec in features.sequences}
    parsing |= {column.key: tf.io.FixedLenFeature(column.shape, context_dtype(column)) for column in features.context}
    parsed = tf.io.parse_example(records, parsing)
    lengths = parsed[features.length_key]
    ragged = {spec.key: parsed[spec.key] for spec in features.sequences}
    sequences = {key: Flat(values.flat_values, values.row_splits) for key, values in ragged.items()}
    whole = [_is_whole(sequences[s.key], parsed[s.length] * s.width, s.width) for s in features.sequences]
    message = "a file of the data set is damaged: an example has fewer steps than its sequence_length"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(whole), [message])]):
        lengths = tf.identity(lengths)
    return Rows(sequences, lengths, {column.key: parsed[column.key] for column in features.context})


def _is_whole(flat: Flat, least: Tensor, width: int) -> Tensor:
    """Whether each row has complete steps, and at least `least` values."""
    counts = flat.splits[1:] - flat.splits[:-1]
    return tf.reduce_all((counts >= least) & (counts % width == 0))
