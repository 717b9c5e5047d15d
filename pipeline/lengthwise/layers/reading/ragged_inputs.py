"""`RaggedTensor` input to dense steps: lengths are exact, an empty step at the end of a row counts.

TensorFlow only. Lookups happen on the flat values, before padding.
"""

from typing import TYPE_CHECKING

import tensorflow as tf

from lengthwise.columns import IdColumn, NumericColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.dense_inputs import id_steps, require_step_shape
from lengthwise.layers.reading.dense_steps import DenseSteps, split_into_steps
from lengthwise.layers.reading.id_inputs import raw_to_ids
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.layers.reading.shared_sizes import require_weights_fit
from lengthwise.layers.reading.sparse_inputs import require_same_positions
from lengthwise.tensor import MISSING

if TYPE_CHECKING:
    from lengthwise.tensor.tensor_lookup import IdLookup


def ragged_numbers(values: tf.RaggedTensor, column: NumericColumn, checks: Checks) -> DenseSteps:
    """The steps of `[B,(N)]`, `num_elements` consecutive values each, or of `[B,(T),*shape]`."""
    default, size = exact_default(column, values.dtype.name), column.num_elements
    is_padded, fill = default is not None, default or 0
    filling = tf.constant(fill, values.dtype)
    if values.shape.rank > 2:
        dense = _flat_steps(values, column, checks).to_tensor(filling, shape=[None, None, size])
        return DenseSteps(dense, is_padded=is_padded)
    present = None
    if column.normalizer_fn is not None or not is_padded:
        occupied = values.with_values(tf.ones_like(values.values, tf.bool)).to_tensor(False)
        present = split_into_steps(occupied, size, False)
    return DenseSteps(split_into_steps(values.to_tensor(filling), size, fill), present=present, is_padded=is_padded)


def ragged_ids(
    values: tf.RaggedTensor,
    weights: tf.RaggedTensor | None,
    column: IdColumn,
    lookup: "IdLookup | None",
    checks: Checks,
) -> DenseSteps:
    """The ids of `[B,(T)]`, one per step, or of `[B,(T),(K)]`; of `[B,(N)]` if `values_per_step` is not 1.

    In `[B,(T),K]`, where all steps have K values, -1 or the empty string means none, as in dense input.
    """
    is_uniform = values.shape.rank == 3 and (values.ragged_rank == 1 or values.shape[2] is not None)
    flat_ids = raw_to_ids(values.flat_values, column, lookup, checks, has_slots=is_uniform)
    ids = values.with_flat_values(flat_ids).to_tensor(MISSING)
    if weights is not None:
        for splits, weight_splits in zip(values.nested_row_splits, weights.nested_row_splits, strict=False):
            require_same_positions(tf.cast(splits, tf.int64), tf.cast(weight_splits, tf.int64), column, checks)
        ragged_rank, weights = weights.ragged_rank, weights.to_tensor()
        if is_uniform or ragged_rank != values.ragged_rank:  # equal splits alone do not mean equal shapes
            require_weights_fit(weights, ids, column, checks)
    return id_steps(ids, weights, column)


def _flat_steps(values: tf.RaggedTensor, column: NumericColumn, checks: Checks) -> tf.RaggedTensor:
    """`[B,(T),num_elements]`, the inner axis checked."""
    if values.ragged_rank == 1:
        require_step_shape(tuple(values.values.shape[1:]), column)
        return values.with_values(tf.reshape(values.values, [tf.shape(values.values)[0], column.num_elements]))
    if values.shape.rank > 3:
        raise ConfigError(
            f"feature {column.key!r}: expected steps of one shape, received {values.shape}, ragged within the steps"
        )
    sizes = values.values.row_lengths()
    checks.require(
        tf.equal(sizes, column.num_elements),
        f"feature {column.key!r}: expected {column.num_elements} values in each step, received a step of",
        sizes,
    )
    return values
