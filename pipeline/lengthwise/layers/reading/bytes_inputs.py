"""Steps that are stored as bytes -> numbers, where a layer is given the bytes. TensorFlow only."""

from typing import Any

import keras

from lengthwise.columns import LayerFeature, NumericColumn
from lengthwise.errors import ConfigTypeError
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.row_lengths import tensor_layout


def is_stored(values: Any, column: Any) -> bool:
    """Whether the values are bytes, and the column says how to decode them."""
    return getattr(column, "decode", None) is not None and keras.backend.standardize_dtype(values.dtype) == "string"


def decoded(values: Any, column: LayerFeature, checks: Checks) -> Any:
    """`[B,T]` or `[B,(T)]` of strings as `[B,T,elements]` of numbers; empty strings, which are padding, as any number.

    Raises:
        ConfigTypeError: the strings are sparse, or have more axes.
    """
    import tensorflow as tf

    if tensor_layout(values) == "sparse" or values.shape.rank != 2:
        received = f"received {tensor_layout(values)} ones of shape {values.shape}"
        raise ConfigTypeError(f"feature {column.key!r}: expected strings [batch, T], dense or ragged, {received}")
    assert isinstance(column, NumericColumn)
    assert column.decode is not None
    decode, width = column.decode, column.num_elements
    flat = tf.reshape(values, [-1]) if tensor_layout(values) == "dense" else values.flat_values
    dtype = tf.as_dtype(decode.dtype)
    size = width * dtype.size
    sizes = tf.strings.length(flat)
    message = f"feature {column.key!r}: expected {size} bytes in each step, received a step of"
    checks.require((sizes == size) | (sizes == 0), message, sizes)
    strings = tf.where(sizes == size, flat, tf.constant(bytes(size)))
    numbers = tf.cast(tf.io.decode_raw(strings, dtype), tf.int64 if column.is_integer else tf.float32)
    if not decode.is_plain:
        numbers = numbers * decode.scale + decode.offset
    numbers = tf.ensure_shape(numbers, [None, width])
    if tensor_layout(values) == "ragged":
        return values.with_flat_values(numbers)
    return tf.reshape(numbers, tf.concat([tf.shape(values), [width]], 0))
