"""Chunks: some hundred rows as one element of a dataset, so that many threads can make them and a window join them.

Their numbers of rows and steps differ, so each feature's values travel in a variant, which is handed on without a copy.
Joining the chunks of a window copies them once.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Features, Rows, context_dtype

LENGTHS, KEEP, SEED, END = "##lengths", "##keep", "##seed", "##end"  # lengths: those of the leading group

Chunk = dict[str, Any]
"""By key: variants `[k]` of k chunks."""


class ChunkFormat:
    """What chunks of one data set hold.

    Attributes:
        dtypes: of the values by key.
    """

    def __init__(self, features: Features, stored: Mapping[str, Any] | None = None) -> None:
        """`stored`: dtypes of sequence features that are wider in batches."""
        stored = stored or {}
        self._shapes = {column.key: column.shape for column in features.context}
        self.dtypes: dict[str, Any] = {LENGTHS: tf.int64, KEEP: tf.bool}
        self.dtypes |= {spec.key: stored.get(spec.key, spec.dtype) for spec in features.sequences}
        self.dtypes |= {column.key: context_dtype(column) for column in features.context}

    def pack(self, rows: Rows) -> Chunk:
        """The rows as one chunk: their values of sequence features are those of all rows, one after the other."""
        values = {key: flat.values for key, flat in rows.sequences.items()}
        values |= {**rows.context, LENGTHS: rows.lengths}
        if rows.keep is not None:
            values[KEEP] = rows.keep
        return {key: variant(tf.cast(value, self.dtypes[key])) for key, value in values.items()}

    def empty(self, spec: Chunk) -> Chunk:
        """A chunk without rows, with the keys of `spec`; the end of an epoch."""
        values = {
            key: tf.zeros([0, *self._shapes.get(key, ())], dtype) for key, dtype in self.dtypes.items() if key in spec
        }
        marks = {SEED: tf.zeros([1, 2], tf.int64), END: tf.constant([True])}
        packed = {key: variant(value) for key, value in values.items()}
        return packed | {key: mark for key, mark in marks.items() if key in spec}

    def join(self, chunk: Chunk, key: str, *more: Any) -> Any:
        """The values of all chunks, one after the other, and `more` behind them."""
        variants = append(chunk[key], [variant(values) for values in more])
        joined = tf.raw_ops.RaggedTensorFromVariant(
            encoded_ragged=variants,
            input_ragged_rank=0,
            output_ragged_rank=1,
            Tvalues=self.dtypes[key],
            Tsplits=tf.int64,
        )
        return tf.ensure_shape(joined.output_dense_values, [None, *self._shapes.get(key, ())])


def variant(values: Any) -> Any:
    """A tensor `[n, ...]` as a variant `[1]`."""
    one = tf.raw_ops.RaggedTensorToVariant(rt_nested_splits=[], rt_dense_values=values, batched_input=False)
    return tf.reshape(one, [1])


def append(variants: Any, more: list[Any]) -> Any:
    """Variants one behind the other; `tf.concat` takes none."""
    if not more:
        return variants
    parts = [variants, *more]
    sizes = [tf.size(part) for part in parts]
    starts = [tf.add_n(sizes[:place]) if place else 0 for place in range(len(parts))]
    places = [start + tf.range(size) for start, size in zip(starts, sizes, strict=True)]
    return tf.dynamic_stitch(places, parts)
