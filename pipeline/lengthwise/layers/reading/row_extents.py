"""How long a feature's rows are, read from its layout alone: nothing is looked up or padded here."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from lengthwise.columns import LayerFeature, NumericColumn
from lengthwise.layers.reading.length_dtypes import length_dtype


@dataclass(frozen=True)
class RowLengths:
    """The lengths of a feature's rows.

    Attributes:
        source: the feature.
        batch: the number of rows: an int, or in a graph a scalar tensor.
        lengths: integers `[B]`: the steps of each row; None for dense input, whose lengths are told elsewhere.
        is_exact: whether `lengths` counts trailing empty steps (ragged input) or lacks them (sparse input).
        count: T of dense input, or how many steps the longest row needs: an int or a scalar tensor.
    """

    source: LayerFeature
    batch: Any
    lengths: Any
    is_exact: bool
    count: Any


def layout(value: Any) -> str:
    """`sparse`, `ragged` or `dense`; also of a KerasTensor."""
    if keras.backend.is_keras_tensor(value):
        return "sparse" if value.sparse else "ragged" if getattr(value, "ragged", False) else "dense"
    return {"SparseTensor": "sparse", "RaggedTensor": "ragged"}.get(type(value).__name__, "dense")


def rank_of(value: Any) -> int | None:
    """The number of axes; None where a graph does not know it."""
    shape = value.shape
    return shape.rank if hasattr(shape, "rank") else len(shape)


def extent_of(source: LayerFeature, value: Any) -> RowLengths:
    """The extent of the feature's tensor, of any layout."""
    # On two axes, a step of several values is so many columns.
    size = 1 if len(value.shape) != 2 else values_per_step(source)
    match layout(value):
        case "dense":
            batch, width = ops.shape(value)[:2]
            return RowLengths(source, batch, None, True, -(-width // size))
        case "ragged":
            lengths = ops.cast(-(-value.row_lengths() // size), length_dtype())
            return RowLengths(source, ops.shape(lengths)[0], lengths, True, longest(lengths))
        case _:
            return _sparse_extent(source, value, size)


def values_per_step(source: LayerFeature) -> int:
    """How many consecutive values of flat input make a step."""
    return source.num_elements if isinstance(source, NumericColumn) else source.values_per_step


def longest(lengths: Any) -> Any:
    """The greatest length, int32; 0 for an empty batch."""
    return ops.cast(ops.max(lengths, initial=0), "int32")


def _sparse_extent(source: LayerFeature, value: Any, size: int) -> RowLengths:
    import tensorflow as tf

    rows, places = value.indices[:, 0], value.indices[:, 1]
    ends = tf.maximum(tf.math.unsorted_segment_max(places + 1, rows, value.dense_shape[0]), 0)
    lengths = -(-ends // size)
    count = longest(lengths)
    if isinstance(source, NumericColumn) and len(value.shape) != 2:
        # As in TensorFlow, numbers follow one another even where a step has more or fewer than the column says.
        per_step = tf.cast(tf.reduce_prod(value.dense_shape[2:]), tf.int32)
        count = -(-count * per_step // source.num_elements)
    return RowLengths(source, ops.shape(lengths)[0], lengths, False, count)
