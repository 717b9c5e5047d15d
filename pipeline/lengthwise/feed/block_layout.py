"""The block layout: buffers of many unpadded sequences -> windows, sorted by length, cut into batches.

many files, in turn ─ chunks of blocks ─ shuffle ─ decode ─ windows ─ batches
"""

from typing import Any

import tensorflow as tf

from lengthwise.buckets import LengthHistogram
from lengthwise.feed.batch_options import WINDOW
from lengthwise.feed.chunks import SEED, Chunk, ChunkFormat
from lengthwise.feed.epochs import plain, shuffled
from lengthwise.feed.even import Placed, read_evenly
from lengthwise.feed.example_layout import SHARED_FILES, BucketPortions
from lengthwise.feed.features import Features, Flat, Rows
from lengthwise.feed.local_files import ahead
from lengthwise.feed.options import Options
from lengthwise.feed.packed_window import segments_of, windows_of
from lengthwise.feed.records import PortionTable, any_skipped, read_portion
from lengthwise.feed.service import file_order, with_seed_of_content
from lengthwise.feed.shorten import shorten
from lengthwise.feed.sizes import chunks_of_windows
from lengthwise.feed.threads import threads
from lengthwise.feed.unpack import unpack_blocks
from lengthwise.folders import Folders

_DTYPES = {"<i1": tf.int8, "<i2": tf.int16, "<i4": tf.int32, "<i8": tf.int64, "<f4": tf.float32}
_CHUNK_ROWS, _CHUNKS = 1024, 8  # rows of a chunk, unless a window would have too few of them


class BlockLayout:
    """Reads the block layout.

    Attributes:
        boundaries: the values that T may have; None for any.
        segments: how many sequences a packed row holds at most.
    """

    def __init__(self, folders: Folders, options: Options, window: int, boundaries: tuple[int, ...] | None) -> None:
        """`window`: how many rows are sorted together."""
        self._options = options
        self._window = window
        self._features = Features.of(folders.first.columns)
        self._dtypes = {key: _DTYPES[dtype] for key, dtype in folders.first.block_dtypes.items()}
        self._longest = folders.boundaries[-1]
        self._format = ChunkFormat(self._features, self._dtypes)
        lengths = LengthHistogram.sum(map(folders.histogram, folders.splits))
        self.segments = segments_of(options, lengths.steps / max(lengths.total, 1))
        self._keeps_last = folders.over_long == "truncate_left"
        self._windows = windows_of(self._features, options, self._format, boundaries, lambda: self.segments)
        self.boundaries = boundaries

    def epoch(self, portions: BucketPortions, seed: Any) -> Any:
        """One epoch of windows."""
        size = max(round(min(_CHUNK_ROWS, self._window // _CHUNKS) * self._blocks_per_row(portions)), 1)
        parts = [Placed(part, bucket) for bucket, parts in portions.items() for part in parts]
        order = seed if self._options.shuffle else None
        records, total = read_evenly(parts, self._options.on_damage, size, order)
        per_row = total * self._blocks_per_row(portions) / sum(part.portion.take for part in parts)
        per_window = max(round(self._window * per_row), 1)
        if self._options.shuffle:
            reach = max(per_window, round(2 * min(self._window, WINDOW) * per_row))
            records = shuffled(records, max(min(reach, total), 1), seed[0])
        chunks = records.map(plain(self._chunk), num_parallel_calls=threads())
        return self._windows.of(chunks, chunks_of_windows(total, per_window), seed)

    def shared_epoch(self, portions: BucketPortions, seed: Any) -> Any:
        """One epoch for a tf.data service: its source is the list of files."""
        options = self._options
        parts = [part for parts in portions.values() for part in parts]
        order = file_order(len(parts), options, seed)
        table = PortionTable.of(parts, seed)
        files = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(column, order) for column in table))
        files = ahead(files, lambda path, *_: path)
        skips = any_skipped(parts)

        def read(path: Any, skip: Any, take: Any, kind: Any) -> Any:
            return read_portion(path, skip if skips else None, take, kind, options.on_damage, 1)

        def chunk(records: Any) -> Chunk:
            return {**self._chunk(records), SEED: with_seed_of_content(tf.reshape(records, [-1])[0], seed)[None]}

        blocks = files.interleave(plain(read), cycle_length=SHARED_FILES)
        chunks = blocks.batch(1).map(plain(chunk), num_parallel_calls=threads())
        return self._windows.of(chunks, [max(round(self._window * self._blocks_per_row(portions)), 1)], seed)

    def batches(self, windows: Any) -> Any:
        """From windows, of any number of epochs, to batches."""
        return self._windows.batches(windows)

    def _blocks_per_row(self, portions: BucketPortions) -> float:
        parts = [part for parts in portions.values() for part in parts]
        return sum(part.take for part in parts) / max(sum(part.take * part.sequences for part in parts), 1)

    def _chunk(self, records: Any) -> Chunk:
        rows = self._decode(tf.reshape(records, [-1]))
        if self._options.pack is not None:
            rows = shorten(rows, self._features, self._options.pack, keep_last=self._keeps_last)
        return self._format.pack(rows)

    def _decode(self, records: Any) -> Rows:
        """The sequences of many blocks."""
        strings = [column.key for column in self._features.context if column.dtype == "string"]
        spec: dict[str, Any] = {key: tf.io.FixedLenFeature([], tf.string) for key in self._dtypes}
        spec |= {key: tf.io.RaggedFeature(tf.string) for key in strings}
        parsed = tf.io.parse_example(records, spec)
        raw, lengths = unpack_blocks(parsed, self._dtypes, self._features, self._longest)
        raw |= {key: parsed[key].flat_values for key in strings}
        splits = tf.concat([[0], tf.cumsum(lengths)], 0)
        sequences = {spec.key: Flat(raw[spec.key], splits * spec.width) for spec in self._features.sequences}
        context = {column.key: tf.reshape(raw[column.key], [-1, *column.shape]) for column in self._features.context}
        return Rows(sequences, lengths, context)
