"""Padding on either side of the sequences of a batch: which steps are real, and from the right to the left."""

from typing import Any

import tensorflow as tf

from lengthwise.padding_side import Padding, is_real, places_from_right


def step_mask(lengths: Any, steps: Any, padding: Padding) -> Any:
    """Float32 `[B, T]`: 1 on the steps of sequences, 0 on padding.

    Args:
        lengths: integers `[B]`.
        steps: T.
        padding: the side.
    """
    lengths, count = tf.cast(lengths, tf.int64), tf.cast(steps, tf.int64)
    return tf.cast(is_real(tf.range(count), lengths[:, None], count, padding), tf.float32)


def to_left(values: Any, lengths: Any) -> Any:
    """Values `[B, T, ...]` with padding on the right, with the same padding on the left."""
    count = tf.shape(values, tf.int64)[1]
    places = places_from_right(tf.range(count), tf.cast(lengths, tf.int64)[:, None], count)
    return tf.ensure_shape(tf.gather(values, places, batch_dims=1), values.shape)
