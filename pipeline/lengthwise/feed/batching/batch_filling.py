"""Batches that did not get all their rows -> full ones, with rows of weight 0; weights that leave padding out."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import rows_of
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.feed.rows.feed_features import Batch


def fill_up(batch: Batch, steps: Mapping[str, Any], options: BatchOptions) -> tuple[Batch, Any | None]:
    """The batch with as many rows as one of its T has, where `max_shapes` asks for it; and which are real, bool `[B]`.

    They are rows of one padded step, not empty ones: pooling divides by the number of steps, and 0/0 times a weight of
    0 is not 0.

    Args:
        batch: dense tensors.
        steps: its T of each group, by the feature that has its lengths.
        options: how many rows a batch has.
    """
    if not options.fills:
        return batch, None
    rows = tf.size(batch[next(iter(steps))])
    missing = tf.cast(rows_of(tf.cast(tf.add_n([*steps.values()]), tf.int64), options), tf.int32) - rows
    filled = {key: _pad_rows(value, missing) for key, value in batch.items()}
    real = tf.range(rows + missing) < rows
    for key, count in steps.items():
        filled[key] = tf.where(real, filled[key], tf.cast(tf.minimum(count, 1), filled[key].dtype))
    return filled, real


def _pad_rows(value: Any, missing: Any) -> Any:
    paddings = tf.concat([[[0, missing]], tf.zeros([tf.rank(value) - 1, 2], tf.int32)], 0)
    fill = {tf.string: "", tf.bool: False}.get(value.dtype, 0)
    return tf.ensure_shape(tf.pad(value, paddings, constant_values=fill), [None, *value.shape[1:]])


def masked_weights(weights: Any, real: Any | None, valid: Any | None, *, of_steps: bool) -> Any:
    """The weights, zero on rows that are not real and, for labels of steps, on steps that are not valid.

    Args:
        weights: `[B]` or `[B, T]`; None for weights of 1.
        real: bool `[B]`; None for all.
        valid: `[B, T]`, of the labels' steps, 1 or 0; None for labels of rows.
        of_steps: whether `weights` are per step.

    Returns:
        `[B, T]` where there are `valid` steps, or `[B]`; None if all are 1.
    """
    if valid is not None and weights is None:
        weights = valid
    elif valid is not None:
        weights = (weights if of_steps else weights[:, None]) * tf.cast(valid, weights.dtype)
    if real is None:
        return weights
    if weights is None:
        return tf.cast(real, tf.float32)
    mask = tf.cast(real, weights.dtype)
    return weights * (mask if valid is None else mask[:, None])
