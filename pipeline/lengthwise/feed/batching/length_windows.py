"""A window of chunks -> its batches: sort by length, cut by the budget, gather and pad.

    lengths ─ sort, longest first ─ cut ─ shuffle batches ─ groups of batches ─┐
    values of each feature, row after row, then the fillers ──────────────────┴─ gather a group ─ slice ─> [rows, T]

Windows are sorted and cut one at a time, since rows that a window leaves go to the next; groups, of a few batches each,
are gathered on all cores.

Padding is treated as rows: filler rows of every length that is needed follow the real rows, so one ragged gather both
sorts and pads, and copies ranges of values instead of single values.
"""

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts, cut_batches, in_full_batches, limits_of, round_up
from lengthwise.feed.batching.batch_slices import each_alone, emit_batches, slices_of
from lengthwise.feed.batching.even_epochs import EpochProgress, EpochSize, hand_out
from lengthwise.feed.batching.group_cuts import cut_by_groups, longest_of_batches
from lengthwise.feed.batching.largest_first import cut_largest, join_cuts
from lengthwise.feed.batching.window_gathering import (
    BATCH_ROWS,
    Window,
    batch_groups,
    filler_rows,
    fillers_of,
    gather_rows,
    splits_key,
)
from lengthwise.feed.datasets.parallelism import WINDOWS, threads
from lengthwise.feed.datasets.transformations import mapped, scanned
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.feed.options.random_crops import CropRanges, cropped_boundaries
from lengthwise.feed.rows.feed_features import Features
from lengthwise.feed.rows.row_chunks import END, KEEP, LENGTHS, SEED, Chunk, ChunkFormat, append, variant
from lengthwise.tensor.tensor_types import Dataset, Tensor

VALID_ROWS = "##valid"
_STEPS, _PIECES, _PADDING, _FILLERS = "##steps", "##pieces", "##padding", "##fillers"

CropsByKey = dict[str, CropRanges]
"""The steps that are kept of each group, by the feature that has its lengths."""


