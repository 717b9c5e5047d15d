"""Gaps in sequences of numbers, on tensors: the twin of `lengthwise.records.rows.gap_filling`."""

from typing import Any

import tensorflow as tf

from lengthwise.columns import NumericColumn
from lengthwise.feed.parsing.kept_steps import Steps
from lengthwise.feed.rows.feed_features import scalar


def fill_gaps(column: NumericColumn, steps: Steps, has_value: Steps) -> dict[str, Steps]:
    """The steps without gaps, and where they were observed if that is asked for, by key.

    Args:
        column: what becomes of gaps.
        steps: the numbers.
        has_value: bool: which of them were read, so that no filling is in their place.
    """
    observed = has_value.values
    if steps.values.dtype.is_floating:
        observed &= ~tf.math.is_nan(steps.values)
    found = {column.key: steps}
    if column.missing != "error":
        values = tf.cond(tf.reduce_all(observed), lambda: steps.values, lambda: _filled(column, steps, observed))
        found[column.key] = steps._replace(values=values)
    if column.observed_key is not None:
        found[column.observed_key] = steps._replace(values=tf.cast(observed, tf.int64))
    return found


def _filled(column: NumericColumn, steps: Steps, observed: Any) -> Any:
    default = scalar(column.default_value, steps.values.dtype)
    if column.missing == "fill":
        return tf.where(observed, steps.values, default)
    width, count = column.num_elements, tf.size(steps.values, tf.int64)
    ends = tf.concat([steps.starts[1:], count[None]], 0)
    rows = tf.repeat(tf.range(tf.size(steps.starts, tf.int64)), ends - steps.starts)
    lanes = rows * width + (tf.range(count) - tf.gather(steps.starts, rows)) % width
    order = tf.argsort(lanes, stable=True)
    lanes, known = tf.gather(lanes, order), tf.gather(observed, order)
    number = tf.cumsum(tf.cast(known, tf.int64)) - 1  # of the last number so far
    places = tf.concat([tf.where(known)[:, 0], [0]], 0)
    last = tf.gather(places, tf.maximum(number, 0))
    is_known = (number >= 0) & (tf.gather(lanes, last) == lanes)
    carried = tf.where(is_known, tf.gather(tf.gather(steps.values, order), last), default)
    return tf.gather(carried, tf.math.invert_permutation(order))
