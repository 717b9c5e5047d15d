"""`batch_by_steps`: any dataset of sequences -> batches by a budget of padded steps, as the readers build them.

elements ─ each a chunk of one row ─ windows: sort, cut ─ groups of batches: gather, pad ─ slice ─> batches
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.errors import ConfigError
from lengthwise.feed.batching.batch_filling import fill_up, masked_weights
from lengthwise.feed.batching.element_rows import Elements
from lengthwise.feed.batching.group_checks import check_groups
from lengthwise.feed.batching.largest_first import largest_steps
from lengthwise.feed.batching.length_windows import Windows
from lengthwise.feed.batching.padding_masks import step_weights
from lengthwise.feed.batching.window_sizes import chunks_of_windows
from lengthwise.feed.datasets.epochs import seeds_of_windows, without_autograph
from lengthwise.feed.datasets.parallelism import BATCHES, threads
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.options.batch_options import WINDOW, BatchOptions, takes_fields_of
from lengthwise.feed.options.random_crops import cropped_boundaries
from lengthwise.feed.options.reader_options import checked_limits
from lengthwise.feed.rows.feed_features import Batch
from lengthwise.feed.rows.row_chunks import SEED, ChunkFormat
from lengthwise.tensor.tensor_types import Dataset, Structure


@takes_fields_of(BatchOptions, but=("batch_steps", "batch_size", "group_weights"))
def batch_by_steps(
    batch_steps: int, *, boundaries: Sequence[int] | None = None, padding_values: Structure = None, **fields: Any
) -> Callable[[Dataset], Dataset]:
    """A transformation of any `tf.data.Dataset` of sequences, for `dataset.apply`: batches by a budget of padded steps.

    A window of sequences is sorted by length and cut into batches, which come in random order, as in the readers.
    Each element comes once. Batches depend only on the elements and the seed.

    Elements are a dict of features, or a tuple of features, labels and weights (each a tensor or a dict). A tensor
    whose first dimension is unknown is per step: ragged or dense, `[T]` or `[T, *shape]`. Scalars and tensors of a
    fixed shape belong to the whole sequence. All tensors per step of an element have the same number of steps. If
    there is a feature `sequence_length`, it is the number of real steps: the steps after them are removed before
    batching.

    Memory holds about 4 windows of unpadded elements, and a few batches for each core.

    Args:
        batch_steps: the maximum number of padded steps (rows times T) of a batch: no batch exceeds it.
        boundaries: the values that T may have, inclusive maximum lengths, strictly increasing; a longer sequence is an
            error. None: T is the batch's longest sequence.
        padding_values: the padding of tensors per step, in the structure of the elements; parts and keys are optional:
            `{"id": -1}`, or `({"id": -1}, -100)` for labels too. By default 0, the empty string or False.
        **fields: further fields of `Options` that are about batches: `multiple_of`, `over_budget`, `drop_remainder`,
            `max_shapes` and `largest_first` (with `boundaries`), `crop`, `padding`, `shuffle`, `seed` (a different
            order in each iteration) and `window`, by default 24,576 elements: it should hold a hundred batches.

    Returns:
        A function from a dataset to a dataset of the same structure: tensors per step are `[B, T, *shape]`, the others
        `[B, *shape]`; with a feature `sequence_length`, int64 `[B]`. Labels per step, and labels of batches that
        `max_shapes` fills up, get weights if they have none. Weights are zero on padding.

    Raises:
        ConfigError: an argument is wrong, or the elements have no feature of variable length, no feature names, or
            steps whose shape is not fixed. While batches are read, TensorFlow's `InvalidArgumentError`: an element has
            more steps than `batch_steps` or the last of `boundaries`, or its features differ in their numbers of
            steps.

    Example:
        >>> dataset = tf.data.Dataset.from_tensor_slices(({"word": tf.ragged.constant([[1, 2, 3], [4]])}, [0, 1]))
        >>> model.fit(dataset.apply(lw.batch_by_steps(8192)))
    """
    if "group_weights" in fields:
        raise ConfigError("group_weights: not supported here: elements have one length and no groups; leave it out")
    options = BatchOptions.make(batch_steps=batch_steps, **fields)
    limits = checked_limits(boundaries, options)
    return lambda dataset: _batches(dataset, Elements(dataset.element_spec, padding_values), options, limits)


_CHUNK = 512  # elements that are joined into a chunk


def _batches(dataset: Dataset, elements: Elements, options: BatchOptions, limits: tuple[int, ...] | None) -> Dataset:
    """The dataset's elements in batches."""
    if options.fills and not elements.has_labels:
        raise ConfigError(
            "max_shapes fills batches up with rows of weight 0, which needs elements with labels; "
            "pass them, or drop_remainder=True"
        )
    check_groups(elements.features, options)
    largest: tuple[int, ...] = ()
    if limits is not None:
        largest = largest_steps(cropped_boundaries(limits, options.crop_of(RESERVED_KEY)), options)
    chunk_format = ChunkFormat(elements.features)
    windows = Windows(elements.features, options, chunk_format, limits, largest)
    size = min(_CHUNK, options.window or _CHUNK)
    packed = dataset.map(without_autograph(elements.pack), num_parallel_calls=threads()).batch(size)
    chunks = windows.with_end_mark(mapped(packed, lambda rows: chunk_format.pack(elements.rows(rows)), threads()))
    per_window = max((options.window or WINDOW) // size, 1)
    count = int(packed.cardinality())
    sizes = [per_window] if count < 0 else chunks_of_windows(count + 1, per_window)
    of_windows = chunks.rebatch(tf.constant(sizes, tf.int64))
    if options.shuffle:
        seeded = tf.data.Dataset.zip((of_windows, seeds_of_windows(options.seed)))
        of_windows = mapped(seeded, lambda chunk, seed: {**chunk, SEED: seed[None]})
    batches = windows.batches(windows.arranged(of_windows, tf.zeros([2], tf.int64)))
    return mapped(batches, lambda batch: _as_elements(batch, elements, options), threads()).prefetch(BATCHES)


def _as_elements(batch: Batch, elements: Elements, options: BatchOptions) -> Structure:
    """The batch in the structure of the elements, with weights if they are needed."""
    steps = tf.shape(batch[elements.features.sequences[0].key])[1]
    batch, real = fill_up(batch, {RESERVED_KEY: steps}, options)
    valid = step_weights(batch[RESERVED_KEY], steps, options.padding)
    masked = {
        path: masked_weights(batch.get(path), real, valid if labels_have_steps else None, of_steps=weights_have_steps)
        for path, (weights_have_steps, labels_have_steps) in elements.weights.items()
    }
    parts = elements.structure({**batch, **masked})
    return parts[0] if len(parts) == 1 else tuple(parts)
