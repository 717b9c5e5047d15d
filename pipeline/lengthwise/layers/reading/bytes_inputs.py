"""Steps that are stored as bytes to numbers, if a layer receives the bytes. TensorFlow only."""

from typing import TYPE_CHECKING

import keras

from lengthwise.columns import LayerFeature, NumericColumn
from lengthwise.errors import ConfigTypeError
from lengthwise.layers.keras_types import FeatureTensor
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.row_lengths import tensor_layout
from lengthwise.rules.stored_numbers import decoded, stored_size

if TYPE_CHECKING:
    import tensorflow as tf


def is_stored(values: FeatureTensor, column: LayerFeature) -> bool:
    """Whether the values are bytes that the column decodes."""
    return getattr(column, "decode", None) is not None and keras.backend.standardize_dtype(values.dtype) == "string"


def stored_numbers(values: FeatureTensor, column: LayerFeature, checks: Checks) -> "tf.Tensor | tf.RaggedTensor":
    """`[B,T]` or `[B,(T)]` of strings as `[B,T,elements]` of numbers; zeros for empty strings, which are padding.

    Raises:
        ConfigTypeError: the strings are sparse, or have more axes.
    """
    import tensorflow as tf

    from lengthwise.tensor.tensor_arrays import TENSORS

    layout = tensor_layout(values)
    if layout == "sparse" or values.shape.rank != 2:
        received = f"received {layout} ones of shape {values.shape}"
        raise ConfigTypeError(f"feature {column.key!r}: expected strings [batch, T], dense or ragged, {received}")
    assert isinstance(column, NumericColumn)
    assert column.decode is not None
    flat = tf.reshape(values, [-1]) if layout == "dense" else values.flat_values
    size, sizes = stored_size(column, column.decode), tf.strings.length(flat)
    message = f"feature {column.key!r}: expected {size} bytes in each step, received a step of"
    checks.require((sizes == size) | (sizes == 0), message, sizes)
    width = column.num_elements
    stored = TENSORS.numbers_in(flat, column.decode, width, sizes != size)
    numbers = decoded(TENSORS, stored, column.decode, tf.int64 if column.is_integer else tf.float32)
    if layout == "ragged":
        return values.with_flat_values(tf.reshape(numbers, [-1, width]))
    return tf.reshape(numbers, tf.concat([tf.shape(values), [width]], 0))
