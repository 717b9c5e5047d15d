"""`SparseTensor` input to dense steps. TensorFlow only; look-ups happen on the flat values, before padding."""

from typing import Any

import tensorflow as tf

from lengthwise.columns import IdColumn, NumericColumn
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.dense_steps import DenseSteps, group
from lengthwise.layers.reading.id_inputs import ids_of
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.tensor import MISSING


def sparse_numbers(values: tf.SparseTensor, column: NumericColumn) -> DenseSteps:
    """The steps of `[B,N]` or `[B,S,K]`: of each row, `num_elements` consecutive values a step."""
    fill = exact_default(column, values.dtype.name)
    numbers = tf.sparse.to_dense(values, tf.constant(fill or 0, values.dtype))
    needs_places = fill is None or column.normalizer_fn is not None
    return DenseSteps(
        group(_flat_rows(numbers), column.num_elements, fill or 0),
        present=_present(values, column) if needs_places else None,
        is_padded=fill is not None,
    )


def sparse_ids(
    values: tf.SparseTensor, weights: tf.SparseTensor | None, column: IdColumn, lookup: Any, checks: Checks
) -> DenseSteps:
    """The ids of `[B,T]`, one a step, or of `[B,T,K]`; of `[B,N]` where `values_per_step` is not 1."""
    values = values if values.shape.rank < 4 else on_three_axes(values)
    ids = tf.sparse.to_dense(values.with_values(ids_of(values.values, column, lookup, checks)), MISSING)
    if weights is not None:
        weights = weights if weights.shape.rank < 4 else on_three_axes(weights)
        require_same(values.indices, weights.indices, column, checks)
        weights = tf.sparse.to_dense(weights)
    return by_values_per_step(ids, weights, column)


def by_values_per_step(ids: Any, weights: Any, column: IdColumn) -> DenseSteps:
    """The steps of padded ids; `[B,N]` is cut into steps of `values_per_step` values."""
    size = column.values_per_step
    if len(ids.shape) == 2 and size > 1:
        ids = group(ids, size, MISSING)
        weights = None if weights is None else group(weights, size, 0)
    return DenseSteps(ids, weights)


def require_same(places: Any, weight_places: Any, column: IdColumn, checks: Checks) -> None:
    """Demands that ids and weights stand at the same places."""
    same = tf.reduce_all(tf.equal(tf.shape(places), tf.shape(weight_places)))
    same = tf.cond(same, lambda: tf.reduce_all(tf.equal(places, weight_places)), lambda: False)
    checks.require(
        tf.reshape(same, [1]), f"feature {column.weight_key!r}: expected one weight for each value of {column.key!r}"
    )


def on_three_axes(values: tf.SparseTensor) -> tf.SparseTensor:
    """`[B,T,K]`, K being all axes after the second: 1 where there is none."""
    shape = values.dense_shape
    return tf.sparse.reshape(values, tf.stack([shape[0], shape[1], tf.reduce_prod(shape[2:])]))


def _present(values: tf.SparseTensor, column: NumericColumn) -> Any:
    """Which numbers the input held."""
    occupied = tf.sparse.to_dense(values.with_values(tf.ones_like(values.values, tf.bool)), False)
    return group(_flat_rows(occupied), column.num_elements, False)


def _flat_rows(dense: Any) -> Any:
    # Both sizes explicit: -1 cannot be worked out for empty batches.
    shape = tf.shape(dense)
    return tf.reshape(dense, [shape[0], tf.reduce_prod(shape[1:])])
