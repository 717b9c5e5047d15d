"""Rows of several lengths -> batches: sorted by the first two, cut by a budget of the padded steps of all groups.

    lengths of the leading group ─ sort, longest first ─ bands ─ in each: sort by the second ─ cut ─> batches

Within a band the leading lengths differ little, and from row to row the second ones do. A batch lies in one band. The
band's longest and the batch's first row are at least as long as each of its rows, so no later row breaks the budget.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts, rows_of, starts_of
from lengthwise.feed.options.batch_options import BatchOptions


def cut_by_groups(lengths: Mapping[str, Any], options: BatchOptions) -> tuple[Any, BatchCuts]:
    """Arranges rows in batches.

    Args:
        lengths: int64 `[n]` by the feature that has a group's lengths, the leading group first, of rows with the
            longest of that group first.
        options: the budget, and what becomes of batches that are not full.

    Returns:
        int64 `[n]`: the order in which the batches take the rows; and the batches, whose T is that of the leading
        group.
    """
    steps = {key: tf.maximum(one, 1) for key, one in lengths.items()}
    band = _bands(options.weighed(steps), options)
    leading, second = (*steps, *steps)[:2]  # of one group, the rows are in order already
    order = tf.cast(tf.argsort(band * 2**32 - steps[second], stable=True), tf.int64)
    steps, band = {key: tf.gather(one, order) for key, one in steps.items()}, tf.gather(band, order)
    bounds = {key: tf.gather(tf.math.segment_max(one, band), band) for key, one in steps.items()}
    bounds[second] = steps[second]  # of a band's rows the first is the longest, as of a batch's
    full = rows_of(options.weighed(bounds), options)
    taken = full
    if options.batch_steps is not None:
        ends = tf.cumsum(tf.math.segment_sum(tf.ones_like(band), band))
        taken = tf.minimum(full, tf.gather(ends, band) - tf.range(tf.size(band, tf.int64)))
    starts = starts_of(taken)
    rows = tf.concat([starts[1:], tf.reshape(tf.size(band, tf.int64), [1])], 0)[: tf.size(starts)] - starts
    longest = longest_of_batches(steps[leading], rows)
    cuts = BatchCuts(starts, rows, tf.gather(full, starts), longest, tf.cumsum(rows * longest, exclusive=True))
    return order, cuts.chosen(tf.where(cuts.rows == cuts.full)[:, 0]) if options.drop_remainder else cuts


def longest_of_batches(lengths: Any, rows: Any) -> Any:
    """int64 `[batches]`: the T of each batch, at least 1.

    Args:
        lengths: int64 `[n]`, of the rows of one batch after the other.
        rows: int64 `[batches]`: how many rows each has, at least 1.
    """
    return tf.math.segment_max(tf.maximum(lengths, 1), tf.repeat(tf.range(tf.size(rows)), rows))


def _bands(cost: Any, options: BatchOptions) -> Any:
    """int64 `[n]`: to which band each row belongs: as many bands as each has batches, all of about one cost."""
    total = tf.cast(tf.reduce_sum(cost), tf.float64)
    if options.batch_steps is None:
        batches = tf.cast(tf.size(cost), tf.float64) / float(options.batch_size or 1)
    else:
        batches = total / float(options.batch_steps)
    count = tf.maximum(tf.math.round(tf.sqrt(batches)), 1.0)
    before = tf.cast(tf.cumsum(cost, exclusive=True), tf.float64)
    band = tf.cast(before * count / tf.maximum(total, 1.0), tf.int64)
    return tf.cumsum(tf.cast(tf.concat([band[:1] * 0, band[1:] - band[:-1]], 0) > 0, tf.int64))  # without gaps
