"""A window of chunks -> batches of packed rows, all of one shape.

    lengths ─ first fit ─ rows ─┬─ the fullest, in random order ─ groups of batches: gather, pad ─> [B, T]
                                └─ the rest, which fill no batch, of several windows ─ first fit ─ ...

The steps of a row's sequences are consecutive from step 0; padding follows them.

Where columns form groups, a row has a number of steps for each group, and a sequence goes to one row with all of its
groups. It occupies the largest share of a row that any of its groups needs. So no group overflows, and a row is full if
the groups' lengths are in proportion to its steps.
"""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lengthwise.buckets import LengthHistogram
from lengthwise.columns import packed_keys
from lengthwise.feed.batching.batch_slices import each_alone
from lengthwise.feed.batching.even_epochs import EpochSize
from lengthwise.feed.batching.first_fit import first_fit
from lengthwise.feed.batching.length_windows import VALID_ROWS, CropsByKey, Windows, seed_of_window
from lengthwise.feed.batching.window_gathering import BATCH_ROWS, GROUP_STEPS, Window, gather_rows, splits_key
from lengthwise.feed.datasets.parallelism import WINDOWS, threads
from lengthwise.feed.datasets.transformations import flat_mapped, mapped, scanned
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.rows.feed_features import Batch, Features
from lengthwise.feed.rows.row_chunks import END, LENGTHS, Chunk, ChunkFormat, append
from lengthwise.tensor.tensor_types import Dataset, Tensor

_ORDER, _STARTS = "##order", "##starts"
_LEFT_BATCHES = 8  # batches of rows left over from windows, so that one filled-up batch among them does not matter
_SEGMENTS_FACTOR, _SEGMENTS_MULTIPLE = 4, 8  # maximum segments of a row per average segment, rounded up to multiples


def segments_of(options: Options, steps_per_row: float) -> int:
    """The maximum number of sequences of a packed row: as in the options, or four times the average number.

    With twice the average, rows of short sequences stay so empty that padding is 6% for log-normal lengths; with four
    times it is below 1%.
    """
    if options.segments is not None:
        return options.segments
    capacity = options.row_steps
    return min(
        math.ceil(_SEGMENTS_FACTOR * capacity / max(steps_per_row, 1) / _SEGMENTS_MULTIPLE) * _SEGMENTS_MULTIPLE,
        capacity,
    )


def windows_of(
    features: Features,
    options: Options,
    chunks: ChunkFormat,
    boundaries: tuple[int, ...] | None,
    segments: Callable[[], int],
    largest: tuple[int, ...] = (),
) -> Windows:
    """Packed windows if the options have `pack`, else `Windows`; for `segments` see `PackedWindows`."""
    if options.pack is not None:
        return PackedWindows(features, options, chunks, segments)
    return Windows(features, options, chunks, boundaries, largest)


