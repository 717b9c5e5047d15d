"""Incomplete batches -> full batches, with rows of weight 0; weights that exclude padding."""

from collections.abc import Mapping

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import rows_of
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.feed.rows.feed_features import Batch
from lengthwise.tensor.tensor_types import Tensor


def fill_up(batch: Batch, steps: Mapping[str, Tensor], options: BatchOptions) -> tuple[Batch, Tensor | None]:
    """The batch filled up to the number of rows for its T, if `max_shapes` is given; and which are real, bool `[B]`.

    The added rows have one padded step and are not empty: pooling divides by the number of steps, and 0/0 times a
    weight of 0 is not 0.

    Args:
        batch: dense tensors.
        steps: the T of each group, by the feature that has its lengths.
        options: define the number of rows.
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


def _pad_rows(value: Tensor, missing: Tensor) -> Tensor:
    paddings = tf.concat([[[0, missing]], tf.zeros([tf.rank(value) - 1, 2], tf.int32)], 0)
    fill = {tf.string: "", tf.bool: False}.get(value.dtype, 0)
    return tf.ensure_shape(tf.pad(value, paddings, constant_values=fill), [None, *value.shape[1:]])


def masked_weights(
    weights: Tensor | None, real: Tensor | None, valid: Tensor | None, *, of_steps: bool
) -> Tensor | None:
    """The weights, zero on rows that are not real and, for labels of steps, on steps that are not valid.

    Args:
        weights: `[B]` or `[B, T]`; None for weights of 1.
        real: bool `[B]`; None for all.
        valid: `[B, T]`, of the labels' steps, 1 or 0; None for labels of rows.
        of_steps: whether `weights` are per step.

    Returns:
        `[B, T]` where there are `valid` steps, or `[B]`; None if all are 1.
    """
    if weights is None:
        weights = valid
    elif valid is not None:
        weights = (weights if of_steps else weights[:, None]) * tf.cast(valid, weights.dtype)
    if real is None:
        return weights
    if weights is None:
        return tf.cast(real, tf.float32)
    mask = tf.cast(real, weights.dtype)
    return weights * (mask if valid is None else mask[:, None])
