"""Packing: several sequences in each row of a fixed number of steps, by first fit, the longest first.

    lengths, longest first ─ longer than half a row: a row each ─ all of one length at a time ─> row of each sequence

A sequence goes to the first row that has room for it. For sequences of equal length that is known for all rows at once:
each row takes as many as it has room for, until none is left. So a window takes a few ops for each length that occurs,
however many sequences there are.
"""

from typing import Any

import tensorflow as tf


def first_fit(lengths: Any, capacity: int, most: int) -> Any:
    """The row of each sequence.

    Args:
        lengths: int64 `[n]`, at least 1 and at most `capacity`, the longest first.
        capacity: the steps of a row.
        most: how many sequences a row holds, at most.

    Returns:
        int64 `[n]`, numbers of rows from 0 on without gaps.
    """
    lengths = tf.cast(lengths, tf.int32)
    long = tf.math.count_nonzero(lengths > capacity // 2, dtype=tf.int32)
    alone, rest = lengths[:long], lengths[long:]
    sizes, _, counts = tf.unique_with_counts(rest)
    room, places = capacity - alone, tf.fill([long], most - 1)
    rows = tf.TensorArray(tf.int32, tf.size(sizes), infer_shape=False, element_shape=[None])

    def fit(number: Any, room: Any, places: Any, rows: Any) -> tuple[Any, ...]:
        size, count = sizes[number], counts[number]
        fitting = tf.minimum(room // size, places)
        each = tf.minimum(capacity // size, most)  # of an empty row
        added = -(-tf.maximum(count - tf.reduce_sum(fitting), 0) // each)
        room = tf.concat([room, tf.fill([added], capacity)], 0)
        places = tf.concat([places, tf.fill([added], most)], 0)
        fitting = tf.concat([fitting, tf.fill([added], each)], 0)
        ends = tf.cumsum(fitting)
        taken = tf.clip_by_value(count - (ends - fitting), 0, fitting)
        rows = rows.write(number, tf.searchsorted(ends, tf.range(1, count + 1)))
        return number + 1, room - taken * size, places - taken, rows

    shapes = (tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([]))
    start = (0, room, places, rows)
    *_, rows = tf.while_loop(
        lambda number, *_: number < tf.size(sizes), fit, start, shape_invariants=shapes, parallel_iterations=1
    )
    return tf.cast(tf.concat([tf.range(long), rows.concat()], 0), tf.int64)
