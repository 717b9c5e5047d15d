"""`read_prepared`: prepared folders -> batches."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from lengthwise.buckets import LengthHistogram, plan
from lengthwise.buckets.argument_checks import MAX_LENGTH
from lengthwise.errors import ConfigError
from lengthwise.feed.batching.even_epochs import EpochSize
from lengthwise.feed.batching.group_checks import check_groups
from lengthwise.feed.batching.largest_first import largest_steps
from lengthwise.feed.batching.mean_batch import MeanBatch
from lengthwise.feed.batching.window_sizes import rows_of_window, steps_per_row
from lengthwise.feed.datasets.epochs import Epochs, divided_by
from lengthwise.feed.datasets.parallelism import BATCHES
from lengthwise.feed.epoch_size import with_batch_count
from lengthwise.feed.layouts.block_layout import BlockLayout
from lengthwise.feed.layouts.example_layout import BucketPortions, ExampleLayout
from lengthwise.feed.layouts.prepared_portions import (
    copied_shards,
    portions_of_worker,
    rows_of_epoch,
    shards_to_check,
)
from lengthwise.feed.options.batch_options import takes_fields_of
from lengthwise.feed.options.reader_options import Options, options_of
from lengthwise.feed.outputs.packed_targets import targets_of
from lengthwise.feed.reading.frame_claims import refuse_first_claims
from lengthwise.feed.reading.remote_files import reading_copies
from lengthwise.feed.reading.shard_checksums import checking_shards
from lengthwise.feed.rows.feed_features import Features
from lengthwise.feed.service.service_reader import for_service, read_through, service_of
from lengthwise.prepared_folders import FolderNames, PlacedShard, PreparedFolders, open_folders
from lengthwise.tensor.tensor_types import Dataset


@takes_fields_of(Options)
def read_prepared(
    folders: FolderNames,
    split: str = "train",
    *,
    mix: Mapping[str, float] | None = None,
    options: Options | None = None,
    **fields: Any,
) -> Dataset:
    """Batches of a prepared data set, of either layout, in one folder or in several.

    An epoch has every sequence once. In the example layout T is the bucket's boundary, in the block layout the
    batch's longest sequence. `len(dataset)` is known; for exceptions see `steps_per_epoch`.

    Args:
        folders: the output of `lengthwise prepare`: a folder, a pattern of folders (`days/2026-*`), or a list of these.
            All have the same columns, and a batch has sequences of any folder. In the example layout there is a bucket
            for each boundary of any folder: prepare all with the same `buckets.boundaries`. If one is in the block
            layout, all are read like blocks; a tf.data service reads only folders of one layout.
        split: the split; each folder must have it.
        mix: how often an epoch has a folder's sequences, by folder or pattern; 1 for other folders. 2 is twice. 0.5 is
            half of them, in each epoch a range of each file's records at a different position: a fair sample if the
            job shuffled, as it does by default (in the block layout, to the nearest block). 0 omits them.
        options: an `Options`; `batch_steps` or `batch_size` is required.
        **fields: fields of `Options`, instead of `options` or in addition, where they take precedence.

    Returns:
        A `tf.data.Dataset` of dicts of dense tensors, padded on the right unless `padding` is `left`: ids int64
        `[B, T]` (`[B, T, M]` with several per step), numbers `[B, T]` or `[B, T, *shape]`, weights like their ids,
        context `[B, *shape]`, `sequence_length` int64 `[B]`. With `labels` or `next_step`: `(features, labels)` or
        `(features, labels, weights)`.

    Raises:
        DatasetError: there is no complete data set of a known format, it has no such split, folders have different
            columns, or an uncompressed shard starts with the header of a record that is larger than the file, and
            `on_damage` is `raise`.
        ConfigError: an option is wrong, a pattern matches no folder, or a sequence is longer than `batch_steps`.

    Example:
        >>> train = read_prepared("prepared", "train", batch_steps=8192, labels="y", seed=1)
        >>> model.fit(train, epochs=3)
        >>> week = read_prepared(["days/2026-11-2*", "replay"], batch_steps=8192, labels="y", mix={"replay": 0.1})
    """
    opened = open_folders(folders)
    chosen = for_service(options_of(options, fields))
    in_buckets = opened.layout == "example" and chosen.pack is None
    check_groups(Features.of(opened.first.columns), chosen, in_buckets=in_buckets)
    times = opened.times(mix)
    shards = opened.shards(split)
    portions = portions_of_worker(opened, shards, times, split, chosen)
    _check_budget(opened, shards, split, chosen)
    paths = {portion.path for parts in portions.values() for portion in parts}
    shards = [shard for shard in shards if shard.path in paths]
    if chosen.on_damage == "raise":
        refuse_first_claims(shard.path for shard in shards if shard.folder.manifest.compression == "none")
    remotes, to_check = copied_shards(shards, chosen), shards_to_check(shards, chosen)
    with reading_copies(remotes, chosen.chosen_cache, here=chosen.service is None), checking_shards(to_check):
        return _dataset(opened, times, split, portions, chosen)


def _dataset(
    folders: PreparedFolders, times: Mapping[str, float], split: str, portions: BucketPortions, chosen: Options
) -> Dataset:
    layout = _layout(folders, split, chosen)
    if isinstance(layout, ExampleLayout):
        batches, epoch = _count(layout, portions, split, chosen), partial(layout.epoch, portions)
    else:
        size = _size_of_epoch(folders, times, split, layout, portions, chosen)
        batches, epoch = size.batches if size else 0, partial(layout.epoch, portions, size=size)
    mean = _mean(folders, times, split, layout, chosen)
    features = Features.of(folders.first.columns)
    targets = targets_of(features, chosen, mean, layout.segments if isinstance(layout, BlockLayout) else 0)
    service = service_of(chosen)
    if service is not None:
        if len({part.manifest.layout for part in folders.parts}) > 1:
            raise ConfigError("service: expected folders of one layout, received both; prepare all in the same")
        return read_through(
            service,
            shared=lambda seed: layout.shared_epoch(portions, seed),
            epoch=epoch,
            batches=layout.batches,
            finish=targets.apply,
            options=chosen,
            length_keys=features.length_keys,
            expected=rows_of_epoch(portions, chosen),
        )
    epochs = Epochs(chosen)
    dataset = targets.apply(layout.batches(epochs.repeat(epoch)))
    if batches and chosen.on_damage == "raise":
        total = tf.data.INFINITE_CARDINALITY if chosen.epochs is None else chosen.epochs * batches
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(total))
    about = sum(part.take * part.sequences for parts in portions.values() for part in parts) / mean.rows
    return with_batch_count(divided_by(epochs.keep(dataset.prefetch(BATCHES)), chosen), batches or about)


def _layout(folders: PreparedFolders, split: str, options: Options) -> ExampleLayout | BlockLayout:
    window = rows_of_window(options, steps_per_row(folders.histograms(split), options))
    if options.pack is not None:
        _check_pack(folders, split, options)
        return BlockLayout(folders, options, window, (options.row_steps,))
    if folders.layout == "block":
        histogram = folders.histogram(split)
        histogram = histogram.truncated(options.cropped(histogram.max))
        boundaries = _boundaries(histogram, options)
        return BlockLayout(folders, options, window, boundaries, _largest(histogram, boundaries, options))
    steps = [options.cropped_steps(steps) for steps in folders.steps_of_buckets]
    shapes = {tuple(steps[shard.bucket].values()) for shard in folders.shards(split)}
    if options.max_shapes is not None and len(shapes) > options.max_shapes:
        raise ConfigError(
            f"max_shapes: expected at least {len(shapes)}, one for each bucket of the split, "
            f"received {options.max_shapes}; raise it, or prepare the data with fewer buckets (buckets.count)"
        )
    return ExampleLayout(folders, options, window)


def _size_of_epoch(
    folders: PreparedFolders,
    times: Mapping[str, float],
    split: str,
    layout: BlockLayout,
    portions: BucketPortions,
    options: Options,
) -> EpochSize | None:
    """The size of each epoch; None if the lengths of the sequences that this worker reads are unknown."""
    if (
        folders.first.groups
        or options.largest_first
        or options.num_shards > 1
        or options.on_damage == "skip"
        or any(repeats % 1 for repeats in times.values())
    ):
        return None
    read = [part.manifest.histogram(split) for part in folders.parts for _ in range(int(times[part.path]))]
    lengths = LengthHistogram.sum(read)
    return layout.size_of_epoch(portions, lengths.truncated(options.cropped(lengths.max)))


def _check_pack(folders: PreparedFolders, split: str, options: Options) -> None:
    truncates = not isinstance(options.pack, Mapping) and str(folders.over_long).startswith("truncate")
    for key, lengths in folders.histograms(split).items():
        of = f" ({key})" if isinstance(options.pack, Mapping) else ""
        pack = options.pack_of(key)
        if lengths.max > pack and options.crop_of(key) is None and not truncates:
            raise ConfigError(
                f"pack: expected at least {lengths.max}, the longest sequence of the split {split!r}{of}, received "
                f"{pack}; raise it, pass crop, or prepare the data with sequences.over_long: truncate_left or "
                "truncate_right"
            )
        if lengths.min == 0:
            raise ConfigError(
                f"pack: expected sequences of at least 1 step, and the split {split!r} has empty ones{of}; "
                "prepare the data with sequences.empty: reject"
            )


def _boundaries(histogram: LengthHistogram, options: Options) -> tuple[int, ...] | None:
    """The best values of T for these lengths, if their number is limited."""
    if options.max_shapes is None:
        return None
    budget = options.batch_steps or MAX_LENGTH  # no boundary exceeds it, although multiples round up
    return plan(histogram, count=options.max_shapes, batch_steps=budget).boundaries


def _largest(histogram: LengthHistogram, boundaries: tuple[int, ...] | None, options: Options) -> tuple[int, ...]:
    """The T of the batches that come first; T is at least 1."""
    ends = np.maximum(histogram.lengths, 1) if boundaries is None else np.asarray(boundaries)
    ends = np.unique(ends)
    up_to = np.cumsum(histogram.counts)[np.searchsorted(histogram.lengths, ends, side="right") - 1]
    return largest_steps(ends, options, up_to)


def _mean(
    folders: PreparedFolders,
    times: Mapping[str, float],
    split: str,
    layout: ExampleLayout | BlockLayout,
    options: Options,
) -> MeanBatch:
    parts = [(part.histograms(split), times[part.path]) for part in folders.parts]
    first, _ = parts[0]
    lengths = {}
    for key in first:
        steps = np.concatenate([histograms[key].lengths for histograms, _ in parts])
        counts = np.concatenate([histograms[key].counts * repeats for histograms, repeats in parts])
        lengths[key] = steps, counts
    if isinstance(layout, BlockLayout):
        return MeanBatch.of(lengths, options, layout.boundaries)
    sizes = [
        (layout.padded[shard.bucket], shard.shard.sequences * times[shard.folder.path])
        for shard in folders.shards(split)
    ]
    return MeanBatch.of(lengths, options, None, sizes)


def _check_budget(folders: PreparedFolders, shards: Sequence[PlacedShard], split: str, options: Options) -> None:
    if options.batch_steps is None or options.over_budget == "alone" or options.pack is not None:
        return
    example = folders.layout == "example"
    if example:
        steps = folders.steps_of_buckets
        longest = max(options.weighed(options.cropped_steps(steps[shard.bucket])) for shard in shards)
    else:
        key, lengths = next(iter(folders.histograms(split).items()))
        longest = options.cropped(lengths.max, key)  # with groups, it is checked while reading
    if longest > options.batch_steps:
        what = "bucket" if example else "sequence"
        raise ConfigError(
            f"batch_steps: expected at least {longest}, the longest {what} "
            f"of the split {split!r}, received {options.batch_steps}; raise it, or pass over_budget='alone'"
        )


def _count(layout: ExampleLayout, portions: BucketPortions, split: str, options: Options) -> int:
    """The number of batches of an epoch."""
    count = sum(layout.count(bucket, parts) for bucket, parts in portions.items())
    if count == 0:
        raise ConfigError(
            f"drop_remainder: expected at least one batch, but no bucket of the split {split!r} has enough records for "
            f"a batch, for worker {options.index} of {options.num_shards}; use smaller batches, or drop_remainder=False"
        )
    return count
