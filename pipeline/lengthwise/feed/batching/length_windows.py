"""A window of chunks -> its batches: sort by length, cut by the budget, gather and pad.

    lengths ─ sort, longest first ─ cut ─ shuffle batches ─ groups of batches ─┐
    values of each feature, row after row, fillers behind them ────────────────┴─ gather a group ─ slice ─> [rows, T]

Windows are sorted and cut one at a time, since what one leaves is for the next; groups, of a few batches each, are
gathered on all cores.

Padding is a row like any other: filler rows of every length that is needed stand behind the real ones, so one ragged
gather both sorts and pads, copying runs of values rather than single ones.
"""

from typing import Any

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts, cut, in_full_batches, limits_of, round_up
from lengthwise.feed.batching.batch_slices import each_alone, emit_batches, slices_of
from lengthwise.feed.batching.even_epochs import EpochSize, Progress, hand_out
from lengthwise.feed.batching.group_cuts import cut_by_groups, longest_of_batches
from lengthwise.feed.batching.largest_first import cut_largest, one_after_the_other
from lengthwise.feed.datasets.parallelism import WINDOWS, threads
from lengthwise.feed.datasets.transformations import mapped, scanned
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.feed.options.random_crops import CropRanges, cropped
from lengthwise.feed.rows.feed_features import Features, SequenceSpec
from lengthwise.feed.rows.row_chunks import END, KEEP, LENGTHS, SEED, Chunk, ChunkFormat, append, variant

GROUP_STEPS = 2**17  # padded steps, gathered at once
BATCH_ROWS, VALID = "##rows", "##valid"
_STEPS, _PIECES, _PADDING, _FILLERS = "##steps", "##pieces", "##padding", "##fillers"

TakenByKey = dict[str, CropRanges]
"""What is taken of each group, by the feature that has its lengths."""

Window = dict[str, Any]
"""What `Windows.arrange` gives: the window's values, and which of them make which batch."""


