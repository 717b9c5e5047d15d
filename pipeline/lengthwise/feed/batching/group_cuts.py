"""Rows of several lengths -> batches: sorted by the first two, cut by a budget of the padded steps of all groups.

    lengths of the leading group ─ sort, longest first ─ bands ─ in each: sort by the second ─ cut ─> batches

Within a band the leading lengths differ little, and consecutive rows have similar second lengths. A batch lies within
one band. The band's longest row and the batch's first row are at least as long as each of its rows, so no later row
exceeds the budget.
"""

from collections.abc import Mapping

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts, rows_of, starts_of
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.tensor.tensor_types import Tensor


def cut_by_groups(lengths: Mapping[str, Tensor], options: BatchOptions) -> tuple[Tensor, BatchCuts]:
    """Arranges rows in batches.

    Args:
        lengths: int64 `[n]` by the feature that has a group's lengths, the leading group first, of rows with the
            longest of that group first.
        options: the budget, and the handling of batches that are not full.

    Returns:
        int64 `[n]`: the order of the rows in the batches; and the batches, whose T is that of the leading group.
    """
    steps = {key: tf.maximum(value, 1) for key, value in lengths.items()}
    band = _bands(options.weighed(steps), options)
    leading, second = (*steps, *steps)[:2]  # with one group, the rows are sorted already
    order = tf.cast(tf.argsort(band * 2**32 - steps[second], stable=True), tf.int64)
    steps, band = {key: tf.gather(value, order) for key, value in steps.items()}, tf.gather(band, order)
    bounds = {key: tf.gather(tf.math.segment_max(value, band), band) for key, value in steps.items()}
    bounds[second] = steps[second]  # the first row of a band is its longest, as is the first row of a batch
    full = rows_of(options.weighed(bounds), options)
    rows_taken = full
    if options.batch_steps is not None:
        ends = tf.cumsum(tf.math.segment_sum(tf.ones_like(band), band))
        rows_taken = tf.minimum(full, tf.gather(ends, band) - tf.range(tf.size(band, tf.int64)))
    starts = starts_of(rows_taken)
    rows = tf.concat([starts[1:], tf.reshape(tf.size(band, tf.int64), [1])], 0)[: tf.size(starts)] - starts
    longest = longest_of_batches(steps[leading], rows)
    cuts = BatchCuts(starts, rows, tf.gather(full, starts), longest, tf.cumsum(rows * longest, exclusive=True))
    return order, cuts.chosen(tf.where(cuts.rows == cuts.full)[:, 0]) if options.drop_remainder else cuts


def longest_of_batches(lengths: Tensor, rows: Tensor) -> Tensor:
    """int64 `[batches]`: the T of each batch, at least 1.

    Args:
        lengths: int64 `[n]`, of the rows, batch after batch.
        rows: int64 `[batches]`: the number of rows of each, at least 1.
    """
    return tf.math.segment_max(tf.maximum(lengths, 1), tf.repeat(tf.range(tf.size(rows)), rows))


def _bands(cost: Tensor, options: BatchOptions) -> Tensor:
    """int64 `[n]`: the band of each row: about as many bands as batches per band, all of similar cost."""
    total = tf.cast(tf.reduce_sum(cost), tf.float64)
    if options.batch_steps is None:
        batches = tf.cast(tf.size(cost), tf.float64) / float(options.batch_size or 1)
    else:
        batches = total / float(options.batch_steps)
    count = tf.maximum(tf.math.round(tf.sqrt(batches)), 1.0)
    before = tf.cast(tf.cumsum(cost, exclusive=True), tf.float64)
    band = tf.cast(before * count / tf.maximum(total, 1.0), tf.int64)
    return tf.cumsum(tf.cast(tf.concat([band[:1] * 0, band[1:] - band[:-1]], 0) > 0, tf.int64))  # without gaps
