"""`sequence_input_layer` in a `tf.Graph`: variable scopes, names, reuse and collections as in TF 1.15."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from lengthwise.columns import DenseColumn, SharedEmbeddingColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_inputs import by_key, read_batch
from lengthwise.layers.reading.column_lookups import make_lookups
from lengthwise.layers.tables.checkpoint_weights import VARIABLE, first_weights
from lengthwise.layers.tables.layer_plan import EmbeddingTable, LayerPlan, table_name
from lengthwise.layers.vectors import column_vectors

_v1 = tf.compat.v1


def graph_input_layer(
    plan: LayerPlan, features: Any, weight_collections: Iterable[str] | None, trainable: bool
) -> tuple[Any, Any]:
    """The layer's outputs, its variables made or found in the current variable scope."""
    features = by_key(plan, features)
    collections = _collections(weight_collections)
    with _v1.variable_scope(None, default_name="sequence_input_layer", values=_tensors(features)):
        tables: dict[str, Any] = {}
        for column in plan.columns:
            name = table_name(column)
            # A scope for every column, also for those without a table: scopes of equal names are numbered.
            with _v1.variable_scope(None, default_name=name or column.name):
                if name is not None and name not in tables:
                    tables[name] = _variable(column, plan.tables[name], collections, trainable)
        batch = read_batch(plan, features, None, make_lookups(plan))
        return column_vectors.input_layer(plan, batch, tables, "float32")


def _variable(column: DenseColumn, table: EmbeddingTable, collections: list[str] | None, trainable: bool) -> Any:
    if not isinstance(column, SharedEmbeddingColumn):
        return _new_variable(table, collections, trainable)
    # As TensorFlow does: the shared table is found again, by any later call, in a collection of its own name.
    found = _v1.get_collection(table.name)
    if not found:
        variable = _new_variable(table, collections, trainable)
        _v1.add_to_collection(table.name, variable)
        return variable
    shape = (table.num_buckets, table.spec.dimension)
    if len(found) > 1 or tuple(found[0].shape) != shape:
        raise ConfigError(
            f"shared embedding {table.name!r}: expected the graph's collection of that name to hold one variable of "
            f"shape {shape}, received {found}; use another shared_embedding_collection_name"
        )
    return found[0]


def _new_variable(table: EmbeddingTable, collections: list[str] | None, trainable: bool) -> Any:
    shape = (table.num_buckets, table.spec.dimension)
    return _v1.get_variable(
        VARIABLE,
        shape=shape,
        dtype=tf.float32,
        initializer=_initializer(table),
        trainable=table.spec.trainable and trainable,
        collections=collections,
    )


def _initializer(table: EmbeddingTable) -> Any:
    if table.spec.initializer is None and table.spec.ckpt_to_load_from is None:
        # It follows the graph's seed; the initializers of Keras take theirs from Python's random numbers.
        return _v1.truncated_normal_initializer(stddev=1 / math.sqrt(table.spec.dimension))
    make = first_weights(table)

    def initialize(shape: Any, dtype: Any = tf.float32, **_: Any) -> Any:
        return make(shape, dtype=dtype.name)

    return initialize


def _collections(names: Iterable[str] | None) -> list[str] | None:
    if names is None:
        return None
    names = list(names)
    extra = [] if _v1.GraphKeys.GLOBAL_VARIABLES in names else [_v1.GraphKeys.GLOBAL_VARIABLES]
    return names + extra


def _tensors(features: Mapping[str, Any]) -> list[Any]:
    return [part for value in features.values() for part in tf.nest.flatten(value, expand_composites=True)]
