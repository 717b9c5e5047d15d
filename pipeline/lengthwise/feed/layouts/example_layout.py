"""The example layout: padded sequences, one tf.Example each -> batches of one bucket each.

    a bucket's files ─ windows of records ─ draw batches ──┐
    another bucket's ...                                   ├─ mix ─ gather and parse a batch ─> [rows, boundary]

The mixed elements are a window and the numbers of a batch's records in it, so that records are copied only when they
are parsed.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from lengthwise.feed.batching.largest_first import not_exceeded
from lengthwise.feed.batching.padding_masks import move_padding_left
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.datasets.stream_mixing import mix_streams
from lengthwise.feed.datasets.transformations import flat_mapped, interleaved, mapped
from lengthwise.feed.options.random_crops import starts_of_crops
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.reading.file_streams import Portion, PortionTable, Streams, any_skipped, read_portion
from lengthwise.feed.reading.remote_files import copy_ahead
from lengthwise.feed.rows.feed_features import Batch, Features, context_dtype
from lengthwise.feed.service.service_reader import file_order
from lengthwise.prepared_folders import PreparedFolders
from lengthwise.tensor.tensor_types import Dataset, FeatureSpec, Tensor

_CHUNK = 128  # records read at once
SHARED_FILES = 4  # files that a worker of a tf.data service reads in turn

BucketPortions = dict[int, list[Portion]]
"""The portions to be read, by bucket."""


class ExampleLayout:
    """Reads the example layout.

    Attributes:
        padded: the size of a row of each bucket in `batch_steps`, after cropping.
    """

    def __init__(self, folders: PreparedFolders, options: Options, window: int) -> None:
        """`window`: the number of rows that are shuffled together."""
        self._steps = folders.steps_of_buckets
        self._cropped = [options.cropped_steps(steps) for steps in self._steps]
        self.padded = [int(options.weighed(steps)) for steps in self._cropped]
        self._window_rows = window
        self._options = options
        self._features = Features.of(folders.first.columns)

    def epoch(self, portions: BucketPortions, seed: Tensor) -> Dataset:
        """One epoch of batches to be parsed: (bucket, a window of serialized examples, the numbers of the batch's)."""
        options = self._options
        order = seed if options.shuffle else None
        reader = Streams(options.on_damage, _CHUNK, order)
        streams = [self._stream(reader, bucket, parts, order, portions) for bucket, parts in portions.items()]
        counts = [self.count(bucket, parts) for bucket, parts in portions.items()]
        return mix_streams(streams, counts, order, self._largest(portions))

    def shared_epoch(self, portions: BucketPortions, seed: Tensor) -> Dataset:
        """One epoch for a tf.data service: its source is the list of files, and no batch crosses a file."""
        options = self._options
        parts = [part for parts in portions.values() for part in parts]
        buckets = [bucket for bucket, parts in portions.items() for _ in parts]
        sizes = tf.constant([self._rows(bucket) for bucket in buckets], tf.int64)
        table = (*PortionTable.of(parts, seed), tf.constant(buckets), sizes)
        order = file_order(len(parts), options, seed)
        skips = any_skipped(parts)

        def read(path: Tensor, skip: Tensor, take: Tensor, kind: Tensor, bucket: Tensor, rows: Tensor) -> Dataset:
            chunks = read_portion(path, skip if skips else None, take, kind, options.on_damage, _CHUNK)
            window = _whole_batches(max(self._window_rows // SHARED_FILES, 1), rows)
            return self._draw(chunks, bucket, rows, window, seed if options.shuffle else None)

        files = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(column, order) for column in table))
        files = copy_ahead(files, lambda path, *_: path)
        return interleaved(files, read, SHARED_FILES, threads=False)

    def batches(self, serialized: Dataset) -> Dataset:
        """From batches to be parsed, of any number of epochs, to batches."""
        return mapped(serialized, self.parse, threads())

    def count(self, bucket: int, portions: Sequence[Portion]) -> int:
        """The number of batches of a bucket."""
        rows, records = self._rows(bucket), sum(portion.take for portion in portions)
        return records // rows if self._options.drop_remainder else -(-records // rows)

    def parse(self, bucket: Tensor, window: Tensor, numbers: Tensor, seed: Tensor | None = None) -> Batch:
        """A batch of serialized examples of one bucket, as dense tensors; ids as int64. `seed`: of random crops."""
        batch_seed = None if seed is None else tf.random.experimental.stateless_fold_in(seed, numbers[0])
        records = tf.gather(window, numbers)
        branches = [lambda steps=steps: self._parse(records, steps, batch_seed) for steps in self._steps]
        return dict(tf.switch_case(bucket, branches)) if len(branches) > 1 else branches[0]()

    def _stream(
        self, reader: Streams, bucket: int, parts: Sequence[Portion], seed: Tensor | None, all_parts: BucketPortions
    ) -> Dataset:
        """The batches to be parsed of one bucket."""
        rows, stream_seed = self._rows(bucket), None if seed is None else seed + bucket
        window = rows if seed is None else _whole_batches(self._window(bucket, parts, all_parts), rows)
        chunks = reader.read(parts, bucket)
        return self._draw(chunks, tf.constant(bucket), rows, window, stream_seed)

    def _draw(
        self, chunks: Dataset, bucket: Tensor, rows: Tensor | int, window: Tensor | int, seed: Tensor | None
    ) -> Dataset:
        """The batches to be parsed, from windows of complete batches."""

        def draw(number: Tensor, records: Tensor) -> Dataset:
            order = tf.range(tf.size(records))
            crops: tuple[Tensor, ...] = ()
            if seed is not None:
                window_seed = tf.random.experimental.stateless_fold_in(seed, number)
                order = tf.random.experimental.stateless_shuffle(order, window_seed)
                crops = () if self._options.crop is None else (window_seed,)
            drawn = tf.data.Dataset.from_tensors(order).rebatch(rows, drop_remainder=self._options.drop_remainder)
            return mapped(drawn, lambda numbers: (bucket, records, numbers, *crops), alone=True)

        return flat_mapped(chunks.rebatch(window).enumerate(), draw)

    def _largest(self, portions: BucketPortions) -> list[int]:
        """The numbers of the streams whose batches come first."""
        if not self._options.largest_first:
            return []
        sizes = {}  # of the largest batch of each stream: its size in the budget, and the T of each group
        for stream, (bucket, parts) in enumerate(portions.items()):
            if self.count(bucket, parts):
                rows = min(sum(part.take for part in parts), self._rows(bucket))
                sizes[stream] = (rows * self.padded[bucket], *self._cropped[bucket].values())
        return not_exceeded(sizes)

    def _rows(self, bucket: int) -> int:
        return self._options.rows(self.padded[bucket])

    def _window(self, bucket: int, parts: Sequence[Portion], all_parts: BucketPortions) -> int:
        """The number of the bucket's records that are shuffled at once: its share of a window, or a few batches."""
        records = sum(part.take for part in parts)
        total = sum(part.take for others in all_parts.values() for part in others)
        return max(min(records, max(self._window_rows * records // total, 4 * self._rows(bucket))), 1)

    def _parse(self, records: Tensor, boundaries: Mapping[str, int], seed: Tensor | None) -> Batch:
        """`boundaries`: the T of each group, by the feature that has its lengths."""
        features = self._features
        spec: dict[str, FeatureSpec] = {features.length_key: tf.io.FixedLenFeature([], tf.int64)}
        for step in features.sequences:
            spec[step.key] = tf.io.FixedLenFeature([boundaries[step.length], *step.shape], step.dtype)
        for column in features.context:
            spec[column.key] = tf.io.FixedLenFeature(column.shape, context_dtype(column))
        batch = dict(tf.io.parse_example(records, spec))
        for position, (key, steps) in enumerate(boundaries.items()):
            crop = self._options.cropped(steps, key)
            group_seed = None if seed is None else seed + 5 * position
            batch = batch if crop == steps else self._crop(batch, key, crop, group_seed)
        if self._options.padding == "right":
            return batch
        return batch | {spec.key: move_padding_left(batch[spec.key], batch[spec.length]) for spec in features.sequences}

    def _crop(self, batch: Batch, key: str, crop: int, seed: Tensor | None) -> Batch:
        """The batch with `crop` steps of each row of a group; shorter rows keep their first step."""
        lengths = batch[key]
        first = starts_of_crops(tf.maximum(lengths - crop, 0), seed)
        positions = first[:, None] + tf.range(crop, dtype=tf.int64)
        crops = {
            spec.key: tf.gather(batch[spec.key], positions, batch_dims=1) for spec in self._features.of_length(key)
        }
        return {**batch, **crops, key: tf.minimum(lengths, crop)}


def _whole_batches(window: Tensor | int, rows: Tensor | int) -> Tensor:
    """The size of a window, rounded up to a multiple of a batch's rows."""
    return (window + rows - 1) // rows * rows
