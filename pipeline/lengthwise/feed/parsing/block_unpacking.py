"""Blocks -> the values of their rows, on tensors; for the format see `records/encoding/block_buffers.py`."""

import math
from collections.abc import Mapping

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Features
from lengthwise.tensor.tensor_types import AnyTensor, DType, Operation, Tensor


def unpack_blocks(
    blocks: Mapping[str, AnyTensor],
    dtypes: Mapping[str, DType],
    features: Features,
    longest: int,
    others: Mapping[str, int],
) -> tuple[dict[str, Tensor], Tensor]:
    """The values of all rows of some blocks, by key, flat, and the rows' lengths, of the leading group.

    Compressed sizes are checked against the sizes of the rows before decompression, and the results afterwards.
    TensorFlow's op has no limit: a manipulated stream can expand to 1,032 times its size, as in any compressed file.

    Args:
        blocks: by key, the buffers of the blocks, string `[k]`; for features of strings ragged strings `[k, None]`.
        dtypes: of the values of buffers, by key.
        features: of the blocks.
        longest: the maximum length of a row.
        others: the same for further groups, by the features that have their lengths.
    """
    leading = features.length_key
    lengths = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(blocks[leading]), dtypes[leading]), tf.int64)
    rows = _sizes(blocks[leading]) // dtypes[leading].size
    counts = {column.key: rows * math.prod(column.shape) for column in features.context if column.key in dtypes}
    values = _unpack(blocks, dtypes, {key: counts.pop(key) for key in others}, _are_within(lengths, longest))
    valid = [_are_within(values[key], max_length) for key, max_length in others.items()]
    strings = []
    for spec in features.sequences:
        count = _steps_of_blocks(values.get(spec.length, lengths), rows) * spec.width
        if spec.key in dtypes:
            counts[spec.key] = count
        else:
            strings.append(spec.key)
            valid.append(tf.reduce_all(blocks[spec.key].row_lengths() == count))
    all_valid = tf.reduce_all([_are_within(lengths, longest), *valid])
    with tf.control_dependencies([_check(all_valid)] if strings else []):
        values |= {key: tf.identity(blocks[key].flat_values) for key in strings}
    return values | _unpack(blocks, dtypes, counts, all_valid), lengths


def _are_within(lengths: Tensor, longest: int) -> Tensor:
    return tf.reduce_all((lengths >= 0) & (lengths <= longest))


def _steps_of_blocks(lengths: Tensor, rows: Tensor) -> Tensor:
    """int64 `[k]`: the number of steps of each block, which has `rows` rows, int64 `[k]`."""
    ends = tf.gather(tf.concat([[0], tf.cumsum(lengths)], 0), tf.concat([[0], tf.cumsum(rows)], 0))
    return ends[1:] - ends[:-1]


def _unpack(
    blocks: Mapping[str, Tensor], dtypes: Mapping[str, DType], counts: Mapping[str, Tensor], valid: Tensor
) -> dict[str, Tensor]:
    """The values of buffers, by key, with `counts` values per block, int64 `[k]`; an error unless `valid`."""
    if not counts:
        return {}
    keys = list(counts)
    sizes = tf.stack([counts[key] * dtypes[key].size for key in keys])
    stored = tf.stack([_sizes(blocks[key]) for key in keys])
    with tf.control_dependencies([_check(valid & tf.reduce_all(stored <= sizes))]):
        streams = [tf.where(compressed) for compressed in tf.unstack(stored < sizes)]
    buffers = {key: _decompressed(blocks[key], at) for key, at in zip(keys, streams, strict=True)}
    whole = tf.reduce_all(tf.stack([_sizes(buffers[key]) for key in keys]) == sizes)
    with tf.control_dependencies([_check(whole)]):
        return {key: tf.io.decode_raw(tf.strings.reduce_join(buffers[key]), dtypes[key]) for key in keys}


def _decompressed(buffers: Tensor, streams: Tensor) -> Tensor:
    """The buffers, with those at the positions `streams` decompressed."""
    return tf.tensor_scatter_nd_update(
        buffers, streams, tf.io.decode_compressed(tf.gather_nd(buffers, streams), "ZLIB")
    )


def _sizes(buffers: Tensor) -> Tensor:
    return tf.cast(tf.strings.length(buffers), tf.int64)


def _check(valid: Tensor) -> Operation:
    message = "expected blocks whose buffers contain the values of all their rows; `lengthwise verify` names the shard"
    return tf.debugging.Assert(valid, [message])
