"""`read_prepared`: a prepared data set -> batches."""

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import tensorflow as tf

from lengthwise import files
from lengthwise.buckets import plan
from lengthwise.buckets.checks import MAX_LENGTH
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.feed.batch_options import takes_fields_of
from lengthwise.feed.block_layout import BlockLayout
from lengthwise.feed.epochs import Epochs, divided_by
from lengthwise.feed.example_layout import BucketPortions, ExampleLayout
from lengthwise.feed.features import Features
from lengthwise.feed.frame_walk import refuse_first_claims
from lengthwise.feed.local_files import is_copied, reading
from lengthwise.feed.mean_batch import MeanBatch
from lengthwise.feed.options import Options, options_of
from lengthwise.feed.records import Portion, divide
from lengthwise.feed.service import for_service, read_through, service_of
from lengthwise.feed.shard_checks import checking
from lengthwise.feed.sizes import rows_of_window
from lengthwise.feed.targets import Targets
from lengthwise.feed.threads import BATCHES
from lengthwise.manifest import Manifest, load_manifest
from lengthwise.remote_source import Remote, state_of


@takes_fields_of(Options)
def read_prepared(
    folder: str | PathLike[str], split: str = "train", *, options: Options | None = None, **fields: Any
) -> Any:
    """Batches of a prepared data set, of either layout.

    An epoch has every sequence once. In the example layout T is the bucket's boundary and `len(dataset)` is known; in
    the block layout T is the batch's longest sequence.

    Args:
        folder: the data set's folder, made by `lengthwise prepare`.
        split: which split.
        options: an `Options`, of which `batch_steps` or `batch_size` is needed.
        **fields: fields of `Options`, in place of such a value, or beside it, where they count.

    Returns:
        A `tf.data.Dataset` of dicts of dense tensors, padded on the right: ids int64 `[B, T]` (`[B, T, M]` with
        several a step), numbers `[B, T]` or `[B, T, *shape]`, weights like their ids, context `[B, *shape]`,
        `sequence_length` int64 `[B]`. With `labels` or `next_step`: `(features, labels)` or
        `(features, labels, weights)`.

    Raises:
        DatasetError: there is no complete data set of a known format, it has no such split, or a plain shard starts
            with the header of a record that is larger than the file, and `on_damage` is `raise`.
        ConfigError: an option is wrong, or a sequence is longer than `batch_steps`.

    Example:
        >>> train = read_prepared("prepared", "train", batch_steps=8192, labels="y", seed=1)
        >>> model.fit(train, epochs=3)
    """
    folder = fspath(folder)
    manifest = load_manifest(folder)
    chosen = for_service(options_of(options, fields))
    portions = _portions(manifest, folder, split, chosen)
    _check_budget(manifest, split, chosen)
    if manifest.compression == "none" and chosen.on_damage == "raise":
        refuse_first_claims(portion.path for parts in portions.values() for portion in parts)
    remotes = _remotes(manifest, folder, portions, chosen)
    to_check = _to_check(manifest, folder, portions, chosen)
    with reading(remotes, chosen.chosen_cache, here=chosen.service is None), checking(to_check):
        return _dataset(manifest, split, portions, chosen)


def _dataset(manifest: Manifest, split: str, portions: BucketPortions, chosen: Options) -> Any:
    layout = _layout(manifest, split, chosen)
    batches = _count(layout, portions, split, chosen) if isinstance(layout, ExampleLayout) else None
    histogram = manifest.histogram(split)
    mean = MeanBatch.of(histogram.lengths, histogram.counts, chosen, layout.boundaries)
    targets = Targets(Features.of(manifest.columns), chosen, mean)
    service = service_of(chosen)
    if service is not None:
        exact = chosen.on_damage == "raise" and not chosen.drop_remainder
        return read_through(
            service,
            shared=lambda seed: layout.shared_epoch(portions, seed),
            epoch=lambda seed: layout.epoch(portions, seed),
            batches=layout.batches,
            finish=targets.apply,
            options=chosen,
            expected=histogram.total if exact else None,
        )
    epochs = Epochs(chosen)
    dataset = targets.apply(layout.batches(epochs.repeat(lambda seed: layout.epoch(portions, seed))))
    if batches is not None and chosen.on_damage == "raise":
        total = tf.data.INFINITE_CARDINALITY if chosen.epochs is None else chosen.epochs * batches
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(total))
    return divided_by(epochs.keep(dataset.prefetch(BATCHES)), chosen)


