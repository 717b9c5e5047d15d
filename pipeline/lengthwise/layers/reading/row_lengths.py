"""The lengths of a feature's rows, read from its layout alone: nothing is looked up or padded here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import keras
from keras import ops

from lengthwise.columns import LayerFeature, NumericColumn
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, Size
from lengthwise.layers.reading.number_dtypes import length_dtype

if TYPE_CHECKING:
    import tensorflow as tf

TensorLayout = Literal["dense", "sparse", "ragged"]


@dataclass(frozen=True)
class RowLengths:
    """The lengths of a feature's rows.

    Attributes:
        source: the feature.
        batch: the number of rows: an int, or in a graph a scalar tensor.
        lengths: integers `[B]`: the steps of each row; None for dense input, whose lengths are given elsewhere.
        is_exact: whether `lengths` counts trailing empty steps (ragged input) or lacks them (sparse input).
        count: T of dense input, or the number of steps of the longest row: an int or a scalar tensor.
    """

    source: LayerFeature
    batch: Size
    lengths: BackendTensor | None
    is_exact: bool
    count: Size


def tensor_layout(value: FeatureTensor) -> TensorLayout:
    """The layout of a tensor or of a KerasTensor."""
    if keras.backend.is_keras_tensor(value):
        if value.sparse:
            return "sparse"
        return "ragged" if getattr(value, "ragged", False) else "dense"
    match type(value).__name__:
        case "SparseTensor":
            return "sparse"
        case "RaggedTensor":
            return "ragged"
        case _:
            return "dense"


def rank_of(value: FeatureTensor) -> int | None:
    """The number of axes; None if a graph does not know it."""
    shape = value.shape
    return shape.rank if hasattr(shape, "rank") else len(shape)


def read_row_lengths(source: LayerFeature, value: FeatureTensor) -> RowLengths:
    """The lengths of the rows of the feature's tensor, of any layout."""
    # On two axes, a step of several values takes as many columns.
    size = 1 if len(value.shape) != 2 else values_per_step(source)
    match tensor_layout(value):
        case "dense":
            batch, width = ops.shape(value)[:2]
            return RowLengths(source, batch, None, True, -(-width // size))
        case "ragged":
            return _ragged_lengths(source, value, size)
        case "sparse":
            return _sparse_lengths(source, value, size)


def values_per_step(source: LayerFeature) -> int:
    """The number of consecutive values of flat input that make one step."""
    return source.num_elements if isinstance(source, NumericColumn) else source.values_per_step


def longest_row(lengths: BackendTensor) -> BackendTensor:
    """The greatest length, int32; 0 for an empty batch."""
    return ops.cast(ops.max(lengths, initial=0), "int32")


def _ragged_lengths(source: LayerFeature, value: "tf.RaggedTensor", size: int) -> RowLengths:
    lengths = ops.cast(-(-value.row_lengths() // size), length_dtype())
    return RowLengths(source, ops.shape(lengths)[0], lengths, True, longest_row(lengths))


def _sparse_lengths(source: LayerFeature, value: "tf.SparseTensor", size: int) -> RowLengths:
    import tensorflow as tf

    rows, positions = value.indices[:, 0], value.indices[:, 1]
    ends = tf.maximum(tf.math.unsorted_segment_max(positions + 1, rows, value.dense_shape[0]), 0)
    lengths = -(-ends // size)
    count = longest_row(lengths)
    if isinstance(source, NumericColumn) and len(value.shape) != 2:
        # As in TensorFlow, numbers follow one another even if a step has more or fewer than the column specifies.
        per_step = tf.cast(tf.reduce_prod(value.dense_shape[2:]), tf.int32)
        count = -(-count * per_step // source.num_elements)
    return RowLengths(source, ops.shape(lengths)[0], lengths, False, count)