class PackedWindows(Windows):
    """Arranges windows as packed rows."""

    def __init__(self, features: Features, options: Options, chunks: ChunkFormat, segments: Callable[[], int]) -> None:
        """`segments` returns the maximum number of sequences of a row."""
        super().__init__(features, options, chunks, None)
        self._steps = {key: options.pack_of(key) for key in features.length_keys}
        self._capacity = max(self._steps.values())
        self._boundaries = (self._capacity,)
        self._segments = segments
        self._rows = options.rows(options.row_steps)
        self._row_steps = options.row_steps

    def arranged(self, windows: Dataset, seed: Tensor, size: EpochSize | None = None) -> Dataset:  # noqa: ARG002
        """Windows of full batches; the remaining sequences form further windows. An epoch's last batches are filled up.

        Windows are packed two at a time. Only collecting the remaining sequences is sequential.
        """
        nothing = self._chunks.empty(windows.element_spec)
        empty = {key: nothing[key] for key in self._chunks.dtypes if key in nothing}

        def arrange(number: Tensor, chunk: Chunk) -> tuple[Window, Chunk, Tensor, Tensor, Tensor]:
            window_seed, last = seed_of_window(chunk, seed, number), tf.reduce_any(chunk[END])
            return *self._arrange_rows(chunk, window_seed, fills=last), window_seed, last

        def collect(
            state: tuple[Chunk, Tensor], element: tuple[Window, Chunk, Tensor, Tensor, Tensor]
        ) -> tuple[tuple[Chunk, Tensor], tuple[Window, Chunk, Tensor, Tensor]]:
            (waiting, rows), (window, left, count, window_seed, last) = state, element
            waiting, rows = {key: append(waiting[key], [left[key]]) for key in waiting}, rows + count
            due = last | (rows >= _LEFT_BATCHES * self._rows)
            collected, waiting = tf.cond(due, lambda: (waiting, empty), lambda: (empty, waiting))
            return (waiting, tf.where(due, tf.zeros_like(rows), rows)), (window, collected, window_seed, last)

        def pack_left(window: Window, left: Chunk, window_seed: Tensor, last: Tensor) -> tuple[Window, Window]:
            more = self._arrange_rows(left, window_seed + 3, fills=tf.constant(True))[0]
            return window | {END: tf.constant(False)}, more | {END: last}  # an epoch ends with the remaining sequences

        packed = mapped(windows.enumerate(), arrange, WINDOWS)
        pairs = mapped(scanned(packed, (empty, tf.constant(0, tf.int64)), collect), pack_left, WINDOWS)

        def both(window: Window, more: Window) -> Dataset:
            return tf.data.Dataset.from_tensors(window).concatenate(tf.data.Dataset.from_tensors(more))

        return flat_mapped(pairs, both)

    def size_of_one(self, lengths: LengthHistogram) -> EpochSize:
        """The size of epochs of these lengths in one window; with several it depends on which sequences share one."""
        cut = lengths.truncated(self._capacity)
        longest_first = tf.constant(np.repeat(cut.lengths[::-1], cut.counts[::-1]), tf.int64)
        rows = int(tf.reduce_max(first_fit(longest_first, self._capacity, self._segments()))) + 1
        return EpochSize(rows // self._rows if self._options.drop_remainder else -(-rows // self._rows), cut.total, 0)

    def _arrange(self, chunk: Chunk, seed: Tensor) -> Window:
        return self._arrange_rows(chunk, seed, fills=tf.constant(True))[0]

    def _arrange_rows(self, chunk: Chunk, seed: Tensor, fills: Tensor) -> tuple[Window, Chunk, Tensor]:
        """The window's rows in batches, the sequences of the emptiest rows, which fill no batch, and their number.

        Args:
            chunk: the sequences.
            seed: sets the order of equal lengths and of rows.
            fills: bool `[]`: whether the last batch is filled up with empty rows, unless it is dropped.
        """
        crops, order = self._sorted(chunk, seed, None)
        sizes = tf.gather(self._sizes(crops), order)
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
        placed = rows >= 0
        kept = tf.boolean_mask(order, placed)
        window = self._packed(chunk, crops, kept, tf.boolean_mask(rows, placed), batches)
        window[VALID_ROWS] = tf.size(kept, tf.int64)
        left = self._left(chunk, window, crops, tf.boolean_mask(order, ~placed))
        return window, left, count - tf.size(number, tf.int64)

    def _sizes(self, crops: CropsByKey) -> Tensor:
        """int64 `[n]`: the share of a row that each sequence needs, in steps of the group with the most, rounded up."""
        shares = [-(-crops[key].steps * self._capacity // steps) for key, steps in self._steps.items()]
        return tf.reduce_max(tf.stack(shares), axis=0)

    def _packed(self, chunk: Chunk, crops: CropsByKey, order: Tensor, rows: Tensor, batches: Tensor) -> Window:
        """The window of the sequences of `order`, int64 `[n]`, each in its row of `rows`."""
        order = tf.gather(order, tf.argsort(rows, stable=True))
        counts = tf.math.bincount(tf.cast(rows, tf.int32), dtype=tf.int64)
        counts = tf.concat([counts, tf.zeros([batches * self._rows - tf.size(counts, tf.int64)], tf.int64)], 0)
        window: Window = {BATCH_ROWS: tf.fill([batches], self._rows), **self._of_rows(chunk, crops, order)}
        window[_STARTS] = tf.concat([[0], tf.cumsum(counts)], 0)
        for key, crop in crops.items():
            window[f"{_ORDER} {key}"] = crop.kept_pieces(order)
            splits = tf.concat([[0], tf.cumsum(crop.pieces)], 0)
            for spec in self._features.of_length(key):
                window[splits_key(spec)] = splits * spec.width
                window[spec.key] = self._chunks.join(chunk, spec.key)
        return window

    def batches(self, windows: Dataset) -> Dataset:
        """From windows, of any number of epochs, to batches."""
        groups = each_alone(windows, self._groups, lambda at, window: (at, window))
        return mapped(groups, self._gather_packed, threads()).unbatch()

    def _groups(self, window: Window) -> Tensor:
        """The window's groups: the first batch and the number of batches of each, int64 `[groups, 2]`."""
        size = max(GROUP_STEPS // (self._rows * self._row_steps), 1)
        batches = tf.size(window[BATCH_ROWS], tf.int64)
        first = tf.range(0, batches, size)
        return tf.stack([first, tf.minimum(batches - first, size)], axis=1)

    def _gather_packed(self, at: Tensor, window: Window) -> Batch:
        """The batches of a group, `[batches, B, ...]`."""
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
            rows = tf.gather(ends, starts)  # the start of each row's steps, and the end of the last row's
            numbers = _segments_and_positions(lengths, starts, ends)
            for name, value in zip(packed_keys(key), numbers, strict=True):
                batch[name] = self._dense(value, rows, 0, self._steps[key])
            for spec in self._features.of_length(key):
                values = gather_rows(window, spec, window[f"{_ORDER} {key}"][items])
                values = tf.cast(tf.reshape(values, [-1, *spec.shape]), spec.dtype)
                batch[spec.key] = self._dense(values, rows, spec.padding, self._steps[key])
        return batch

    def _dense(self, values: Tensor, starts: Tensor, padding: float | str, size: int) -> Tensor:
        """Values, row after row, as `[batches, B, size, ...]`."""
        ragged = tf.RaggedTensor.from_row_splits(values, starts, validate=False)
        inner = values.shape[1:]
        dense = ragged.to_tensor(tf.constant(padding, values.dtype), shape=[None, size, *inner])
        return tf.reshape(dense, [-1, self._rows, size, *inner])


def _segments_and_positions(lengths: Tensor, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """The number of each step's sequence in its row, from 1, and its position in the sequence, from 0.

    Args:
        lengths: int64 `[n]` of the sequences, at least 1.
        starts: int64 `[rows + 1]`: each row's first sequence.
        ends: int64 `[n + 1]`: the bounds of each sequence's steps.
    """
    count = tf.size(lengths, tf.int64)
    number = tf.ragged.range(starts[1:] - starts[:-1]).flat_values + 1  # of each sequence in its row
    begins = tf.scatter_nd(ends[:-1, None], tf.ones([count], tf.int32), tf.reshape(ends[-1], [1]))
    sequence = tf.cumsum(begins) - 1
    positions = tf.ragged.range(lengths).flat_values
    return tf.cast(tf.gather(number, sequence), tf.int32), tf.cast(positions, tf.int32)