def _layout(manifest: Manifest, split: str, options: Options) -> ExampleLayout | BlockLayout:
    shards = [shard for shard in manifest.shards if shard.split == split]
    steps_per_row = sum(shard.steps for shard in shards) / max(sum(shard.sequences for shard in shards), 1)
    window = rows_of_window(options, steps_per_row)
    if manifest.layout == "block":
        return BlockLayout(manifest, options, window, _boundaries(manifest, split, options))
    used = {shard.bucket for shard in manifest.shards if shard.split == split and shard.sequences}
    if options.max_shapes is not None and len(used) > options.max_shapes:
        raise ConfigError(
            f"max_shapes: expected at least {len(used)}, one for each bucket of the split, "
            f"received {options.max_shapes}; raise it, or prepare the data with fewer buckets (buckets.count)"
        )
    return ExampleLayout(manifest, options, window)


def _boundaries(manifest: Manifest, split: str, options: Options) -> tuple[int, ...] | None:
    """The best values of T for the split's lengths, if their number is bounded."""
    if options.max_shapes is None:
        return None
    budget = options.batch_steps or MAX_LENGTH  # no boundary is above it, though multiples round up
    return plan(manifest.histogram(split), count=options.max_shapes, batch_steps=budget).boundaries


def _portions(manifest: Manifest, folder: str, split: str, options: Options) -> BucketPortions:
    if split not in manifest.lengths:
        raise DatasetError(f"{folder}: expected one of its splits ({', '.join(manifest.splits)}), received {split!r}")
    portions: BucketPortions = {}
    for shard in manifest.shards:
        if shard.split == split and shard.records:
            whole = Portion(files.join(folder, shard.path), 0, shard.records)
            portions.setdefault(shard.bucket, []).append(whole)
    mine: BucketPortions = {}
    workers, turn = options.num_shards, 0
    for bucket, parts in sorted(portions.items()):
        # What does not divide evenly goes to one worker after the other, on from bucket to bucket.
        part = divide(parts, workers, (options.index - turn) % workers)
        turn += sum(portion.take for portion in parts) % workers
        if part:
            mine[bucket] = part
    if not mine:
        raise DatasetError(
            f"{folder}: the split {split!r} has no sequences for worker {options.index} of {options.num_shards}"
        )
    return mine


def _remotes(manifest: Manifest, folder: str, portions: BucketPortions, options: Options) -> list[Remote]:
    """The shards that are read by way of copies: the manifest's checksums, unless damage is to be skipped."""
    paths = sorted({portion.path for parts in portions.values() for portion in parts})
    if not is_copied(folder, options.chosen_cache):
        return []
    return files.side_by_side(state_of, paths) if options.on_damage == "skip" else _expected(manifest, folder, paths)


def _to_check(manifest: Manifest, folder: str, portions: BucketPortions, options: Options) -> list[Remote]:
    """The shards whose bytes are compared with the manifest where they are read: those that no copying compares."""
    if not options.verify or (options.on_damage == "raise" and is_copied(folder, options.chosen_cache)):
        return []
    return _expected(manifest, folder, sorted({portion.path for parts in portions.values() for portion in parts}))


def _expected(manifest: Manifest, folder: str, paths: Sequence[str]) -> list[Remote]:
    shards = {files.join(folder, shard.path): shard for shard in manifest.shards}
    return [Remote(path, shards[path].bytes, shards[path].crc32c) for path in paths]


def _check_budget(manifest: Manifest, split: str, options: Options) -> None:
    if options.batch_steps is None or options.over_budget == "alone":
        return
    if manifest.layout == "example":
        longest = max(manifest.boundaries[shard.bucket] for shard in manifest.shards if shard.split == split)
    else:
        longest = max(manifest.lengths[split])
    if longest > options.batch_steps:
        what = "bucket" if manifest.layout == "example" else "sequence"
        raise ConfigError(
            f"batch_steps: expected at least {longest}, the longest {what} "
            f"of the split {split!r}, received {options.batch_steps}; raise it, or give over_budget='alone'"
        )


def _count(layout: ExampleLayout, portions: BucketPortions, split: str, options: Options) -> int:
    """How many batches an epoch has."""
    count = sum(layout.count(bucket, parts) for bucket, parts in portions.items())
    if count == 0:
        raise ConfigError(
            f"drop_remainder: expected a batch at least, but no bucket of the split {split!r} has records enough for "
            f"one, for worker {options.index} of {options.num_shards}; take smaller batches, or drop_remainder=False"
        )
    return count
