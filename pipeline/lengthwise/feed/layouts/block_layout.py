"""The block layout: buffers of many unpadded sequences -> windows, sorted by length, cut into batches.

many files, in turn ─ chunks of blocks ─ shuffle ─ decode ─ windows ─ batches
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lengthwise.buckets import LengthHistogram
from lengthwise.columns import length_key
from lengthwise.feed.batching.even_epochs import EpochSize
from lengthwise.feed.batching.packed_windows import PackedWindows, segments_of, windows_of
from lengthwise.feed.batching.window_sizes import chunks_of_windows, steps_per_row
from lengthwise.feed.datasets.epochs import shuffled_dataset
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.datasets.stream_mixing import mix_streams
from lengthwise.feed.datasets.transformations import interleaved, mapped
from lengthwise.feed.layouts.example_layout import SHARED_FILES, BucketPortions
from lengthwise.feed.options.batch_options import WINDOW
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.parsing.block_unpacking import unpack_blocks
from lengthwise.feed.parsing.example_rows import rows_of_examples
from lengthwise.feed.parsing.padding_removal import shortened_rows
from lengthwise.feed.reading.bucket_interleaving import BucketPortion, Turns, read_evenly
from lengthwise.feed.reading.file_streams import Portion, PortionTable, any_skipped, read_portion
from lengthwise.feed.reading.remote_files import copy_ahead
from lengthwise.feed.rows.feed_features import Features, Flat, Rows
from lengthwise.feed.rows.row_chunks import SEED, Chunk, ChunkFormat
from lengthwise.feed.service.service_reader import file_order, seed_of_content
from lengthwise.manifest import Layout
from lengthwise.prepared_folders import PreparedFolders
from lengthwise.rules.stored_numbers import decoded
from lengthwise.tensor.tensor_arrays import TENSORS
from lengthwise.tensor.tensor_types import Dataset, FeatureSpec, Tensor

_DTYPES = {"<i1": tf.int8, "<i2": tf.int16, "<i4": tf.int32, "<i8": tf.int64, "<u1": tf.uint8, "<u2": tf.uint16}
_DTYPES |= {"<f2": tf.float16, "<f4": tf.float32, "<f8": tf.float64}
_CHUNK_ROWS, _CHUNKS = 1024, 8  # rows per chunk, fewer if a window would have less than this number of chunks
_SHARED_CHUNK: dict[Layout, int] = {"block": 1, "example": 256}  # records of a chunk in a worker of a tf.data service


class BlockLayout:
    """Reads the block layout, and with it the example layout, whose padding it removes.

    Attributes:
        boundaries: the values that T may have; None for any.
        segments: the maximum number of sequences of a packed row.
    """

    def __init__(
        self,
        folders: PreparedFolders,
        options: Options,
        window: int,
        boundaries: tuple[int, ...] | None,
        largest: tuple[int, ...] = (),
    ) -> None:
        """`window`: the number of rows that are sorted together; `largest`: the T of the batches that come first."""
        self._options = options
        self._window = window
        self._features = Features.of(folders.first.columns)
        self._dtypes = {key: _DTYPES[dtype] for key, dtype in folders.block_dtypes.items()}
        self._longest = folders.boundaries[-1]
        self._others = {length_key(group): folders.longest_of(group) for group in folders.first.groups}
        numbers = {spec.key for spec in self._features.sequences if spec.decode is not None}
        stored = {key: dtype for key, dtype in self._dtypes.items() if key not in numbers}
        self._format = ChunkFormat(self._features, stored)
        splits = [folders.histograms(split) for split in folders.splits]
        lengths = {key: LengthHistogram.sum(histograms[key] for histograms in splits) for key in splits[0]}
        self.segments = segments_of(options, steps_per_row(lengths, options))
        self._keeps_last = folders.over_long == "truncate_left"
        self._windows = windows_of(self._features, options, self._format, boundaries, lambda: self.segments, largest)
        self.boundaries = boundaries

    def epoch(self, portions: BucketPortions, seed: Tensor, size: EpochSize | None = None) -> Dataset:
        """One epoch of windows; `size`: the result of `size_of_epoch`."""
        streams = self._streams(portions)
        order = seed if self._options.shuffle else None
        chunks = [self._read(stream, seed) for stream in streams]
        mixed = mix_streams(chunks, [stream.turns.total for stream in streams], order)
        return self._windows.of(mixed, self._window_sizes(streams), seed, size)

    def size_of_epoch(self, portions: BucketPortions, lengths: LengthHistogram) -> EpochSize | None:
        """The number of batches of each epoch; None if it is unknown.

        Args:
            portions: the files that are read, each completely.
            lengths: of all their sequences.
        """
        options, streams = self._options, self._streams(portions)
        ends = np.cumsum(self._window_sizes(streams))
        windows = int(np.searchsorted(ends, sum(stream.turns.total for stream in streams) + 1)) + 1
        if isinstance(self._windows, PackedWindows):
            return self._windows.size_of_one(lengths) if windows == 1 else None
        if options.drop_remainder and options.max_shapes is None:
            return None
        return EpochSize.of(lengths, options, self.boundaries, windows)

    def _streams(self, portions: BucketPortions) -> list["_LayoutStream"]:
        """The portions of each layout."""
        all_parts = [BucketPortion(part, bucket) for bucket, parts in portions.items() for part in parts]
        streams = []
        for layout in sorted({part.portion.layout for part in all_parts}):
            parts = [part for part in all_parts if part.portion.layout == layout]
            records, rows = sum(part.portion.take for part in parts), _rows(part.portion for part in parts)
            size = max(round(min(_CHUNK_ROWS, self._window // _CHUNKS) * records / rows), 1)
            streams.append(_LayoutStream(parts, Turns.of(parts, size, shuffle=self._options.shuffle), rows))
        return streams

    def _window_sizes(self, streams: Sequence["_LayoutStream"]) -> list[int]:
        """The number of chunks of each window."""
        total = sum(stream.turns.total for stream in streams)
        per_window = max(round(self._window * total / sum(stream.rows for stream in streams)), 1)
        return chunks_of_windows(total + 1, per_window)

    def _read(self, stream: "_LayoutStream", seed: Tensor) -> Dataset:
        """The chunks of the portions of one layout."""
        parts, turns, rows = stream
        read = read_evenly(parts, self._options.on_damage, turns, seed if self._options.shuffle else None)
        if self._options.shuffle:
            per_row = turns.total / rows
            reach = max(round(self._window * per_row), round(2 * min(self._window, WINDOW) * per_row), 1)
            read = shuffled_dataset(read, max(min(reach, turns.total), 1), seed[0])
        return mapped(read, partial(self._chunk, parts[0].portion.layout), threads())

    def shared_epoch(self, portions: BucketPortions, seed: Tensor) -> Dataset:
        """One epoch for a tf.data service: its source is the list of files."""
        options = self._options
        parts = [part for parts in portions.values() for part in parts]
        order = file_order(len(parts), options, seed)
        table = PortionTable.of(parts, seed)
        files = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(column, order) for column in table))
        files = copy_ahead(files, lambda path, *_: path)
        skips, size = any_skipped(parts), _SHARED_CHUNK[parts[0].layout]

        def read(path: Tensor, skip: Tensor, take: Tensor, kind: Tensor) -> Dataset:
            return read_portion(path, skip if skips else None, take, kind, options.on_damage, size)

        def chunk(records: Tensor) -> Chunk:
            records = tf.reshape(records, [-1])
            return {**self._chunk(parts[0].layout, records), SEED: seed_of_content(records[0], seed)[None]}

        blocks = interleaved(files, read, SHARED_FILES, threads=False)
        chunks = mapped(blocks.batch(1), chunk, threads())
        chunks_per_row = sum(part.take for part in parts) / size / _rows(parts)
        return self._windows.independent(chunks, max(round(self._window * chunks_per_row), 1), seed)

    def batches(self, windows: Dataset) -> Dataset:
        """From windows, of any number of epochs, to batches."""
        return self._windows.batches(windows)

    def _chunk(self, layout: Layout, records: Tensor) -> Chunk:
        """The rows of records `[n]` of this layout."""
        rows = self._decode(records) if layout == "block" else rows_of_examples(records, self._features)
        max_steps = None
        if isinstance(self._options.pack, int) and self._options.crop is None:  # crops need the whole sequence
            max_steps = self._options.pack
        if max_steps is not None or layout == "example":
            rows = shortened_rows(rows, self._features, max_steps or self._longest, keep_last=self._keeps_last)
        return self._format.pack(rows)

    def _decode(self, records: Tensor) -> Rows:
        """The sequences of many blocks."""
        features = (*self._features.context, *self._features.sequences)
        strings = [feature.key for feature in features if feature.dtype == "string"]
        parsing: dict[str, FeatureSpec] = {key: tf.io.FixedLenFeature([], tf.string) for key in self._dtypes}
        parsing |= {key: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64) for key in strings}
        parsed = tf.io.parse_example(records, parsing)
        raw, lengths = unpack_blocks(parsed, self._dtypes, self._features, self._longest, self._others)
        raw |= {key: parsed[key].flat_values for key in strings if key not in raw}
        sequences: dict[str, Flat] = {}
        for key in self._features.length_keys:
            splits = tf.concat([[0], tf.cumsum(raw.get(key, lengths))], 0)
            for spec in self._features.of_length(key):
                values = raw[spec.key]
                if spec.decode is not None:
                    values = decoded(TENSORS, values, spec.decode, spec.dtype)
                sequences[spec.key] = Flat(values, splits * spec.width)
        context = {column.key: tf.reshape(raw[column.key], [-1, *column.shape]) for column in self._features.context}
        return Rows(sequences, lengths, context)


class _LayoutStream(NamedTuple):
    """Portions of one layout, the schedule of their chunks, and their approximate number of sequences."""

    parts: list[BucketPortion]
    turns: Turns
    rows: float


def _rows(portions: Iterable[Portion]) -> float:
    """The approximate number of sequences of the portions."""
    return max(sum(portion.take * portion.sequences for portion in portions), 1)
