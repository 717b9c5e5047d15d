"""Padding on either side of a batch's sequences: which steps are real, and moving padding from right to left."""

import tensorflow as tf

from lengthwise.padding_side import Padding, is_real, positions_from_right
from lengthwise.tensor.tensor_types import Tensor


def step_weights(lengths: Tensor, steps: Tensor, padding: Padding) -> Tensor:
    """Float32 `[B, T]`: 1 on the steps of sequences, 0 on padding.

    Args:
        lengths: integers `[B]`.
        steps: T.
        padding: the side.
    """
    lengths, count = tf.cast(lengths, tf.int64), tf.cast(steps, tf.int64)
    return tf.cast(is_real(tf.range(count), lengths[:, None], count, padding), tf.float32)


def move_padding_left(values: Tensor, lengths: Tensor) -> Tensor:
    """Values `[B, T, ...]` with padding on the right -> the same with padding on the left."""
    count = tf.shape(values, tf.int64)[1]
    positions = positions_from_right(tf.range(count), tf.cast(lengths, tf.int64)[:, None], count)
    return tf.ensure_shape(tf.gather(values, positions, batch_dims=1), values.shape)