class Windows:
    """Arranges the windows of one data set.

    Args:
        features: of its rows.
        options: see `Options`.
        chunks: the format of its chunks.
        boundaries: the values that T may have; None for any.
        largest: the T of the batches that come first; see `largest_steps`.
    """

    def __init__(
        self,
        features: Features,
        options: BatchOptions,
        chunks: ChunkFormat,
        boundaries: tuple[int, ...] | None,
        largest: tuple[int, ...] = (),
    ) -> None:
        self._features = features
        self._options = options
        self._chunks = chunks
        self._boundaries = boundaries
        if boundaries is not None:
            self._boundaries = cropped_boundaries(boundaries, options.crop_of(features.length_key))
        self._largest = largest

    def of(self, chunks: Dataset, sizes: list[int], seed: Tensor, size: EpochSize | None = None) -> Dataset:
        """Windows of one epoch.

        Args:
            chunks: a dataset of chunks, each a variant `[1]` by key.
            sizes: the number of chunks of each window, repeated from the start if there are more windows. The epoch's
                end counts as a chunk.
            seed: int64 `[2]`, of the epoch.
            size: of the epoch, if it is known.
        """
        return self.arranged(self.with_end_mark(chunks).rebatch(tf.constant(sizes, tf.int64)), seed, size)

    def with_end_mark(self, chunks: Dataset) -> Dataset:
        """The chunks, followed by an empty chunk that marks the epoch's end."""
        marked = mapped(chunks, lambda chunk: {**chunk, END: tf.constant([False])})
        return marked.concatenate(tf.data.Dataset.from_tensors(self._chunks.empty(marked.element_spec)))

    def independent(self, chunks: Dataset, size: int, seed: Tensor) -> Dataset:
        """Windows of `size` chunks that are independent of each other, for workers of a tf.data service.

        If chunks have their own seeds, a window uses the seed of its first chunk.
        """
        return self.arranged_separately(chunks.rebatch(tf.constant([size], tf.int64)), seed)

    def arranged_separately(self, windows: Dataset, seed: Tensor) -> Dataset:
        """Each window of chunks, a variant `[k]` by key, arranged independently of the others."""

        def arrange(number: Tensor, chunk: Chunk) -> Window:
            over = {END: tf.reduce_any(chunk[END])} if END in chunk else {}
            return {**self._arrange(chunk, seed_of_window(chunk, seed, number)), **over}

        return mapped(windows.enumerate(), arrange, WINDOWS)

    def arranged(self, windows: Dataset, seed: Tensor, size: EpochSize | None = None) -> Dataset:
        """Each window of chunks, a variant `[k]` by key, arranged; the last window of an epoch is marked.

        The rows of incomplete and of surplus batches wait for the next window; but not with groups.
        """
        if self._features.has_groups:
            return self.arranged_separately(windows, seed)
        nothing = self._chunks.empty(windows.element_spec)
        waiting = {key: nothing[key] for key in self._chunks.dtypes if key in nothing}

        def arrange(state: tuple[Chunk, EpochProgress], chunk: Chunk) -> tuple[tuple[Chunk, EpochProgress], Window]:
            waiting, progress = state
            joined = {key: append(waiting[key], [chunk[key]]) for key in waiting}
            last = tf.reduce_any(chunk[END])
            window_seed = seed_of_window(chunk, seed, progress.windows)
            left, progress, window = self._arrange_some(joined, window_seed, last, progress, size)
            return (left, progress), {**window, END: last}

        return scanned(windows, (waiting, EpochProgress.start()), arrange)

    def _arrange(self, chunk: Chunk, seed: Tensor) -> Window:
        """Sorts and cuts a window; `seed` sets the order of equal lengths and of the batches."""
        crops, order = self._sorted(chunk, seed, None)
        if self._features.has_groups:
            order, cuts = self._cut_by_groups(crops, order)
        else:
            limits = limits_of(tf.gather(self._leading(crops).steps, order), self._options, self._boundaries)
            cuts = cut_batches(limits, drop_remainder=self._options.drop_remainder)
        cuts = cuts.permuted(seed + 1) if self._options.shuffle else cuts
        window = self._window(chunk, crops, tf.gather(order, cuts.positions()), cuts)
        return {**window, VALID_ROWS: tf.size(order, tf.int64)}

    def _cut_by_groups(self, crops: CropsByKey, order: Tensor) -> tuple[Tensor, BatchCuts]:
        """The order of the window's rows in the batches, and the batches."""
        lengths = {key: tf.gather(crop.steps, order) for key, crop in crops.items()}
        self._check_longest(self._options.weighed(lengths))
        positions, cuts = cut_by_groups(lengths, self._options)
        return tf.gather(order, positions), cuts

    def _arrange_some(
        self, chunk: Chunk, seed: Tensor, last: Tensor, progress: EpochProgress, size: EpochSize | None
    ) -> tuple[Chunk, EpochProgress, Window]:
        """The rows left for the next window (none after the last window), and the window's batches."""
        options, of_few = self._options, self._options.max_shapes is not None
        crops, order = self._sorted(chunk, seed, self._boundaries if of_few else None)
        ordered = tf.gather(self._leading(crops).steps, order)
        largest, others = cut_largest(ordered, self._largest, options, progress.windows == 0)
        ordered = tf.gather(ordered, others)
        if of_few:
            full = last | in_full_batches(ordered, options, self._boundaries or ())
            others, ordered = tf.boolean_mask(others, full), tf.boolean_mask(ordered, full)
        limits = limits_of(ordered, options, self._boundaries)
        cuts = cut_batches(limits, drop_remainder=options.drop_remainder)
        if of_few or options.drop_remainder:
            progress = progress._replace(windows=progress.windows + 1)
        else:
            cuts, progress = hand_out(cuts, limits, progress, last, size, options)
        cuts = cuts.permuted(seed + 1) if options.shuffle else cuts
        positions, cuts = join_cuts(largest, others, cuts)
        window = self._window(chunk, crops, tf.gather(order, positions), cuts)
        waits = tf.tensor_scatter_nd_update(
            tf.fill(tf.shape(order), ~last), positions[:, None], tf.zeros_like(positions, tf.bool)
        )
        left = tf.boolean_mask(order, waits)
        window[VALID_ROWS] = tf.size(order, tf.int64) - tf.size(left, tf.int64)
        return self._left(chunk, window, crops, left), progress, window

    def _sorted(self, chunk: Chunk, seed: Tensor, boundaries: tuple[int, ...] | None) -> tuple[CropsByKey, Tensor]:
        """The kept steps, and the rows sorted by their number, or by T if boundaries are given, the longest first."""
        crops = {key: self._crop_ranges(chunk, key, seed) for key in self._features.length_keys}
        keep = self._chunks.join(chunk, KEEP) if KEEP in chunk else None
        steps = self._sizes(crops)
        lengths = steps if boundaries is None else round_up(steps, boundaries)
        order = _sort(lengths, keep, seed, shuffle=self._options.shuffle)
        self._check_longest(tf.gather(steps, order))
        return crops, order

    def _crop_ranges(self, chunk: Chunk, key: str, seed: Tensor) -> CropRanges:
        """The kept steps of the group whose lengths are in the feature `key`."""
        position = self._features.length_keys.index(key)
        at_random = seed + 2 + 5 * position if self._options.shuffle else None
        lengths = self._chunks.join(chunk, key if position else LENGTHS)
        return CropRanges.of(lengths, self._options.crop_of(key), at_random)

    def _leading(self, crops: CropsByKey) -> CropRanges:
        return crops[self._features.length_key]

    def _sizes(self, crops: CropsByKey) -> Tensor:
        """int64 `[n]`: the sizes by which rows are sorted."""
        return self._leading(crops).steps

    def _check_longest(self, lengths: Tensor) -> None:
        longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
        if self._options.batch_steps is not None and self._options.over_budget == "error":
            maximum = self._options.batch_steps
            message = (
                f"expected sequences of at most batch_steps={maximum} steps, received a longer one; "
                "raise batch_steps, or pass over_budget='alone'. Its number of steps:"
            )
            tf.debugging.Assert(longest <= maximum, [message, longest])
        if self._boundaries is not None:
            maximum = self._boundaries[-1]
            message = f"expected sequences of at most {maximum} steps, the last boundary, received a longer one, of:"
            tf.debugging.Assert(longest <= maximum, [message, longest])

    def _left(self, chunk: Chunk, window: Window, crops: CropsByKey, order: Tensor) -> Chunk:
        """The rows of `order` as a chunk."""
        left: Chunk = {key: variant(value) for key, value in self._of_rows(chunk, crops, order).items()}
        if KEEP in chunk:
            left[KEEP] = variant(tf.ones_like(order, tf.bool))
        for spec in self._features.sequences:
            left[spec.key] = variant(gather_rows(window, spec, crops[spec.length].kept_pieces(order)))
        return left

    def batches(self, windows: Dataset) -> Dataset:
        """From windows, of any number of epochs, to batches."""
        groups = each_alone(windows, self._groups_of, lambda at, window: (at, window))
        gathered = mapped(groups, self._gather, threads())
        return emit_batches(gathered, self._features)

    def _groups_of(self, window: Window) -> dict[str, Tensor]:
        return batch_groups(window, tf.add_n([window[f"{_STEPS} {key}"] for key in self._features.length_keys]))

    def _of_rows(self, chunk: Chunk, crops: CropsByKey, order: Tensor) -> Window:
        """The values per row: context features, and the number of kept steps."""
        lengths = {key: crop.steps for key, crop in crops.items()}
        of_rows = {LENGTHS: tf.gather(self._leading(crops).steps, order)}
        for column in self._features.context:
            is_length = column.key in lengths
            values = lengths[column.key] if is_length else self._chunks.join(chunk, column.key)
            of_rows[column.key] = tf.gather(values, order)
        return of_rows

    def _window(self, chunk: Chunk, crops: CropsByKey, order: Tensor, cuts: BatchCuts) -> Window:
        window: Window = {BATCH_ROWS: cuts.rows, **self._of_rows(chunk, crops, order)}
        leading, *others = self._features.length_keys
        window |= self._laid_out(chunk, leading, crops[leading], order, cuts)
        for key in others:
            steps = longest_of_batches(tf.gather(crops[key].steps, order), cuts.rows)
            window |= self._laid_out(chunk, key, crops[key], order, BatchCuts.of(cuts.rows, steps))
        return window

    def _laid_out(self, chunk: Chunk, key: str, crop: CropRanges, order: Tensor, cuts: BatchCuts) -> Window:
        """The steps of one group, whose lengths are in the feature `key`."""
        padding = tf.repeat(cuts.steps, cuts.rows) - tf.gather(crop.steps, order)
        base, fillers = filler_rows(padding)
        window: Window = {
            f"{_STEPS} {key}": cuts.steps,
            f"{_PIECES} {key}": crop.kept_pieces(order),
            f"{_PADDING} {key}": padding,
            f"{_FILLERS} {key}": tf.stack([tf.size(crop.pieces, tf.int64), base]),
        }
        splits = tf.concat([[0], tf.cumsum(tf.concat([crop.pieces, fillers], 0))], 0)
        for spec in self._features.of_length(key):
            window[splits_key(spec)] = splits * spec.width
            padding_value = tf.constant(spec.padding, self._chunks.dtypes[spec.key])
            filling = tf.fill([tf.reduce_sum(fillers) * spec.width], padding_value)
            window[spec.key] = self._chunks.join(chunk, spec.key, filling)
        return window

    def _gather(self, at: dict[str, Tensor], window: Window) -> tuple[dict[str, Tensor], Window]:
        """The batches of a group, in the form that `emit_batches` expects."""
        (batch, batches), (row, rows) = (tf.unstack(part) for part in (at["batches"], at["rows"]))
        of_batches, of_rows = slice(batch, batch + batches), slice(row, row + rows)
        steps = {key: window[f"{_STEPS} {key}"][of_batches] for key in self._features.length_keys}
        cuts = BatchCuts.of(window[BATCH_ROWS][of_batches], steps.pop(self._features.length_key))
        keys = [LENGTHS, *(column.key for column in self._features.context)]
        group: Window = {key: window[key][of_rows] for key in keys}
        for key in self._features.length_keys:
            count, base = tf.unstack(window[f"{_FILLERS} {key}"])
            padding = window[f"{_PADDING} {key}"][of_rows]
            real = window[f"{_PIECES} {key}"][of_rows]
            fillers = fillers_of(padding, base, count)
            pieces = [real, *fillers] if self._options.padding == "right" else [*fillers, real]
            indices = tf.reshape(tf.stack(pieces, axis=1), [-1])
            for spec in self._features.of_length(key):
                group[spec.key] = tf.cast(gather_rows(window, spec, indices), spec.dtype)
        return slices_of(cuts, self._features, steps), group


def seed_of_window(chunk: Chunk, seed: Tensor, number: Tensor) -> Tensor:
    """The window's seed, int64 `[2]`."""
    return chunk[SEED][0] if SEED in chunk else tf.random.experimental.stateless_fold_in(seed, number)


def _sort(lengths: Tensor, keep: Tensor | None, seed: Tensor, *, shuffle: bool) -> Tensor:
    """int64 `[n]`: the rows to keep, the longest first; equal lengths in random or in original order."""
    count = tf.size(lengths, tf.int64)
    random = tf.random.stateless_uniform([count], seed, 0, 2**31 - 1, tf.int64)
    ties = random if shuffle else tf.range(count, 0, -1)
    keys = lengths * 2**31 + ties
    if keep is None:
        return tf.cast(tf.argsort(keys, direction="DESCENDING"), tf.int64)
    order = tf.argsort(tf.where(keep, keys, -1), direction="DESCENDING")
    return tf.cast(order[: tf.math.count_nonzero(keep)], tf.int64)
