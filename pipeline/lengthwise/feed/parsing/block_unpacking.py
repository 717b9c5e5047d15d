"""Blocks -> the values of their rows: on tensors, what `records/encoding/block_buffers.py` says of one buffer."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Features


def unpack_blocks(
    blocks: Mapping[str, Any],
    dtypes: Mapping[str, Any],
    features: Features,
    longest: int,
    others: Mapping[str, int],
) -> tuple[dict[str, Any], Any]:
    """The values of all rows of some blocks, by key, flat, and the rows' lengths, of the leading group.

    What is to be decompressed is compared before with what its rows take, and afterwards. TensorFlow's op takes no
    limit: a stream that lies makes 1,032 times its size, as in any compressed file.

    Args:
        blocks: by key, the buffers of some blocks, string `[k]`; of features of strings these, ragged `[k, None]`.
        dtypes: of the values of buffers, by key.
        features: what they hold.
        longest: what no row is longer than.
        others: the same of the groups that do not lead, by the features that have their lengths.
    """
    leading = features.length_key
    lengths = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(blocks[leading]), dtypes[leading]), tf.int64)
    rows = _sizes(blocks[leading]) // dtypes[leading].size
    counts = {column.key: rows * math.prod(column.shape) for column in features.context if column.key in dtypes}
    values = _unpack(blocks, dtypes, {key: counts.pop(key) for key in others}, _are_within(lengths, longest))
    sound = [_are_within(values[key], most) for key, most in others.items()]
    strings = []
    for spec in features.sequences:
        count = _steps_of_blocks(values.get(spec.length, lengths), rows) * spec.width
        if spec.key in dtypes:
            counts[spec.key] = count
        else:
            strings.append(spec.key)
            sound.append(tf.reduce_all(blocks[spec.key].row_lengths() == count))
    all_sound = tf.reduce_all([_are_within(lengths, longest), *sound])
    with tf.control_dependencies([_check(all_sound)] if strings else []):
        values |= {key: tf.identity(blocks[key].flat_values) for key in strings}
    return values | _unpack(blocks, dtypes, counts, all_sound), lengths


def _are_within(lengths: Any, longest: int) -> Any:
    return tf.reduce_all((lengths >= 0) & (lengths <= longest))


def _steps_of_blocks(lengths: Any, rows: Any) -> Any:
    """int64 `[k]`: the steps of the rows of each block, of which there are so many."""
    ends = tf.gather(tf.concat([[0], tf.cumsum(lengths)], 0), tf.concat([[0], tf.cumsum(rows)], 0))
    return ends[1:] - ends[:-1]


def _unpack(
    blocks: Mapping[str, Any], dtypes: Mapping[str, Any], counts: Mapping[str, Any], sound: Any
) -> dict[str, Any]:
    """The values of some buffers, by key, of which each block has so many, int64 `[k]`; checked is what is `sound`."""
    if not counts:
        return {}
    keys = list(counts)
    sizes = tf.stack([counts[key] * dtypes[key].size for key in keys])
    told = tf.stack([_sizes(blocks[key]) for key in keys])
    with tf.control_dependencies([_check(sound & tf.reduce_all(told <= sizes))]):
        streams = [tf.where(packed) for packed in tf.unstack(told < sizes)]
    opened = {key: _opened(blocks[key], at) for key, at in zip(keys, streams, strict=True)}
    whole = tf.reduce_all(tf.stack([_sizes(opened[key]) for key in keys]) == sizes)
    with tf.control_dependencies([_check(whole)]):
        return {key: tf.io.decode_raw(tf.strings.reduce_join(opened[key]), dtypes[key]) for key in keys}


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
