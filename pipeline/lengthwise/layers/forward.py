"""From a batch to `[B,T,D]`: each column's vectors, side by side in the order of the columns' names."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from lengthwise.columns import (
    BucketizedColumn,
    DenseColumn,
    IdentityColumn,
    IndicatorColumn,
    NumericColumn,
    SharedEmbeddingColumn,
)
from lengthwise.layers.checks import ROW
from lengthwise.layers.embed import count, embed
from lengthwise.layers.inputs import Batch
from lengthwise.layers.plan import LayerPlan, table_name
from lengthwise.layers.steps import Steps
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
        if not isinstance(source, NumericColumn) and _may_refuse(source):
            _require_accepted(source, steps, batch)
    vectors = [
        column_vectors(column, batch.steps[position], batch.valid, tables, dtype)
        for column, position in zip(plan.columns, plan.source_of, strict=True)
    ]
    joined = vectors[0] if len(vectors) == 1 else ops.concatenate(vectors, axis=-1)
    inputs, lengths = batch.checks.attach(joined, batch.lengths)
    return inputs, lengths


def column_vectors(column: DenseColumn, steps: Steps, valid: Any, tables: Mapping[str, Any], dtype: str) -> Any:
    """The column's `[B,T,num_elements]`."""
    if isinstance(column, NumericColumn):
        return ops.cast(_numbers(column, steps, valid), dtype)
    ids = steps.values
    if isinstance(column.categorical_column, BucketizedColumn):
        ids = _bucket_ids(column.categorical_column, steps, valid)
    if isinstance(column, IndicatorColumn):
        return count(ids, steps.weights, valid, column.num_elements, dtype)
    spec = column.shared if isinstance(column, SharedEmbeddingColumn) else column
    name = table_name(column)
    assert name is not None
    return embed(tables[name], ids, steps.weights, valid, spec, dtype)


def _numbers(column: NumericColumn, steps: Steps, valid: Any) -> Any:
    """Normalised numbers; padding, and what sparse input leaves out, stays default_value."""
    numbers = ops.cast(steps.values, "float64" if column.dtype == "float64" else "float32")
    if column.normalizer_fn is not None:
        shape = ops.shape(numbers)
        by_step = ops.reshape(numbers, (*shape[:2], *column.shape))
        numbers = ops.reshape(ops.convert_to_tensor(column.normalizer_fn(by_step)), shape)
    elif not steps.is_dense:
        return numbers  # sparse and ragged input was padded with default_value when it was made dense
    present = ops.expand_dims(valid, -1) if steps.present is None else steps.present
    return ops.where(present, numbers, ops.cast(column.default_value, numbers.dtype))


def _bucket_ids(column: BucketizedColumn, steps: Steps, valid: Any) -> Any:
    numbers = ops.squeeze(_numbers(column.source_column, steps, valid), -1)
    return ops.digitize(numbers, column.boundaries)


def _may_refuse(source: Any) -> bool:
    # Of the others, also those without such a policy refuse what is no id, where they are given ids.
    return not isinstance(source, IdentityColumn) or source.oov == "error"


def _require_accepted(source: Any, steps: Steps, batch: Batch) -> None:
    valid = batch.valid if len(steps.values.shape) == 2 else ops.expand_dims(batch.valid, -1)
    batch.checks.require(
        ops.logical_not(ops.logical_and(valid, ops.equal(steps.values, REFUSED))),
        f"feature {source.key!r}: a value has none of the column's {source.num_buckets} ids, and its oov policy "
        "accepts no such value (oov 'zero' or a default_value would); first in row",
        ROW,
    )
