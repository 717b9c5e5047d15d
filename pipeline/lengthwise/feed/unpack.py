"""Blocks -> the values of their rows: on tensors, what `records/buffers.py` says of one buffer."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.feed.features import Features


def unpack_blocks(blocks: Mapping[str, Any], dtypes: Mapping[str, Any], features: Features, longest: int) -> Any:
    """The values of all rows of some blocks, by key, flat, and the rows' lengths.

    What is to be decompressed is compared before with what its rows take, and afterwards. TensorFlow's op takes no
    limit: a stream that lies makes 1,032 times its size, as in any compressed file.

    Args:
        blocks: by key, the buffers of some blocks, string `[k]`.
        dtypes: of their values, by key.
        features: what they hold.
        longest: what no row is longer than.
    """
    lengths = tf.io.decode_raw(tf.strings.reduce_join(blocks[RESERVED_KEY]), dtypes[RESERVED_KEY])
    lengths = tf.cast(lengths, tf.int64)
    rows = _sizes(blocks[RESERVED_KEY]) // dtypes[RESERVED_KEY].size
    ends = tf.gather(tf.concat([[0], tf.cumsum(lengths)], 0), tf.concat([[0], tf.cumsum(rows)], 0))
    steps = ends[1:] - ends[:-1]
    counts = {spec.key: steps * spec.width for spec in features.sequences}
    counts |= {column.key: rows * math.prod(column.shape) for column in features.context if column.key in dtypes}
    keys = list(counts)
    sizes = tf.stack([counts[key] * dtypes[key].size for key in keys])
    told = tf.stack([_sizes(blocks[key]) for key in keys])
    sound = tf.reduce_all(told <= sizes) & tf.reduce_all((lengths >= 0) & (lengths <= longest))
    with tf.control_dependencies([_check(sound)]):
        streams = [tf.where(packed) for packed in tf.unstack(told < sizes)]
    opened = {key: _opened(blocks[key], at) for key, at in zip(keys, streams, strict=True)}
    whole = tf.reduce_all(tf.stack([_sizes(opened[key]) for key in keys]) == sizes)
    with tf.control_dependencies([_check(whole)]):
        values = {key: tf.io.decode_raw(tf.strings.reduce_join(opened[key]), dtypes[key]) for key in keys}
    return values, lengths


def _opened(buffers: Any, streams: Any) -> Any:
    """The buffers, with those at `streams` decompressed."""
    return tf.tensor_scatter_nd_update(
        buffers, streams, tf.io.decode_compressed(tf.gather_nd(buffers, streams), "ZLIB")
    )


def _sizes(buffers: Any) -> Any:
    return tf.cast(tf.strings.length(buffers), tf.int64)


def _check(sound: Any) -> Any:
    message = "expected blocks whose buffers hold the values of all their rows; `lengthwise verify` names the shard"
    return tf.debugging.Assert(sound, [message])
