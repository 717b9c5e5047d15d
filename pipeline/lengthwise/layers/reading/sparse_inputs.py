"""`SparseTensor` input to dense steps. TensorFlow only; lookups happen on the flat values, before padding."""

from typing import TYPE_CHECKING

import tensorflow as tf

from lengthwise.columns import IdColumn, NumericColumn
from lengthwise.layers.keras_types import BackendTensor
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.dense_inputs import id_steps
from lengthwise.layers.reading.dense_steps import DenseSteps, split_into_steps
from lengthwise.layers.reading.id_inputs import raw_to_ids
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.tensor import MISSING

if TYPE_CHECKING:
    from lengthwise.tensor.tensor_lookup import IdLookup


def sparse_numbers(values: tf.SparseTensor, column: NumericColumn) -> DenseSteps:
    """The steps of `[B,N]` or `[B,S,K]`: `num_elements` consecutive values of a row per step."""
    fill = exact_default(column, values.dtype.name)
    numbers = tf.sparse.to_dense(values, tf.constant(fill or 0, values.dtype))
    needs_presence = fill is None or column.normalizer_fn is not None
    return DenseSteps(
        split_into_steps(_flat_rows(numbers), column.num_elements, fill or 0),
        present=_present(values, column) if needs_presence else None,
        is_padded=fill is not None,
    )


def sparse_ids(
    values: tf.SparseTensor,
    weights: tf.SparseTensor | None,
    column: IdColumn,
    lookup: "IdLookup | None",
    checks: Checks,
) -> DenseSteps:
    """The ids of `[B,T]`, one per step, or of `[B,T,K]`; of `[B,N]` if `values_per_step` is not 1."""
    values = values if values.shape.rank < 4 else on_three_axes(values)
    ids = tf.sparse.to_dense(values.with_values(raw_to_ids(values.values, column, lookup, checks)), MISSING)
    if weights is not None:
        weights = weights if weights.shape.rank < 4 else on_three_axes(weights)
        require_same_positions(values.indices, weights.indices, column, checks)
        weights = tf.sparse.to_dense(weights)
    return id_steps(ids, weights, column)


def require_same_positions(
    positions: BackendTensor, weight_positions: BackendTensor, column: IdColumn, checks: Checks
) -> None:
    """Requires that ids and weights are at the same positions."""
    same = tf.reduce_all(tf.equal(tf.shape(positions), tf.shape(weight_positions)))
    same = tf.cond(same, lambda: tf.reduce_all(tf.equal(positions, weight_positions)), lambda: False)
    checks.require(
        tf.reshape(same, [1]), f"feature {column.weight_key!r}: expected one weight for each value of {column.key!r}"
    )


def on_three_axes(values: tf.SparseTensor) -> tf.SparseTensor:
    """`[B,T,K]`, where K joins all axes after the second: 1 if there are no such axes."""
    shape = values.dense_shape
    return tf.sparse.reshape(values, tf.stack([shape[0], shape[1], tf.reduce_prod(shape[2:])]))


def _present(values: tf.SparseTensor, column: NumericColumn) -> BackendTensor:
    """True for the numbers that the input had."""
    occupied = tf.sparse.to_dense(values.with_values(tf.ones_like(values.values, tf.bool)), False)
    return split_into_steps(_flat_rows(occupied), column.num_elements, False)


def _flat_rows(dense: BackendTensor) -> BackendTensor:
    # Both sizes explicit: -1 cannot be inferred for empty batches.
    shape = tf.shape(dense)
    return tf.reshape(dense, [shape[0], tf.reduce_prod(shape[1:])])