class Windows:
    """Arranges the windows of one data set.

    Args:
        features: what its rows hold.
        options: see `Options`.
        chunks: what its chunks hold.
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
        self._boundaries = None if boundaries is None else cropped(boundaries, options.crop_of(features.length_key))
        self._largest = largest

    def of(self, chunks: Any, sizes: list[int], seed: Any, size: EpochSize | None = None) -> Any:
        """Windows of one epoch.

        Args:
            chunks: a dataset of chunks, each a variant `[1]` by key.
            sizes: how many chunks make a window: the first, the second and so on, and from the first on again. The
                epoch's end counts as one.
            seed: int64 `[2]`, of the epoch.
            size: of the epoch, where it is known.
        """
        return self.arranged(self.ended(chunks).rebatch(tf.constant(sizes, tf.int64)), seed, size)

    def ended(self, chunks: Any) -> Any:
        """The chunks, and an empty one that marks the epoch's end."""
        marked = mapped(chunks, lambda chunk: {**chunk, END: tf.constant([False])})
        return marked.concatenate(tf.data.Dataset.from_tensors(self._chunks.empty(marked.element_spec)))

    def apart(self, chunks: Any, size: int, seed: Any) -> Any:
        """Windows of so many chunks, none of which knows of the others: for workers of a tf.data service.

        Where chunks have seeds of their own, a window takes its first chunk's.
        """
        return self.each_arranged(chunks.rebatch(tf.constant([size], tf.int64)), seed)

    def each_arranged(self, windows: Any, seed: Any) -> Any:
        """The windows of chunks that make one together, each a variant `[k]` by key, arranged by themselves."""

        def arrange(number: Any, chunk: Chunk) -> Window:
            over = {END: tf.reduce_any(chunk[END])} if END in chunk else {}
            return {**self._arrange(chunk, own_seed(chunk, seed, number)), **over}

        return mapped(windows.enumerate(), arrange, WINDOWS)

    def arranged(self, windows: Any, seed: Any, size: EpochSize | None = None) -> Any:
        """The windows of chunks that make one together, each a variant `[k]` by key; an epoch's last one is marked.

        Batches of which rows are missing, or that would be too many, wait for the next window; but not with groups.
        """
        if self._features.has_groups:
            return self.each_arranged(windows, seed)
        nothing = self._chunks.empty(windows.element_spec)
        waiting = {key: nothing[key] for key in self._chunks.dtypes if key in nothing}

        def arrange(state: tuple[Chunk, Progress], chunk: Chunk) -> tuple[tuple[Chunk, Progress], Window]:
            waiting, progress = state
            joined = {key: append(waiting[key], [chunk[key]]) for key in waiting}
            own, last = own_seed(chunk, seed, progress.windows), tf.reduce_any(chunk[END])
            left, progress, window = self._arrange_some(joined, own, last, progress, size)
            return (left, progress), {**window, END: last}

        return scanned(windows, (waiting, Progress.start()), arrange)

    def _arrange(self, chunk: Chunk, seed: Any) -> Window:
        """Sorts and cuts a window; `seed` decides between equal lengths, and the order of the batches."""
        taken, order = self._sorted(chunk, seed, None)
        if self._features.has_groups:
            order, cuts = self._cut_by_groups(taken, order)
        else:
            cuts = cut(tf.gather(self._leading(taken).steps, order), self._options, self._boundaries)
        cuts = cuts.permuted(seed + 1) if self._options.shuffle else cuts
        window = self._window(chunk, taken, tf.gather(order, cuts.places()), cuts)
        return {**window, VALID: tf.size(order, tf.int64)}

    def _cut_by_groups(self, taken: TakenByKey, order: Any) -> tuple[Any, BatchCuts]:
        """The order in which the batches take the window's rows, and the batches."""
        lengths = {key: tf.gather(one.steps, order) for key, one in taken.items()}
        self._check_longest(self._options.weighed(lengths))
        places, cuts = cut_by_groups(lengths, self._options)
        return tf.gather(order, places), cuts

    def _arrange_some(
        self, chunk: Chunk, seed: Any, last: Any, progress: Progress, size: EpochSize | None
    ) -> tuple[Chunk, Progress, Window]:
        """What is left for the next window, and the window's batches; behind the last window nothing is left."""
        options, of_few = self._options, self._options.max_shapes is not None
        taken, order = self._sorted(chunk, seed, self._boundaries if of_few else None)
        ordered = tf.gather(self._leading(taken).steps, order)
        largest, mine = cut_largest(ordered, self._largest, options, progress.windows == 0)
        ordered = tf.gather(ordered, mine)
        if of_few:
            full = last | in_full_batches(ordered, options, self._boundaries or ())
            mine, ordered = tf.boolean_mask(mine, full), tf.boolean_mask(ordered, full)
        cuts = cut(ordered, options, self._boundaries)
        if of_few or options.drop_remainder:
            progress = progress._replace(windows=progress.windows + 1)
        else:
            limits = limits_of(ordered, options, self._boundaries)
            cuts, progress = hand_out(cuts, limits, progress, last, size, options)
        cuts = cuts.permuted(seed + 1) if options.shuffle else cuts
        places, cuts = one_after_the_other(largest, mine, cuts)
        window = self._window(chunk, taken, tf.gather(order, places), cuts)
        waits = tf.tensor_scatter_nd_update(
            tf.fill(tf.shape(order), ~last), places[:, None], tf.zeros_like(places, tf.bool)
        )
        left = tf.boolean_mask(order, waits)
        window[VALID] = tf.size(order, tf.int64) - tf.size(left, tf.int64)
        return self._left(chunk, window, taken, left), progress, window

    def _sorted(self, chunk: Chunk, seed: Any, boundaries: tuple[int, ...] | None) -> tuple[TakenByKey, Any]:
        """What is taken, and the rows by how many steps that is, or by T where it has few values, the longest first."""
        taken = {key: self._take(chunk, key, seed) for key in self._features.length_keys}
        keep = self._chunks.join(chunk, KEEP) if KEEP in chunk else None
        steps = self._sizes(taken)
        by = steps if boundaries is None else round_up(steps, boundaries)
        order = _sort(by, keep, seed, shuffle=self._options.shuffle)
        self._check_longest(tf.gather(steps, order))
        return taken, order

    def _take(self, chunk: Chunk, key: str, seed: Any) -> CropRanges:
        """What is taken of the group whose lengths are in the feature `key`."""
        place = self._features.length_keys.index(key)
        at_random = seed + 2 + 5 * place if self._options.shuffle else None
        lengths = self._chunks.join(chunk, key if place else LENGTHS)
        return CropRanges.of(lengths, self._options.crop_of(key), at_random)

    def _leading(self, taken: TakenByKey) -> CropRanges:
        return taken[self._features.length_key]

    def _sizes(self, taken: TakenByKey) -> Any:
        """int64 `[n]`: by what rows are sorted."""
        return self._leading(taken).steps

    def _check_longest(self, lengths: Any) -> None:
        longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
        if self._options.batch_steps is not None and self._options.over_budget == "error":
            most = self._options.batch_steps
            message = (
                f"expected sequences of at most batch_steps={most} steps, found a longer one; "
                "raise batch_steps, or give over_budget='alone'. Its number of steps:"
            )
            tf.debugging.Assert(longest <= most, [message, longest])
        if self._boundaries is not None:
            most = self._boundaries[-1]
            message = f"expected sequences of at most {most} steps, the last boundary, found a longer one, of:"
            tf.debugging.Assert(longest <= most, [message, longest])

    def _left(self, chunk: Chunk, window: Window, taken: TakenByKey, order: Any) -> Chunk:
        """The rows of `order` as a chunk."""
        left: Chunk = {key: variant(value) for key, value in self._of_rows(chunk, taken, order).items()}
        if KEEP in chunk:
            left[KEEP] = variant(tf.ones_like(order, tf.bool))
        for spec in self._features.sequences:
            left[spec.key] = variant(gather_rows(window, spec, taken[spec.length].places(order)))
        return left

    def batches(self, windows: Any) -> Any:
        """From windows, of any number of epochs, to batches."""
        groups = each_alone(windows, self._groups_of, lambda at, window: (at, window))
        gathered = mapped(groups, self._gather, threads())
        return emit_batches(gathered, self._features)

    def _groups_of(self, window: Window) -> dict[str, Any]:
        return _groups(window, tf.add_n([window[f"{_STEPS} {key}"] for key in self._features.length_keys]))

    def _of_rows(self, chunk: Chunk, taken: TakenByKey, order: Any) -> Window:
        """What rows have of each sequence: context features, and how many steps are taken."""
        own = {key: one.steps for key, one in taken.items()}
        of_rows = {LENGTHS: tf.gather(self._leading(taken).steps, order)}
        for column in self._features.context:
            values = own[column.key] if column.key in own else self._chunks.join(chunk, column.key)
            of_rows[column.key] = tf.gather(values, order)
        return of_rows

    def _window(self, chunk: Chunk, taken: TakenByKey, order: Any, cuts: BatchCuts) -> Window:
        window: Window = {BATCH_ROWS: cuts.rows, **self._of_rows(chunk, taken, order)}
        leading, *others = self._features.length_keys
        window |= self._laid_out(chunk, leading, taken[leading], order, cuts)
        for key in others:
            steps = longest_of_batches(tf.gather(taken[key].steps, order), cuts.rows)
            window |= self._laid_out(chunk, key, taken[key], order, BatchCuts.of(cuts.rows, steps))
        return window

    def _laid_out(self, chunk: Chunk, key: str, taken: CropRanges, order: Any, cuts: BatchCuts) -> Window:
        """The steps of one group, whose lengths are in the feature `key`."""
        padding = tf.repeat(cuts.steps, cuts.rows) - tf.gather(taken.steps, order)
        base, fillers = _fillers(padding)
        window: Window = {
            f"{_STEPS} {key}": cuts.steps,
            f"{_PIECES} {key}": taken.places(order),
            f"{_PADDING} {key}": padding,
            f"{_FILLERS} {key}": tf.stack([tf.size(taken.pieces, tf.int64), base]),
        }
        splits = tf.concat([[0], tf.cumsum(tf.concat([taken.pieces, fillers], 0))], 0)
        for spec in self._features.of_length(key):
            window[splits_key(spec)] = splits * spec.width
            filling = spec.fill(spec.padding, tf.reduce_sum(fillers) * spec.width, self._chunks.dtypes[spec.key])
            window[spec.key] = self._chunks.join(chunk, spec.key, filling)
        return window

    def _gather(self, at: Any, window: Window) -> tuple[dict[str, Any], Window]:
        """A group's batches, as `emit_batches` takes them."""
        (batch, batches), (row, rows) = (tf.unstack(part) for part in (at["batches"], at["rows"]))
        of_batches, of_rows = slice(batch, batch + batches), slice(row, row + rows)
        steps = {key: window[f"{_STEPS} {key}"][of_batches] for key in self._features.length_keys}
        cuts = BatchCuts.of(window[BATCH_ROWS][of_batches], steps.pop(self._features.length_key))
        keys = [LENGTHS, *(column.key for column in self._features.context)]
        group: Window = {key: window[key][of_rows] for key in keys}
        for key in self._features.length_keys:
            count, base = tf.unstack(window[f"{_FILLERS} {key}"])
            padding = window[f"{_PADDING} {key}"][of_rows]
            # With fillers of 0, 1, ... B-1 and of 0, B, 2B, ... steps, two make any padding.
            real, fillers = (
                window[f"{_PIECES} {key}"][of_rows],
                [count + padding % base, count + base + padding // base],
            )
            pieces = [real, *fillers] if self._options.padding == "right" else [*fillers, real]
            indices = tf.reshape(tf.stack(pieces, axis=1), [-1])
            for spec in self._features.of_length(key):
                group[spec.key] = tf.cast(gather_rows(window, spec, indices), spec.dtype)
        return slices_of(cuts, self._features, steps), group


def gather_rows(window: Window, spec: SequenceSpec, rows: Any) -> Any:
    """The values of these rows, flat."""
    gathered = tf.raw_ops.RaggedGather(
        params_nested_splits=[window[splits_key(spec)]],
        params_dense_values=window[spec.key],
        indices=rows,
        OUTPUT_RAGGED_RANK=1,
    )
    return gathered.output_dense_values


def own_seed(chunk: Chunk, seed: Any, number: Any) -> Any:
    """The window's seed, int64 `[2]`."""
    return chunk[SEED][0] if SEED in chunk else tf.random.experimental.stateless_fold_in(seed, number)


def splits_key(spec: SequenceSpec) -> str:
    """Under which a window has where the values of each row start."""
    return f"##splits {spec.length} {spec.width}"


def _sort(lengths: Any, keep: Any | None, seed: Any, *, shuffle: bool) -> Any:
    """int64 `[n]`: the rows to keep, the longest first; equal lengths in random order, or in their own."""
    count = tf.size(lengths, tf.int64)
    random = tf.random.stateless_uniform([count], seed, 0, 2**31 - 1, tf.int64)
    ties = random if shuffle else tf.range(count, 0, -1)
    keys = lengths * 2**31 + ties
    if keep is None:
        return tf.cast(tf.argsort(keys, direction="DESCENDING"), tf.int64)
    order = tf.argsort(tf.where(keep, keys, -1), direction="DESCENDING")
    return tf.cast(order[: tf.math.count_nonzero(keep)], tf.int64)


def _fillers(padding: Any) -> tuple[Any, Any]:
    """Filler rows of which two make any padding P: of 0, 1, ... B-1 and of 0, B, 2B, ... steps.

    All together have about B^2/2 + P^2/2B steps: with B = P^(2/3) far fewer than P^2/2, which one of every length would
    take.

    Args:
        padding: int64 `[n]`: how many steps each row needs.

    Returns:
        B, and the fillers' lengths in steps, int64.
    """
    longest = tf.cast(tf.reduce_max(tf.concat([padding, [0]], 0)), tf.float64)
    base = tf.cast(tf.math.ceil(longest ** (2 / 3)), tf.int64) + 1
    multiples = tf.range(tf.cast(longest, tf.int64) // base + 1)
    return base, tf.concat([tf.range(base), multiples * base], 0)


def _groups(window: Window, steps: Any) -> dict[str, Any]:
    """The window's groups: (first, number) of each one's batches and rows, int64 `[groups, 2]`."""
    rows = window[BATCH_ROWS]
    number = tf.cumsum(rows * steps, exclusive=True) // GROUP_STEPS
    _, _, batches = tf.unique_with_counts(number, tf.int64)
    ends = tf.cumsum(batches)
    row_ends = tf.gather(tf.concat([[0], tf.cumsum(rows)], 0), ends)
    starts, row_starts = ends - batches, tf.concat([[0], row_ends], 0)[:-1]
    return {
        "batches": tf.stack([starts, batches], axis=1),
        "rows": tf.stack([row_starts, row_ends - row_starts], axis=1),
    }
