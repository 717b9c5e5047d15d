"""Sorted lengths -> batches: the greedy cut by a budget of padded steps.

Rows are sorted by length, longest first. The first row of a batch sets T, and T sets how many rows fit. No later row
exceeds the budget.
"""

from typing import NamedTuple

import tensorflow as tf

from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.tensor.tensor_types import Tensor


class BatchCuts(NamedTuple):
    """The batches of a window, each a range of its sorted rows.

    Attributes:
        starts: int64 `[batches]`: the first row of each.
        rows: int64 `[batches]`: how many real rows it has.
        full: int64 `[batches]`: how many rows a batch of its T should have.
        steps: int64 `[batches]`: its T.
        at: int64 `[batches]`: the offset of its padded steps among those of the window.
    """

    starts: Tensor
    rows: Tensor
    full: Tensor
    steps: Tensor
    at: Tensor

    @classmethod
    def of(cls, rows: Tensor, steps: Tensor) -> "BatchCuts":
        """Consecutive batches of these numbers of rows and these T."""
        return cls(tf.cumsum(rows, exclusive=True), rows, rows, steps, tf.cumsum(rows * steps, exclusive=True))

    @classmethod
    def of_runs(cls, starts: Tensor, rows: Tensor, limits: "BatchLimits") -> "BatchCuts":
        """Batches of these ranges of rows."""
        steps, full = tf.gather(limits.steps, starts), tf.gather(limits.full, starts)
        return cls(starts, rows, full, steps, tf.cumsum(rows * steps, exclusive=True))

    def positions(self) -> Tensor:
        """int64 `[n]`: the positions of the batches' rows among the sorted rows, batch after batch."""
        return tf.ragged.range(self.starts, self.starts + self.rows).flat_values

    def chosen(self, positions: Tensor) -> "BatchCuts":
        """The batches at these positions."""
        return BatchCuts(*(tf.gather(values, positions) for values in self))

    def permuted(self, seed: Tensor) -> "BatchCuts":
        """The batches in a random order."""
        return self.chosen(tf.random.experimental.stateless_shuffle(tf.range(tf.size(self.starts)), seed))


class BatchLimits(NamedTuple):
    """The limits of a batch that starts at each row, of sorted rows, int64 `[n]`.

    Attributes:
        steps: its T.
        full: its number of rows.
    """

    steps: Tensor
    full: Tensor


def limits_of(lengths: Tensor, options: BatchOptions, boundaries: tuple[int, ...] | None) -> BatchLimits:
    """The limits of rows of these lengths.

    Args:
        lengths: int64 `[n]`.
        options: the budget.
        boundaries: the values that T may have; None for any. The last is at least the longest length.
    """
    steps = tf.maximum(lengths, 1) if boundaries is None else round_up(lengths, boundaries)
    return BatchLimits(steps, rows_of(steps, options))


def cut_batches(limits: BatchLimits, *, drop_remainder: bool) -> BatchCuts:
    """Cuts rows, the longest first, into batches.

    Args:
        limits: of the rows.
        drop_remainder: whether batches that are not full are omitted.
    """
    starts = starts_of(limits.full)
    ends = tf.concat([starts[1:], tf.reshape(tf.size(limits.full, tf.int64), [1])], 0)[: tf.size(starts)]
    cuts = BatchCuts.of_runs(starts, ends - starts, limits)
    return cuts.chosen(tf.where(cuts.rows == cuts.full)[:, 0]) if drop_remainder else cuts


def in_full_batches(lengths: Tensor, options: BatchOptions, boundaries: tuple[int, ...]) -> Tensor:
    """Whether each row belongs to a full batch of rows of a single T, bool `[n]`.

    Args:
        lengths: int64 `[n]`, sorted by T, the longest first.
        options: the budget.
        boundaries: the values that T may have.
    """
    steps = round_up(lengths, boundaries)
    _, bucket, counts = tf.unique_with_counts(steps, tf.int64)
    position = tf.range(tf.size(lengths, tf.int64)) - tf.gather(tf.cumsum(counts, exclusive=True), bucket)
    count, full = tf.gather(counts, bucket), rows_of(steps, options)
    return position < count - count % full


def round_up(lengths: Tensor, boundaries: tuple[int, ...]) -> Tensor:
    """The smallest boundary that is at least each length."""
    table = tf.constant(boundaries, tf.int64)
    return tf.gather(table, tf.minimum(tf.searchsorted(table, lengths), len(boundaries) - 1))


def rows_of(steps: Tensor, options: BatchOptions) -> Tensor:
    """`BatchOptions.rows` of each T."""
    if options.batch_size is not None:
        return tf.fill(tf.shape(steps), tf.constant(options.batch_size, tf.int64))
    rows = tf.constant(options.batch_steps, tf.int64) // tf.maximum(steps, 1)
    even = rows - rows % options.multiple_of
    return tf.maximum(tf.where(even > 0, even, rows), 1)


def starts_of(full: Tensor) -> Tensor:
    """The first row of each batch, if a batch that starts at row i has `full[i]` rows.

    `leap` maps each row to the start 1, 2, 4 ... batches later. Applied to the starts known so far, it doubles them.
    """
    count = tf.size(full, tf.int64)
    leap = tf.concat([tf.minimum(tf.range(count) + full, count), count[None]], 0)  # the end maps to itself

    def double(starts: Tensor, leap: Tensor) -> tuple[Tensor, Tensor]:
        return tf.concat([starts, tf.gather(leap, starts)], 0), tf.gather(leap, leap)

    starts, _ = tf.while_loop(
        lambda starts, _: starts[-1] < count,
        double,
        (tf.zeros([1], tf.int64), leap),
        shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None])),
        parallel_iterations=1,
    )
    return starts[: tf.math.count_nonzero(starts < count)]
