"""A window of chunks -> batches of packed rows, all of one shape.

    lengths ─ first fit ─ rows ─┬─ the fullest, in random order ─ groups of batches: gather, pad ─> [B, T]
                                └─ those that fill no batch, of several windows ─ first fit ─ ...

Of a row's sequences the steps follow one another from step 0 on; what is behind them is padding.

Where columns form groups, a row has so many steps of each, and a sequence goes to one row with all of its groups. It
takes the share of a row that it needs of the group of which it needs most. So no group's steps overflow, and a row is
full where the groups' lengths are in proportion to its steps.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lengthwise.buckets import LengthHistogram
from lengthwise.columns import packed_keys
from lengthwise.feed.batching.batch_slices import each_alone
from lengthwise.feed.batching.even_epochs import EpochSize
from lengthwise.feed.batching.first_fit import first_fit
from lengthwise.feed.batching.length_windows import (
    BATCH_ROWS,
    GROUP_STEPS,
    VALID,
    TakenByKey,
    Window,
    Windows,
    gather_rows,
    own_seed,
    splits_key,
)
from lengthwise.feed.datasets.parallelism import WINDOWS, threads
from lengthwise.feed.datasets.transformations import flat_mapped, mapped, scanned
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.rows.feed_features import Batch, Features
from lengthwise.feed.rows.row_chunks import END, LENGTHS, Chunk, ChunkFormat, append

_ORDER, _STARTS = "##order", "##starts"
_MANY = 8  # batches of rows that are left of windows, so that one to be filled up among them does not matter
_MORE, _EVEN = 4, 8  # segments of a row for each one on average, in multiples of


def segments_of(options: Options, steps_per_row: float) -> int:
    """How many sequences a packed row may hold: what the options say, or four times as many as fit on average.

    With twice as many, the rows of short sequences stay so empty that padding is 6% where lengths are log-normal; with
    four times it is below 1%.
    """
    if options.segments is not None:
        return options.segments
    capacity = options.row_steps
    return min(math.ceil(_MORE * capacity / max(steps_per_row, 1) / _EVEN) * _EVEN, capacity)


def windows_of(
    features: Features,
    options: Options,
    chunks: ChunkFormat,
    boundaries: tuple[int, ...] | None,
    segments: Callable[[], int],
    largest: tuple[int, ...] = (),
) -> Windows:
    """The windows that the options ask for; see `Windows`, and `PackedWindows` for `segments`."""
    if options.pack is not None:
        return PackedWindows(features, options, chunks, segments)
    return Windows(features, options, chunks, boundaries, largest)


class PackedWindows(Windows):
    """Arranges windows as packed rows."""

    def __init__(self, features: Features, options: Options, chunks: ChunkFormat, segments: Callable[[], int]) -> None:
        """`segments` gives how many sequences a row may hold."""
        super().__init__(features, options, chunks, None)
        self._steps = {key: options.pack_of(key) for key in features.length_keys}
        self._capacity = max(self._steps.values())
        self._boundaries = (self._capacity,)
        self._segments = segments
        self._rows = options.rows(options.row_steps)
        self._row_steps = options.row_steps

    def arranged(self, windows: Any, seed: Any, size: EpochSize | None = None) -> Any:  # noqa: ARG002
        """Windows of full batches; what is left of them makes further windows. An epoch's last ones are filled up.

        Windows are packed two at a time. In between, one after the other, only what is left is collected.
        """
        nothing = self._chunks.empty(windows.element_spec)
        none = {key: nothing[key] for key in self._chunks.dtypes if key in nothing}

        def arrange(number: Any, chunk: Chunk) -> tuple[Window, Chunk, Any, Any, Any]:
            own, last = own_seed(chunk, seed, number), tf.reduce_any(chunk[END])
            return *self._arrange_rows(chunk, own, fills=last), own, last

        def collect(state: tuple[Chunk, Any], element: tuple[Window, Chunk, Any, Any, Any]) -> tuple[Any, Any]:
            (waiting, rows), (window, left, count, own, last) = state, element
            waiting, rows = {key: append(waiting[key], [left[key]]) for key in waiting}, rows + count
            due = last | (rows >= _MANY * self._rows)
            taken, waiting = tf.cond(due, lambda: (waiting, none), lambda: (none, waiting))
            return (waiting, tf.where(due, tf.zeros_like(rows), rows)), (window, taken, own, last)

        def pack_left(window: Window, left: Chunk, own: Any, last: Any) -> tuple[Window, Window]:
            more = self._arrange_rows(left, own + 3, fills=tf.constant(True))[0]
            return window | {END: tf.constant(False)}, more | {END: last}  # an epoch ends with what is left

        packed = mapped(windows.enumerate(), arrange, WINDOWS)
        collected = scanned(packed, (none, tf.constant(0, tf.int64)), collect)
        pairs = mapped(collected, pack_left, WINDOWS)
        one = tf.data.Dataset.from_tensors
        return flat_mapped(pairs, lambda window, more: one(window).concatenate(one(more)))

    def size_of_one(self, lengths: LengthHistogram) -> EpochSize:
        """The size of epochs of these lengths in one window; in several it depends on which share one."""
        cut = lengths.truncated(self._capacity)
        longest_first = tf.constant(np.repeat(cut.lengths[::-1], cut.counts[::-1]), tf.int64)
        rows = int(tf.reduce_max(first_fit(longest_first, self._capacity, self._segments()))) + 1
        return EpochSize(rows // self._rows if self._options.drop_remainder else -(-rows // self._rows), cut.total, 0)

    def _arrange(self, chunk: Chunk, seed: Any) -> Window:
        return self._arrange_rows(chunk, seed, fills=tf.constant(True))[0]

    def _arrange_rows(self, chunk: Chunk, seed: Any, fills: Any) -> tuple[Window, Chunk, Any]:
        """The window's rows in batches, the sequences of the emptiest rows, which fill no batch, and how many rows.

        Args:
            chunk: the sequences.
            seed: decides between equal lengths, and the order of rows.
            fills: bool `[]`: whether the last batch is filled up with empty rows, unless it is to be dropped.
        """
        taken, order = self._sorted(chunk, seed, None)
        sizes = tf.gather(self._sizes(taken), order)
        rows = first_fit(sizes, self._capacity, self._segments())
        count = tf.reduce_max(tf.concat([rows + 1, [0]], 0))
        fills &= not self._options.drop_remainder
        batches = tf.where(fills, -(-count // self._rows), count // self._rows)
        steps = tf.math.unsorted_segment_sum(sizes, rows, count)
        fullest = tf.argsort(steps, direction="DESCENDING", stable=True)[: batches * self._rows]
        number = tf.range(tf.size(fullest, tf.int64))
        if self._options.shuffle:
            number = tf.random.experimental.stateless_shuffle(number, seed + 1)
        else:
            fullest = tf.sort(fullest)
        unplaced = tf.fill([count], tf.constant(-1, tf.int64))
        rows = tf.gather(tf.tensor_scatter_nd_update(unplaced, fullest[:, None], number), rows)
        held = rows >= 0
        kept = tf.boolean_mask(order, held)
        window = self._packed(chunk, taken, kept, tf.boolean_mask(rows, held), batches)
        window[VALID] = tf.size(kept, tf.int64)
        left = self._left(chunk, window, taken, tf.boolean_mask(order, ~held))
        return window, left, count - tf.size(number, tf.int64)

    def _sizes(self, taken: TakenByKey) -> Any:
        """int64 `[n]`: what each sequence takes of a row, in steps of the group that has most of them, rounded up."""
        shares = [-(-taken[key].steps * self._capacity // steps) for key, steps in self._steps.items()]
        return tf.reduce_max(tf.stack(shares), axis=0)

    def _packed(self, chunk: Chunk, taken: TakenByKey, order: Any, rows: Any, batches: Any) -> Window:
        """The window of the sequences of `order`, int64 `[n]`, each in the row that `rows` says."""
        order = tf.gather(order, tf.argsort(rows, stable=True))
        held = tf.math.bincount(tf.cast(rows, tf.int32), dtype=tf.int64)
        held = tf.concat([held, tf.zeros([batches * self._rows - tf.size(held, tf.int64)], tf.int64)], 0)
        window: Window = {BATCH_ROWS: tf.fill([batches], self._rows), **self._of_rows(chunk, taken, order)}
        window[_STARTS] = tf.concat([[0], tf.cumsum(held)], 0)
        for key, one in taken.items():
            window[f"{_ORDER} {key}"] = one.places(order)
            splits = tf.concat([[0], tf.cumsum(one.pieces)], 0)
            for spec in self._features.of_length(key):
                window[splits_key(spec)] = splits * spec.width
                window[spec.key] = self._chunks.join(chunk, spec.key)
        return window

    def batches(self, windows: Any) -> Any:
        """From windows, of any number of epochs, to batches."""
        groups = each_alone(windows, self._groups, lambda at, window: (at, window))
        return mapped(groups, self._gather_packed, threads()).unbatch()

    def _groups(self, window: Window) -> Any:
        """The window's groups: the first and the number of each one's batches, int64 `[groups, 2]`."""
        size = max(GROUP_STEPS // (self._rows * self._row_steps), 1)
        batches = tf.size(window[BATCH_ROWS], tf.int64)
        first = tf.range(0, batches, size)
        return tf.stack([first, tf.minimum(batches - first, size)], axis=1)

    def _gather_packed(self, at: Any, window: Window) -> Batch:
        """A group's batches, `[batches, B, ...]`."""
        first, last = at[0] * self._rows, (at[0] + at[1]) * self._rows
        starts = window[_STARTS][first : last + 1]
        items = slice(starts[0], starts[-1])
        starts -= starts[0]
        leading, *_ = self._features.length_keys
        batch = {leading: self._dense(window[LENGTHS][items], starts, 0, self._segments())}
        for column in self._features.context:
            empty = "" if column.dtype == "string" else 0
            batch[column.key] = self._dense(window[column.key][items], starts, empty, self._segments())
        for key in self._features.length_keys:
            lengths = window[LENGTHS if key == leading else key][items]
            ends = tf.concat([[0], tf.cumsum(lengths)], 0)
            rows = tf.gather(ends, starts)  # where each row's steps start, and where the last one's end
            numbers = _numbers(lengths, starts, ends)
            for name, value in zip(packed_keys(key), numbers, strict=True):
                batch[name] = self._dense(value, rows, 0, self._steps[key])
            for spec in self._features.of_length(key):
                values = gather_rows(window, spec, window[f"{_ORDER} {key}"][items])
                values = tf.cast(tf.reshape(values, [-1, *spec.shape]), spec.dtype)
                batch[spec.key] = self._dense(values, rows, spec.padding, self._steps[key])
        return batch

    def _dense(self, values: Any, starts: Any, padding: Any, size: int) -> Any:
        """Values of one row after the other, as `[batches, B, size, ...]`."""
        ragged = tf.RaggedTensor.from_row_splits(values, starts, validate=False)
        inner = values.shape[1:]
        dense = ragged.to_tensor(tf.constant(padding, values.dtype), shape=[None, size, *inner])
        return tf.reshape(dense, [-1, self._rows, size, *inner])


def _numbers(lengths: Any, starts: Any, ends: Any) -> tuple[Any, Any]:
    """Of each step of rows of sequences, the number of its sequence in the row, from 1 on, and its own in the sequence.

    Args:
        lengths: int64 `[n]` of the sequences, at least 1.
        starts: int64 `[rows + 1]`: each row's first sequence.
        ends: int64 `[n + 1]`: where each sequence's steps start and end.
    """
    count = tf.size(lengths, tf.int64)
    place = tf.ragged.range(starts[1:] - starts[:-1]).flat_values + 1  # of each sequence in its row
    begins = tf.scatter_nd(ends[:-1, None], tf.ones([count], tf.int32), tf.reshape(ends[-1], [1]))
    sequence = tf.cumsum(begins) - 1
    positions = tf.ragged.range(lengths).flat_values
    return tf.cast(tf.gather(place, sequence), tf.int32), tf.cast(positions, tf.int32)
