"""Sorted lengths -> batches: the greedy cut by a budget of padded steps.

Rows come longest first, so the first row of a batch is its longest: it sets T, and T sets how many rows fit. No later
row can break the budget.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.feed.options.batch_options import BatchOptions


@dataclass(frozen=True, slots=True)
class BatchCuts:
    """The batches of a window, each a run of its sorted rows.

    Attributes:
        starts: int64 `[batches]`: the first row of each.
        rows: int64 `[batches]`: how many real rows it has.
        full: int64 `[batches]`: how many rows a batch of its T should have.
        steps: int64 `[batches]`: its T.
        at: int64 `[batches]`: where its padded steps start among those of the window.
    """

    starts: Any
    rows: Any
    full: Any
    steps: Any
    at: Any

    @classmethod
    def of(cls, rows: Any, steps: Any) -> "BatchCuts":
        """Batches of these numbers of rows and these T, one after the other."""
        return cls(tf.cumsum(rows, exclusive=True), rows, rows, steps, tf.cumsum(rows * steps, exclusive=True))

    @classmethod
    def of_runs(cls, starts: Any, rows: Any, limits: "BatchLimits") -> "BatchCuts":
        """Batches of these runs of rows."""
        steps, full = tf.gather(limits.steps, starts), tf.gather(limits.full, starts)
        return cls(starts, rows, full, steps, tf.cumsum(rows * steps, exclusive=True))

    def places(self) -> Any:
        """int64 `[n]`: the places of the batches' rows among those that were cut, batch after batch."""
        return tf.ragged.range(self.starts, self.starts + self.rows).flat_values

    def tensors(self) -> dict[str, Any]:
        """As tensors by name, one entry a batch."""
        names = ("starts", "rows", "full", "steps", "at")
        return {name: getattr(self, name) for name in names}

    def chosen(self, places: Any) -> "BatchCuts":
        """The batches at these places."""
        return BatchCuts(**{name: tf.gather(value, places) for name, value in self.tensors().items()})

    def permuted(self, seed: Any) -> "BatchCuts":
        """The batches in a random order."""
        return self.chosen(tf.random.experimental.stateless_shuffle(tf.range(tf.size(self.starts)), seed))


class BatchLimits(NamedTuple):
    """What a batch would have that starts at a row, of sorted rows, int64 `[n]`.

    Attributes:
        steps: its T.
        full: how many rows.
    """

    steps: Any
    full: Any


def limits_of(lengths: Any, options: BatchOptions, boundaries: tuple[int, ...] | None) -> BatchLimits:
    """The limits of rows of these lengths, int64 `[n]`."""
    steps = tf.maximum(lengths, 1) if boundaries is None else round_up(lengths, boundaries)
    return BatchLimits(steps, rows_of(steps, options))


def cut(lengths: Any, options: BatchOptions, boundaries: tuple[int, ...] | None) -> BatchCuts:
    """Cuts rows into batches.

    Args:
        lengths: int64 `[n]`, the longest first.
        options: the budget, and what becomes of batches that are not full.
        boundaries: the values that T may have; None for any. The last is at least the longest length.

    Returns:
        The batches.
    """
    limits = limits_of(lengths, options, boundaries)
    starts = starts_of(limits.full)
    ends = tf.concat([starts[1:], tf.reshape(tf.size(lengths, tf.int64), [1])], 0)[: tf.size(starts)]
    cuts = BatchCuts.of_runs(starts, ends - starts, limits)
    return cuts.chosen(tf.where(cuts.rows == cuts.full)[:, 0]) if options.drop_remainder else cuts


def in_full_batches(lengths: Any, options: BatchOptions, boundaries: tuple[int, ...]) -> Any:
    """Which rows fill batches of rows of one T alone, bool `[n]`.

    Args:
        lengths: int64 `[n]`, those of the longest T first.
        options: the budget.
        boundaries: the values that T may have.
    """
    steps = round_up(lengths, boundaries)
    _, bucket, counts = tf.unique_with_counts(steps, tf.int64)
    place = tf.range(tf.size(lengths, tf.int64)) - tf.gather(tf.cumsum(counts, exclusive=True), bucket)
    count, full = tf.gather(counts, bucket), rows_of(steps, options)
    return place < count - count % full


def round_up(lengths: Any, boundaries: tuple[int, ...]) -> Any:
    """The smallest boundary that holds each length."""
    table = tf.constant(boundaries, tf.int64)
    return tf.gather(table, tf.minimum(tf.searchsorted(table, lengths), len(boundaries) - 1))


def rows_of(steps: Any, options: BatchOptions) -> Any:
    """`BatchOptions.rows` of each T."""
    if options.batch_size is not None:
        return tf.fill(tf.shape(steps), tf.constant(options.batch_size, tf.int64))
    rows = tf.constant(options.batch_steps, tf.int64) // tf.maximum(steps, 1)
    even = rows - rows % options.multiple_of
    return tf.maximum(tf.where(even > 0, even, rows), 1)


def starts_of(full: Any) -> Any:
    """Where batches start, if a batch that starts at row i takes `full[i]` rows.

    `leap` leads from each row over 1, 2, 4 ... batches. What it leads to from the starts found so far are as many more.
    """
    count = tf.size(full, tf.int64)
    leap = tf.concat([tf.minimum(tf.range(count) + full, count), count[None]], 0)  # the end leads to itself

    def double(starts: Any, leap: Any) -> tuple[Any, Any]:
        return tf.concat([starts, tf.gather(leap, starts)], 0), tf.gather(leap, leap)

    found, _ = tf.while_loop(
        lambda starts, _: starts[-1] < count,
        double,
        (tf.zeros([1], tf.int64), leap),
        shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None])),
        parallel_iterations=1,
    )
    return found[: tf.math.count_nonzero(found < count)]
