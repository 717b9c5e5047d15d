"""From a batch to `[B,T,D]`: each column's vectors, side by side in the order of the columns' names."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from lengthwise.columns import (
    BucketizedColumn,
    DenseColumn,
    EmbeddingColumn,
    EmbeddingSpec,
    IdentityColumn,
    NumericColumn,
    SharedEmbeddingColumn,
)
from lengthwise.layers.reading.batch_checks import PLACE
from lengthwise.layers.reading.batch_inputs import Batch
from lengthwise.layers.reading.dense_steps import DenseSteps
from lengthwise.layers.reading.number_dtypes import of_the_column, with_default
from lengthwise.layers.tables.layer_plan import LayerPlan, table_name
from lengthwise.layers.vectors.bucket_ids import bucket_ids
from lengthwise.layers.vectors.embedding_vectors import count, embed, factors_of, poisoned, real_ids
from lengthwise.tensor import REFUSED


def input_layer(plan: LayerPlan, batch: Batch, tables: Mapping[str, Any], dtype: str) -> tuple[Any, Any]:
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
        column_vectors(column, batch.steps[position], batch.valid, tables, dtype)
        for column, position in zip(plan.columns, plan.source_of, strict=True)
    ]
    joined = vectors[0] if len(vectors) == 1 else ops.concatenate(vectors, axis=-1)
    inputs, lengths = batch.checks.attach(joined, batch.lengths)
    return inputs, lengths


def column_vectors(column: DenseColumn, steps: DenseSteps, valid: Any, tables: Mapping[str, Any], dtype: str) -> Any:
    """The column's `[B,T,num_elements]`."""
    if isinstance(column, NumericColumn):
        return ops.cast(_numbers(column, steps, valid), dtype)
    source, ids = column.categorical_column, steps.values
    if isinstance(source, BucketizedColumn):
        ids = _bucket_ids(source, steps, valid)
    safe, counts = real_ids(ids, valid, source.num_buckets)
    spec = _spec(column)
    factors = factors_of(counts, steps.weights, "sum" if spec is None else spec.combiner, dtype)
    if may_refuse(source):
        factors = poisoned(factors, ids, valid)
    if spec is None:
        return count(safe, factors, column.num_elements, dtype)
    name = table_name(column)
    assert name is not None
    return embed(tables[name], safe, factors, spec, dtype)


def _spec(column: DenseColumn) -> EmbeddingSpec | None:
    if isinstance(column, SharedEmbeddingColumn):
        return column.shared
    return column if isinstance(column, EmbeddingColumn) else None


def _numbers(column: NumericColumn, steps: DenseSteps, valid: Any) -> Any:
    """Normalised numbers; padding, and what sparse input leaves out, stays default_value."""
    numbers = of_the_column(steps.values, column)
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


def _bucket_ids(column: BucketizedColumn, steps: DenseSteps, valid: Any) -> Any:
    source = column.source_column
    # Without a normalizer as they came: to cast them first could move them over a boundary. Padding has no bucket.
    numbers = steps.values if source.normalizer_fn is None else _numbers(source, steps, valid)
    return bucket_ids(ops.squeeze(numbers, -1), column.limits)


def may_refuse(source: Any) -> bool:
    """Whether ids of the source can be REFUSED."""
    if isinstance(source, NumericColumn | BucketizedColumn):
        return False
    # Of the others, also those without such a policy refuse what is no id, where they are given ids.
    return not isinstance(source, IdentityColumn) or source.oov == "error"


def _require_accepted(source: Any, steps: DenseSteps, batch: Batch) -> None:
    refused = ops.equal(steps.values, REFUSED)
    if len(refused.shape) == 3:
        refused = ops.any(refused, axis=2)
    batch.checks.require(
        ops.logical_not(ops.any(ops.logical_and(batch.valid, refused), axis=1)),
        f"feature {source.key!r}: a value has none of the column's {source.num_buckets} ids, and its oov policy "
        "accepts no such value (oov 'zero' or a default_value would); first in row",
        PLACE,
    )
