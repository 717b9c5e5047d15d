"""Every epoch has the same number of batches, known in advance, regardless of which sequences share a window.

    window ─ cut ─ batches ─ with the least waste: yielded now, some of them split
                           └ the others: their rows wait for the next window

If a batch has `rows(T)` rows, a sequence costs 1 / rows(T) batches. A batch costs at most 1; the difference is its
waste. A full batch of lengths T to T' costs at least rows(T) / rows(T') >= 1 - ln(rows(T') / rows(T)). Over the batches
of a window, from the longest to the shortest, these logarithms add up to at most

    S = ln(rows(shortest) / rows(longest)).

So sorted rows are cut into at most ceil(cost + S) batches. An epoch of several windows has

    N = ceil(cost + S (W + 1) / 2), or the number of sequences if that is less,

batches with W windows: each window but the last wastes S / 2, which is about the waste of a cut. If a window would
waste more, the rows of its worst batches wait, at most as many as a window has; if less, batches are split. The
remaining rows need at most cost + S batches, the number that is left of N, and the last window is split into exactly
these. An epoch of one window has the batches of its cut. Costs are integers, so that sums do not depend on the order.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.buckets import LengthHistogram
from lengthwise.feed.batching.batch_cuts import BatchCuts, BatchLimits, cut_batches, limits_of
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.tensor.tensor_types import Tensor

_Ints = npt.NDArray[np.int64]

_WAITING = 2  # of a window's batches, those with the most rows wait


@dataclass(frozen=True)
class EpochSize:
    """The size of each epoch.

    Attributes:
        batches: its number of batches.
        rows: its number of sequences.
        spread: S, in parts of a batch's cost.
    """

    batches: int
    rows: int
    spread: int

    @classmethod
    def of(
        cls, lengths: LengthHistogram, options: BatchOptions, boundaries: tuple[int, ...] | None, windows: int
    ) -> "EpochSize":
        """The size of epochs of these lengths, cropped before, in this number of windows."""
        limits = limits_of(tf.constant(lengths.lengths[::-1].copy()), options, boundaries)
        counts, batch = lengths.counts[::-1], _cost_of_batch(options)
        full = limits.full.numpy()
        spread = math.ceil(math.log(full[-1] / full[0]) * batch)
        if options.max_shapes is not None:
            batches = _of_few_shapes(limits.steps.numpy(), counts, full, options, boundaries)
        elif windows == 1:
            batches = _of_one_cut(np.repeat(lengths.lengths[::-1], counts), options, boundaries)
        else:
            cost = int((-(-batch // full) * counts).sum())
            batches = min(-(-(cost + spread * (windows + 1) // 2) // batch), lengths.total)
        return cls(batches, lengths.total, spread)


class EpochProgress(NamedTuple):
    """The progress of an epoch, as int64 `[]`.

    Attributes:
        windows: how many windows are arranged.
        batches: the number of batches yielded.
        rows: the number of sequences in these.
        cost: of these sequences.
        fewest: the rows per batch of the longest sequence so far.
        most: the rows per batch of the shortest sequence so far.
    """

    windows: Tensor
    batches: Tensor
    rows: Tensor
    cost: Tensor
    fewest: Tensor
    most: Tensor

    @classmethod
    def start(cls) -> "EpochProgress":
        numbers = (0, 0, 0, 0, tf.int64.max, 1)
        return cls(*(tf.constant(number, tf.int64) for number in numbers))


def _cost_of_batch(options: BatchOptions) -> int:
    """The cost of a full batch, divisible by `batch_size`."""
    size = options.batch_size or 1
    return -(-(2**32) // size) * size


def hand_out(
    cuts: BatchCuts,
    limits: BatchLimits,
    progress: EpochProgress,
    last: Tensor,
    size: EpochSize | None,
    options: BatchOptions,
) -> tuple[BatchCuts, EpochProgress]:
    """Chooses the batches that are yielded now.

    Args:
        cuts: all batches of a window.
        limits: of its sorted rows, at least one.
        progress: before this window.
        last: bool `[]`: whether it is the epoch's last window.
        size: of the epoch; None if it is unknown and depends on the data that is read.
        options: see `BatchOptions`.
    """
    batch = _cost_of_batch(options)
    cost = tf.concat([[0], tf.cumsum(-(-batch // limits.full))], 0)
    costs = tf.gather(cost, cuts.starts + cuts.rows) - tf.gather(cost, cuts.starts)
    fewest = tf.reduce_min(tf.concat([limits.full, progress.fewest[None]], 0))
    most = tf.reduce_max(tf.concat([limits.full, progress.most[None]], 0))
    spread = tf.constant(size.spread, tf.int64) if size is not None else _spread(fewest, most, batch)
    windows = progress.windows + 1

    count, waste = tf.size(costs, tf.int64), batch - costs
    if size is None:  # enough rows must be left for the last window, so that it can be split
        waste += tf.where((tf.range(count) >= count - _WAITING) & (spread > 0), 2 * batch, 0)
    allowed = spread * windows // 2 - (progress.batches * batch - progress.cost)
    order = tf.argsort(waste, stable=True)
    number = tf.math.count_nonzero(tf.cumsum(tf.gather(waste, order)) <= allowed)
    if size is not None:
        rest = size.rows - progress.rows - tf.size(limits.full, tf.int64)
        number = tf.where(size.batches - progress.batches - rest >= count, count, number)
    now = tf.sort(order[: tf.where(last, count, number)])
    kept, number = cuts.chosen(now), tf.size(now, tf.int64)
    rows, spent = progress.rows + tf.reduce_sum(kept.rows), tf.reduce_sum(tf.gather(costs, now))

    parts = number + tf.maximum((allowed - number * batch + spent) // batch, 0)
    if size is not None:  # no later batch may be empty
        parts = tf.maximum(parts, size.batches - progress.batches - (size.rows - rows))
    in_all = -(-(progress.cost + cost[-1] + spread * (windows + 1) // 2) // batch)
    at_last = tf.where(windows == 1, number, tf.minimum(in_all, rows) - progress.batches)
    parts = tf.clip_by_value(tf.where(last, at_last, parts), number, tf.reduce_sum(kept.rows))
    split: BatchCuts = tf.cond(parts > number, lambda: _split(kept, limits, parts - number, options), lambda: kept)
    return split, EpochProgress(windows, progress.batches + parts, rows, progress.cost + spent, fewest, most)


def _spread(fewest: Tensor, most: Tensor, batch: int) -> Tensor:
    ratio = tf.cast(most, tf.float64) / tf.cast(tf.minimum(fewest, most), tf.float64)
    return tf.cast(tf.math.ceil(tf.math.log(ratio) * batch), tf.int64)


def _split(cuts: BatchCuts, limits: BatchLimits, more: Tensor, options: BatchOptions) -> BatchCuts:
    """The batches split into `more` additional ones, after multiples of rows if there are enough of these."""
    positions = cuts.positions()
    offsets = positions - tf.repeat(cuts.starts, cuts.rows)
    even = (offsets > 0) & (offsets % options.multiple_of == 0)
    possible = tf.where(tf.math.count_nonzero(even) >= more, even, offsets > 0)
    possible = tf.where(possible)[:, 0]
    chosen = tf.gather(possible, (2 * tf.range(more) + 1) * tf.size(possible, tf.int64) // (2 * more))
    begins = tf.sort(tf.concat([tf.cumsum(cuts.rows, exclusive=True), chosen], 0))
    ends = tf.concat([begins[1:], tf.reshape(tf.size(positions, tf.int64), [1])], 0)
    starts = tf.gather(positions, begins)
    return BatchCuts.of_runs(starts, ends - begins, limits)


def _of_one_cut(lengths: _Ints, options: BatchOptions, boundaries: tuple[int, ...] | None) -> int:
    limits = limits_of(tf.constant(lengths, tf.int64), options, boundaries)
    return int(tf.size(cut_batches(limits, drop_remainder=options.drop_remainder).starts))


def _of_few_shapes(
    steps: _Ints,
    counts: _Ints,
    full: _Ints,
    options: BatchOptions,
    boundaries: tuple[int, ...] | None,
) -> int:
    """The number of full batches of each T, and of the batches of the remaining rows."""
    shapes, where = np.unique(-steps, return_inverse=True)
    of_shape = np.bincount(where, counts).astype(np.int64)
    rows = np.array([full[where == number][0] for number in range(len(shapes))])
    left = np.repeat(-shapes, of_shape % rows)
    return int((of_shape // rows).sum()) + _of_one_cut(left, options, boundaries)
