"""Rows of several lengths -> batches: sorted by the first two, cut by a budget of the padded steps of all groups.

    lengths of the leading group ─ sort, longest first ─ bands ─ in each: sort by the second ─ cut ─> batches

Within a band the leading lengths differ little, and from row to row the second ones do. A batch lies in one band. The
band's longest and the batch's first row are at least as long as each of its rows, so no later row breaks the budget.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.batch_options import BatchOptions
from lengthwise.feed.cut import Cuts, rows_of, starts_of
from lengthwise.feed.features import Features

_ALONE = ("pack", "crop", "max_shapes", "largest_first", "service")


def refuse_with_groups(features: Features, options: BatchOptions) -> None:
    """Raises `ConfigError` where an option does not go with groups."""
    if not features.has_groups:
        return
    for name in _ALONE:
        if getattr(options, name, None):
            raise ConfigError(
                f"{name}: expected columns without a `group`, received groups with lengths of their own; leave "
                f"{name} out"
            )


def cut_by_groups(lengths: Sequence[Any], options: BatchOptions) -> tuple[Any, Cuts]:
    """Arranges rows in batches.

    Args:
        lengths: int64 `[n]` for each group, of rows with the longest of the leading group first.
        options: the budget, and what becomes of batches that are not full.

    Returns:
        int64 `[n]`: the order in which the batches take the rows; and the batches, whose T is that of the leading
        group.
    """
    cost = tf.add_n([tf.maximum(one, 1) for one in lengths])
    band = _bands(cost, options)
    order = tf.cast(tf.argsort(band * 2**32 - lengths[1], stable=True), tf.int64)
    lengths, band = [tf.gather(one, order) for one in lengths], tf.gather(band, order)
    bounds = [tf.gather(tf.math.segment_max(one, band), band) for one in lengths]
    bounds[1] = lengths[1]  # of a band's rows the first is the longest, as of a batch's
    full = rows_of(tf.add_n([tf.maximum(one, 1) for one in bounds]), options)
    taken = full
    if options.batch_steps is not None:
        ends = tf.cumsum(tf.math.segment_sum(tf.ones_like(band), band))
        taken = tf.minimum(full, tf.gather(ends, band) - tf.range(tf.size(band, tf.int64)))
    starts = starts_of(taken)
    rows = tf.concat([starts[1:], tf.reshape(tf.size(band, tf.int64), [1])], 0)[: tf.size(starts)] - starts
    steps = longest_of_batches(lengths[0], rows)
    cuts = Cuts(starts, rows, tf.gather(full, starts), steps, tf.cumsum(rows * steps, exclusive=True))
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
