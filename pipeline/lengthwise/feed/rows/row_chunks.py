"""Chunks: some hundred rows as one element of a dataset, so that many threads can build them and a window joins them.

Their numbers of rows and steps differ, so the values of each feature are in a variant, which is passed without a copy.
Joining the chunks of a window copies them once.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Features, Flat, Rows, context_dtype
from lengthwise.tensor.tensor_types import DType, Tensor

LENGTHS, KEEP, SEED, END = "##lengths", "##keep", "##seed", "##end"  # lengths: of the leading group

Chunk = dict[str, Tensor]
"""By key: variants `[k]` of k chunks."""


class ChunkFormat:
    """The format of the chunks of one data set.

    Attributes:
        dtypes: of the values by key.
    """

    def __init__(self, features: Features, stored: Mapping[str, DType] | None = None) -> None:
        """`stored`: dtypes of sequence features that have wider dtypes in batches."""
        stored = stored or {}
        self._shapes = {column.key: column.shape for column in features.context}
        self.dtypes: dict[str, DType] = {LENGTHS: tf.int64, KEEP: tf.bool}
        self.dtypes |= {spec.key: stored.get(spec.key, spec.dtype) for spec in features.sequences}
        self.dtypes |= {column.key: context_dtype(column) for column in features.context}

    def pack(self, rows: Rows) -> Chunk:
        """The rows as one chunk, with the values of each sequence feature row after row."""
        values = {key: flat.values for key, flat in rows.sequences.items()}
        values |= {**rows.context, LENGTHS: rows.lengths}
        if rows.keep is not None:
            values[KEEP] = rows.keep
        return {key: variant(tf.cast(value, self.dtypes[key])) for key, value in values.items()}

    def empty(self, spec: Chunk) -> Chunk:
        """A chunk without rows, with the keys of `spec`; it marks the end of an epoch."""
        values = {
            key: tf.zeros([0, *self._shapes.get(key, ())], dtype) for key, dtype in self.dtypes.items() if key in spec
        }
        marks = {SEED: tf.zeros([1, 2], tf.int64), END: tf.constant([True])}
        packed = {key: variant(value) for key, value in values.items()}
        return packed | {key: mark for key, mark in marks.items() if key in spec}

    def join(self, chunk: Chunk, key: str, *more: Tensor) -> Tensor:
        """The values of all chunks, in order, followed by `more`."""
        variants = append(chunk[key], [variant(values) for values in more])
        return joined_variants(variants, self.dtypes[key], self._shapes.get(key, ())).values


def scalar_variant(values: Tensor) -> Tensor:
    """A tensor `[n, ...]` as a variant `[]`."""
    return tf.raw_ops.RaggedTensorToVariant(rt_nested_splits=[], rt_dense_values=values, batched_input=False)


def variant(values: Tensor) -> Tensor:
    """A tensor `[n, ...]` as a variant `[1]`."""
    return tf.reshape(scalar_variant(values), [1])


def joined_variants(variants: Tensor, dtype: DType, shape: Sequence[int]) -> Flat:
    """The tensors `[n, *shape]` of variants `[k]`, concatenated; each tensor is a row."""
    joined = tf.raw_ops.RaggedTensorFromVariant(
        encoded_ragged=variants, input_ragged_rank=0, output_ragged_rank=1, Tvalues=dtype, Tsplits=tf.int64
    )
    return Flat(tf.ensure_shape(joined.output_dense_values, [None, *shape]), joined.output_nested_splits[0])


def append(variants: Tensor, more: list[Tensor]) -> Tensor:
    """Concatenated variants, which `tf.concat` does not support."""
    if not more:
        return variants
    parts = [variants, *more]
    sizes = [tf.size(part) for part in parts]
    starts = [tf.add_n(sizes[:position]) if position else 0 for position in range(len(parts))]
    positions = [start + tf.range(size) for start, size in zip(starts, sizes, strict=True)]
    return tf.dynamic_stitch(positions, parts)
