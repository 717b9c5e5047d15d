"""From a batch to `[B,T,D]`: each column's vectors, concatenated in the order of the columns' names."""

from keras import ops

from lengthwise.columns import (
    BucketizedColumn,
    DenseColumn,
    IdColumn,
    IdentityColumn,
    LayerFeature,
    NumericColumn,
)
from lengthwise.layers.keras_types import BackendTensor, Tables
from lengthwise.layers.planning.layer_plan import LayerPlan, table_of
from lengthwise.layers.reading.batch_checks import FIRST_FAILURE
from lengthwise.layers.reading.batch_inputs import LayerBatch
from lengthwise.layers.reading.dense_steps import DenseSteps
from lengthwise.layers.reading.number_dtypes import in_column_dtype, with_default
from lengthwise.layers.vectors.bucket_ids import bucketize
from lengthwise.layers.vectors.embedding_vectors import embed, id_counts, id_factors, nan_where_refused, safe_ids
from lengthwise.tensor import REFUSED


def batch_vectors(
    plan: LayerPlan, batch: LayerBatch, tables: Tables, dtype: str
) -> tuple[BackendTensor, BackendTensor]:
    """The layer's outputs `[B,T,D]` and lengths `[B]`.

    Args:
        plan: the columns.
        batch: their features, read.
        tables: the embedding tables, `[num_buckets, dimension]` each, by name.
        dtype: the float dtype of the result.
    """
    for source, steps in zip(plan.sources, batch.steps, strict=True):
        if may_refuse(source):
            _require_accepted(source, steps, batch)
    vectors = [
        vectors_of_column(column, batch.steps[position], batch.valid, tables, dtype)
        for column, position in zip(plan.columns, plan.source_of, strict=True)
    ]
    joined = vectors[0] if len(vectors) == 1 else ops.concatenate(vectors, axis=-1)
    inputs, lengths = batch.checks.attach(joined, batch.lengths)
    return inputs, lengths


def vectors_of_column(
    column: DenseColumn, steps: DenseSteps, valid: BackendTensor, tables: Tables, dtype: str
) -> BackendTensor:
    """The column's `[B,T,num_elements]`."""
    if isinstance(column, NumericColumn):
        return ops.cast(_numbers(column, steps, valid), dtype)
    source, ids = column.categorical_column, steps.values
    if isinstance(source, BucketizedColumn):
        ids = _bucket_ids(source, steps, valid)
    safe, counts = safe_ids(ids, valid, source.num_buckets)
    table = table_of(column)
    factors = id_factors(counts, steps.weights, "sum" if table is None else table.spec.combiner, dtype)
    if may_refuse(source):
        factors = nan_where_refused(factors, ids, valid)
    if table is None:
        return id_counts(safe, factors, column.num_elements, dtype)
    return embed(tables[table.name], safe, factors, table.spec, dtype)


def may_refuse(source: LayerFeature | BucketizedColumn) -> bool:
    """Whether ids of the source can be REFUSED."""
    if isinstance(source, NumericColumn | BucketizedColumn):
        return False
    # Hash and vocabulary columns without such a policy too refuse invalid ids if they receive ids.
    return not isinstance(source, IdentityColumn) or source.oov == "error"


def _numbers(column: NumericColumn, steps: DenseSteps, valid: BackendTensor) -> BackendTensor:
    """Normalised numbers; padding, and numbers that sparse input lacks, stay default_value."""
    numbers = in_column_dtype(steps.values, column)
    if column.normalizer_fn is not None:
        shape = ops.shape(numbers)
        by_step = ops.reshape(numbers, (*shape[:2], *column.shape))
        numbers = ops.reshape(ops.convert_to_tensor(column.normalizer_fn(by_step)), shape)
    elif steps.is_padded:
        return numbers
    present = ops.expand_dims(valid, -1)
    if steps.present is not None:
        present = ops.logical_and(present, steps.present)
    return with_default(present, numbers, column)


def _bucket_ids(column: BucketizedColumn, steps: DenseSteps, valid: BackendTensor) -> BackendTensor:
    source = column.source_column
    # Without a normalizer the numbers are not cast: that could move them over a boundary. Padding has no bucket.
    numbers = steps.values if source.normalizer_fn is None else _numbers(source, steps, valid)
    return bucketize(ops.squeeze(numbers, -1), column.boundary_values)


def _require_accepted(source: LayerFeature, steps: DenseSteps, batch: LayerBatch) -> None:
    assert isinstance(source, IdColumn)
    refused = ops.equal(steps.values, REFUSED)
    if len(refused.shape) == 3:
        refused = ops.any(refused, axis=2)
    batch.checks.require(
        ops.logical_not(ops.any(ops.logical_and(batch.valid, refused), axis=1)),
        f"feature {source.key!r}: a value has none of the column's {source.num_buckets} ids, and its oov policy "
        "accepts no such value (oov 'zero' or a default_value would); first in row",
        FIRST_FAILURE,
    )
