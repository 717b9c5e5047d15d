"""`largest_first`: the epoch's largest batches come first, so that memory runs out there or never.

Memory grows with padded steps and with T. How many of both a batch can have is known from the lengths alone, and those
that no other exceeds in both are few:

    T            513     512     511   ...
    padded      4104    8192    8176   ...   budget 8,192, multiples of 8 rows
    comes first  yes     yes      no   ...   512 exceeds all below
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts
from lengthwise.feed.options.batch_options import BatchOptions


def largest_steps(steps: npt.ArrayLike, options: BatchOptions, up_to: npt.ArrayLike | None = None) -> tuple[int, ...]:
    """The T of the batches that come first, the longest first; none without `largest_first`.

    Args:
        steps: the values that T has, strictly increasing.
        options: the budget.
        up_to: how many sequences of at most each T there are; None if that is unknown.
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
    """The numbers of those that no other exceeds, the longest first; of equal ones the first.

    Args:
        sizes: by number, padded steps and T of each group; one exceeds another that has no more of anything.
    """
    first = {size: number for number, size in reversed([*sizes.items()])}
    largest = [
        size for size in first if not any(size != other and all(map(int.__le__, size, other)) for other in first)
    ]
    return [first[size] for size in sorted(largest, key=lambda size: size[1:], reverse=True)]


def cut_largest(lengths: Any, largest: Sequence[int], options: BatchOptions, is_first: Any) -> tuple[BatchCuts, Any]:
    """The batches that come first, and the places of the other rows, int64 `[m]`.

    Each takes the longest rows that its T holds, and that are still there.

    Args:
        lengths: int64 `[n]`, the longest first; those that are rounded up to one T may be in any order.
        largest: see `largest_steps`.
        options: the budget.
        is_first: bool `[]`: whether this is an epoch's first window.
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
    at, held = (tf.reshape(tf.stack(part or [none[None][:0]]), [-1]) for part in (starts, rows))
    cuts = BatchCuts(at, held, held, tf.constant(largest, tf.int64), at).chosen(tf.where(held > 0)[:, 0])
    taken = cuts.places()
    left = tf.tensor_scatter_nd_update(tf.fill([count], True), taken[:, None], tf.fill(tf.shape(taken), False))
    return cuts, tf.where(left)[:, 0]


def one_after_the_other(largest: BatchCuts, rest: Any, cuts: BatchCuts) -> tuple[Any, BatchCuts]:
    """The places of all rows, int64 `[n]`, batch after batch, and the batches: the largest, and those of the rest."""
    places = tf.concat([largest.places(), tf.gather(rest, cuts.places())], 0)
    rows, steps = (tf.concat([getattr(largest, name), getattr(cuts, name)], 0) for name in ("rows", "steps"))
    return places, BatchCuts.of(rows, steps)
