"""`largest_first`: the epoch's largest batches come first, so that memory runs out at the start or never.

Memory grows with padded steps and with T. Both are known from the lengths, and few batches are exceeded by no other in
both:

    T            513     512     511   ...
    padded      4104    8192    8176   ...   budget 8,192, multiples of 8 rows
    comes first  yes     yes      no   ...   512 exceeds all shorter
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.tensor.tensor_types import Tensor


def largest_steps(steps: npt.ArrayLike, options: BatchOptions, up_to: npt.ArrayLike | None = None) -> tuple[int, ...]:
    """The T of the batches that come first, the longest first; empty without `largest_first`.

    Args:
        steps: the values that T has, strictly increasing.
        options: the budget.
        up_to: the number of sequences of at most each T; None if it is unknown.
    """
    if not options.largest_first:
        return ()
    steps = np.asarray(steps, np.int64)[::-1]
    rows = np.array([options.rows(T) for T in steps.tolist()])
    rows = rows if up_to is None else np.minimum(rows, np.asarray(up_to)[::-1])
    padded = rows * steps
    before = np.concatenate([[0], np.maximum.accumulate(padded)[:-1]])
    return tuple(steps[padded > before].tolist())


def not_exceeded(sizes: Mapping[int, tuple[int, ...]]) -> list[int]:
    """The numbers of the sizes that no other exceeds, the longest first; of equal sizes the first.

    Args:
        sizes: by number, padded steps and T of each group; a size exceeds another if no part of it is smaller.
    """
    first = {size: number for number, size in reversed([*sizes.items()])}
    largest = [
        size for size in first if not any(size != other and all(map(int.__le__, size, other)) for other in first)
    ]
    return [first[size] for size in sorted(largest, key=lambda size: size[1:], reverse=True)]


def cut_largest(
    lengths: Tensor, largest: Sequence[int], options: BatchOptions, is_first: Tensor
) -> tuple[BatchCuts, Tensor]:
    """The batches that come first, and the positions of the other rows, int64 `[m]`.

    Each contains the longest remaining rows of at most its T.

    Args:
        lengths: int64 `[n]`, the longest first; lengths that are rounded up to the same T may be in any order.
        largest: see `largest_steps`.
        options: the budget.
        is_first: bool `[]`: whether this is the epoch's first window.
    """
    count, end, none = tf.size(lengths, tf.int64), tf.constant(0, tf.int64), tf.constant(0, tf.int64)
    starts, rows = [], []
    for steps in largest:
        full = tf.constant(options.rows(steps), tf.int64)
        start = tf.maximum(end, tf.math.count_nonzero(lengths > steps))
        fitting = tf.where(is_first, tf.minimum(full, count - start), none)
        fitting = tf.where(fitting == full, fitting, none) if options.drop_remainder else fitting
        starts.append(start)
        rows.append(fitting)
        end = start + fitting
    at, counts = (tf.reshape(tf.stack(part or [none[None][:0]]), [-1]) for part in (starts, rows))
    cuts = BatchCuts(at, counts, counts, tf.constant(largest, tf.int64), at).chosen(tf.where(counts > 0)[:, 0])
    used = cuts.positions()
    left = tf.tensor_scatter_nd_update(tf.fill([count], True), used[:, None], tf.fill(tf.shape(used), False))
    return cuts, tf.where(left)[:, 0]


def join_cuts(largest: BatchCuts, rest: Tensor, cuts: BatchCuts) -> tuple[Tensor, BatchCuts]:
    """The positions of all rows, int64 `[n]`, batch after batch, and the batches: the largest, then the others."""
    positions = tf.concat([largest.positions(), tf.gather(rest, cuts.positions())], 0)
    rows, steps = (tf.concat([getattr(largest, name), getattr(cuts, name)], 0) for name in ("rows", "steps"))
    return positions, BatchCuts.of(rows, steps)
