"""The example layout: padded sequences, one tf.Example each -> batches of one bucket each.

a bucket's files ─ records ─ shuffle ─ batch ──┐
another bucket's ...                           ├─ mix ─ parse a batch at once ─> [rows, boundary]
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.feed.epochs import plain
from lengthwise.feed.features import Batch, Features, context_dtype
from lengthwise.feed.mix import mix
from lengthwise.feed.options import Options
from lengthwise.feed.records import Portion, read_portion, read_portions
from lengthwise.feed.service import file_order
from lengthwise.manifest import Manifest

_CHUNK = 128  # records read at once
SHARED_FILES = 4  # files that a worker of a tf.data service reads in turn

BucketPortions = dict[int, list[Portion]]
"""By bucket, what is to be read."""


class ExampleLayout:
    """Reads the example layout of one data set."""

    def __init__(self, manifest: Manifest, options: Options) -> None:
        self._manifest = manifest
        self._options = options
        self._features = Features.of(manifest.columns)

    def batches(self, portions: BucketPortions, seed: Any) -> Any:
        """One epoch of batches."""
        options = self._options
        order = seed if options.shuffle else None
        streams = [self._stream(bucket, parts, order, portions) for bucket, parts in portions.items()]
        mixed = mix(streams, [self.count(bucket, parts) for bucket, parts in portions.items()], order)
        return mixed.map(self.parse, num_parallel_calls=tf.data.AUTOTUNE)

    def shared_batches(self, portions: BucketPortions, epoch: int) -> Any:
        """One epoch for a tf.data service: its source is the list of files, and no batch crosses a file."""
        options, manifest = self._options, self._manifest
        rows = [(p.path, p.take, bucket, self._rows(bucket)) for bucket, parts in portions.items() for p in parts]
        order, seed = file_order(len(rows), options, epoch)
        paths, takes, buckets, sizes = zip(*(rows[place] for place in order), strict=True)
        table = (list(paths), tf.constant(takes, tf.int64), tf.constant(buckets), tf.constant(sizes, tf.int64))

        def read(path: Any, take: Any, bucket: Any, rows: Any) -> Any:
            records = read_portion(path, None, take, manifest.compression, options.on_damage, None)
            if options.shuffle:
                buffer = max(options.window // SHARED_FILES, 1)
                records = records.shuffle(buffer, seed, reshuffle_each_iteration=False)
            return records.batch(rows, drop_remainder=options.drop_remainder).map(lambda batch: (bucket, batch))

        files = tf.data.Dataset.from_tensor_slices(table)
        batches = files.interleave(plain(read), cycle_length=SHARED_FILES)
        return batches.map(plain(self.parse), num_parallel_calls=tf.data.AUTOTUNE)

    def count(self, bucket: int, portions: Sequence[Portion]) -> int:
        """How many batches a bucket gives."""
        rows, records = self._rows(bucket), sum(portion.take for portion in portions)
        return records // rows if self._options.drop_remainder else -(-records // rows)

    def parse(self, bucket: Any, records: Any) -> Batch:
        """A batch of serialized examples of one bucket, as dense tensors; ids as int64."""
        boundaries = self._manifest.boundaries
        branches = [lambda steps=steps: self._parse(records, steps) for steps in boundaries]
        return dict(tf.switch_case(bucket, branches)) if len(branches) > 1 else self._parse(records, boundaries[0])

    def _stream(self, bucket: int, parts: Sequence[Portion], seed: Any | None, all_parts: BucketPortions) -> Any:
        """Serialized batches of one bucket, with the bucket's number."""
        manifest, on_damage = self._manifest, self._options.on_damage
        if seed is None:
            chunks = read_portions(parts, manifest.compression, on_damage, chunk=_CHUNK)
        else:
            mine = seed + bucket
            chunks = read_portions(parts, manifest.compression, on_damage, mine, _CHUNK)
            chunks = _shuffle(chunks, self._shuffled(bucket, parts, all_parts), mine)
        batches = chunks.rebatch(self._rows(bucket), drop_remainder=self._options.drop_remainder)
        return batches.map(lambda batch: (tf.constant(bucket), batch))

    def _rows(self, bucket: int) -> int:
        return self._options.rows(self._manifest.boundaries[bucket])

    def _shuffled(self, bucket: int, parts: Sequence[Portion], all_parts: BucketPortions) -> int:
        """The bucket's share of the window, but at least a few batches."""
        mine = sum(part.take for part in parts)
        total = sum(part.take for others in all_parts.values() for part in others)
        return max(min(mine, max(self._options.window * mine // total, 4 * self._rows(bucket))), 1)

    def _parse(self, records: Any, steps: int) -> Batch:
        features = self._features
        spec: dict[str, Any] = {RESERVED_KEY: tf.io.FixedLenFeature([], tf.int64)}
        for step in features.sequences:
            spec[step.key] = tf.io.FixedLenFeature([steps, *step.shape], step.dtype)
        for column in features.context:
            spec[column.key] = tf.io.FixedLenFeature(column.shape, context_dtype(column))
        return dict(tf.io.parse_example(records, spec))


def _shuffle(chunks: Any, window: int, seed: Any) -> Any:
    """Shuffles records across windows, a whole window at once."""

    def permute(number: Any, records: Any) -> Any:
        own = tf.random.experimental.stateless_fold_in(seed, number)
        order = tf.random.experimental.stateless_shuffle(tf.range(tf.size(records)), own)
        return tf.gather(records, order)

    return chunks.rebatch(window).enumerate().map(permute)
