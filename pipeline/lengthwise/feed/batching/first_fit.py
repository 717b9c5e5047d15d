"""Packing: several sequences per row of a fixed number of steps, by first fit, the longest first.

    lengths, longest first ─ longer than half a row: a row each ─ all of one length at a time ─> row of each sequence

A sequence goes to the first row that has room for it. For sequences of equal length this is computed for all rows at
once: each row gets as many as it has room for, until none is left. So a window needs a few ops for each length that
occurs, regardless of the number of sequences.
"""

import tensorflow as tf

from lengthwise.tensor.tensor_types import Tensor


def first_fit(lengths: Tensor, capacity: int, max_sequences: int) -> Tensor:
    """The row of each sequence.

    Args:
        lengths: int64 `[n]`, at least 1 and at most `capacity`, the longest first.
        capacity: the steps of a row.
        max_sequences: the maximum number of sequences of a row.

    Returns:
        int64 `[n]`, row numbers from 0 without gaps.
    """
    lengths = tf.cast(lengths, tf.int32)
    long = tf.math.count_nonzero(lengths > capacity // 2, dtype=tf.int32)
    sizes, _, counts = tf.unique_with_counts(lengths[long:])
    room, free = capacity - lengths[:long], tf.fill([long], max_sequences - 1)  # steps and sequences of each row
    rows = tf.TensorArray(tf.int32, tf.size(sizes), infer_shape=False, element_shape=[None])

    def fit(number: Tensor, room: Tensor, free: Tensor, rows: tf.TensorArray) -> tuple[Tensor, ...]:
        size, count = sizes[number], counts[number]
        fitting = tf.minimum(room // size, free)
        per_empty_row = tf.minimum(capacity // size, max_sequences)
        new_rows = -(-tf.maximum(count - tf.reduce_sum(fitting), 0) // per_empty_row)
        room = tf.concat([room, tf.fill([new_rows], capacity)], 0)
        free = tf.concat([free, tf.fill([new_rows], max_sequences)], 0)
        fitting = tf.concat([fitting, tf.fill([new_rows], per_empty_row)], 0)
        ends = tf.cumsum(fitting)
        added = tf.clip_by_value(count - (ends - fitting), 0, fitting)
        rows = rows.write(number, tf.searchsorted(ends, tf.range(1, count + 1)))
        return number + 1, room - added * size, free - added, rows

    shapes = (tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([]))
    start = (0, room, free, rows)
    *_, rows = tf.while_loop(
        lambda number, *_: number < tf.size(sizes), fit, start, shape_invariants=shapes, parallel_iterations=1
    )
    return tf.cast(tf.concat([tf.range(long), rows.concat()], 0), tf.int64)
