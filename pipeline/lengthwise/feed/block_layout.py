"""The block layout: raw buffers of many unpadded sequences -> windows, sorted by length, cut into batches.

a bucket's files ─ blocks ─ shuffle ──┐
another bucket's ...                  ├─ mix ─ a window of blocks ─ decode ─ sort, pad ─ slice batches
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.feed.emit import emit_batches
from lengthwise.feed.epochs import plain
from lengthwise.feed.example_layout import SHARED_FILES, BucketPortions
from lengthwise.feed.features import Features
from lengthwise.feed.local_files import ahead
from lengthwise.feed.mix import mix
from lengthwise.feed.options import Options
from lengthwise.feed.records import Portion, read_portion, read_portions
from lengthwise.feed.service import file_order, with_seed_of_content
from lengthwise.feed.window import Flat, Rows, arrange
from lengthwise.manifest import Manifest

_DTYPES = {"<i4": tf.int32, "<i8": tf.int64, "<f4": tf.float32}


class BlockLayout:
    """Reads the block layout of one data set.

    Attributes:
        boundaries: the values that T may have; None for any.
    """

    def __init__(self, manifest: Manifest, options: Options, boundaries: tuple[int, ...] | None) -> None:
        self._manifest = manifest
        self._options = options
        self._features = Features.of(manifest.columns)
        self._dtypes = {key: _DTYPES[dtype] for key, dtype in manifest.block_dtypes.items()}
        self.boundaries = boundaries

    def epoch(self, portions: BucketPortions, seed: Any) -> Any:
        """One epoch of windows: (serialized blocks, seed)."""
        order = seed if self._options.shuffle else None
        streams = [self._stream(bucket, parts, order, portions) for bucket, parts in portions.items()]
        blocks = mix(streams, [sum(part.take for part in parts) for parts in portions.values()], order)
        windows = blocks.batch(self.blocks_per_window(portions)).enumerate()

        def seeded(number: Any, records: Any) -> tuple[Any, Any]:
            return tf.reshape(records, [-1]), tf.random.experimental.stateless_fold_in(seed, number)

        return windows.map(seeded)

    def shared_epoch(self, portions: BucketPortions, seed: Any) -> Any:
        """One epoch for a tf.data service: its source is the list of files."""
        options, manifest = self._options, self._manifest
        parts = [part for parts in portions.values() for part in parts]
        order = file_order(len(parts), options, seed)
        table = ([part.path for part in parts], tf.constant([part.take for part in parts], tf.int64))
        files = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(column, order) for column in table))
        files = ahead(files, lambda path, _: path)

        def read(path: Any, take: Any) -> Any:
            return read_portion(path, None, take, manifest.compression, options.on_damage, 1)

        blocks = files.interleave(plain(read), cycle_length=SHARED_FILES)

        def seeded(records: Any) -> tuple[Any, Any]:
            flat = tf.reshape(records, [-1])
            return flat, with_seed_of_content(flat, seed)

        return blocks.batch(self.blocks_per_window(portions)).map(plain(seeded))

    def batches(self, windows: Any) -> Any:
        """From windows, of any number of epochs, to batches."""
        arranged = windows.map(plain(self._arrange), num_parallel_calls=tf.data.AUTOTUNE)
        return emit_batches(arranged, self._features)

    def blocks_per_window(self, portions: BucketPortions) -> int:
        """How many blocks hold as many sequences as a window should."""
        blocks = sum(part.take for parts in portions.values() for part in parts)
        # A shard's path in the manifest is its folder and name.
        shards = {"/".join(portion.path.split("/")[-2:]) for parts in portions.values() for portion in parts}
        counted = [shard for shard in self._manifest.shards if shard.path in shards]
        sequences = sum(shard.sequences for shard in counted) * blocks / sum(shard.records for shard in counted)
        return max(round(self._options.window * blocks / max(sequences, 1)), 1)

    def _stream(self, bucket: int, parts: Sequence[Portion], seed: Any | None, all_parts: BucketPortions) -> Any:
        compression, on_damage = self._manifest.compression, self._options.on_damage
        blocks = read_portions(parts, compression, on_damage, 1, None if seed is None else seed + bucket)
        if seed is None:
            return blocks
        buffer = max(min(sum(part.take for part in parts), 2 * self.blocks_per_window(all_parts)), 1)
        return blocks.shuffle(buffer, seed[0] + bucket, reshuffle_each_iteration=False)

    def _arrange(self, records: Any, seed: Any) -> Any:
        return arrange(self._decode(records), seed, self._features, self._options, self.boundaries)

    def _decode(self, records: Any) -> Rows:
        """The sequences of many blocks. Their buffers, joined, are the buffer of all rows."""
        strings = [column.key for column in self._features.context if column.dtype == "string"]
        spec: dict[str, Any] = {key: tf.io.FixedLenFeature([], tf.string) for key in self._dtypes}
        spec |= {key: tf.io.RaggedFeature(tf.string) for key in strings}
        parsed = tf.io.parse_example(records, spec)
        raw = {key: tf.io.decode_raw(tf.strings.reduce_join(parsed[key]), dtype) for key, dtype in self._dtypes.items()}
        raw |= {key: parsed[key].flat_values for key in strings}
        lengths = tf.cast(raw[RESERVED_KEY], tf.int64)
        splits = tf.concat([[0], tf.cumsum(lengths)], 0)
        sequences = {spec.key: Flat(raw[spec.key], splits * spec.width) for spec in self._features.sequences}
        context = {column.key: tf.reshape(raw[column.key], [-1, *column.shape]) for column in self._features.context}
        return Rows(sequences, lengths, context)
