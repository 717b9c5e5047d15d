"""`sequence_input_layer` in a `tf.Graph`: variable scopes, names, reuse and collections as in TF 1.15."""

import math
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from lengthwise.columns import DenseColumn, SharedEmbeddingColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, FeatureTensors, Initializer, StaticShape
from lengthwise.layers.planning.layer_plan import EmbeddingTable, LayerPlan, table_of
from lengthwise.layers.reading.batch_inputs import read_batch, tensors_by_key
from lengthwise.layers.reading.column_lookups import make_lookups
from lengthwise.layers.tables.checkpoint_weights import VARIABLE, initial_weights
from lengthwise.layers.vectors.column_vectors import batch_vectors

_v1 = tf.compat.v1


def graph_input_layer(
    plan: LayerPlan,
    features: FeatureTensors | FeatureTensor,
    weight_collections: Iterable[str] | None,
    trainable: bool,
) -> tuple[BackendTensor, BackendTensor]:
    """The layer's outputs; its variables are created or found in the current variable scope."""
    features = tensors_by_key(plan, features)
    collections = _collections(weight_collections)
    tensors = tf.nest.flatten(list(features.values()), expand_composites=True)
    with _v1.variable_scope(None, default_name="sequence_input_layer", values=tensors):
        tables: dict[str, tf.Variable] = {}
        for column in plan.columns:
            table = table_of(column)
            # A scope for every column, even without a table: scopes of equal names are numbered.
            with _v1.variable_scope(None, default_name=column.name if table is None else table.name):
                if table is not None and table.name not in tables:
                    tables[table.name] = _variable(column, table, collections, trainable)
        batch = read_batch(plan, features, None, make_lookups(plan))
        return batch_vectors(plan, batch, tables, "float32")


def _variable(
    column: DenseColumn, table: EmbeddingTable, collections: list[str] | None, trainable: bool
) -> tf.Variable:
    if not isinstance(column, SharedEmbeddingColumn):
        return _new_variable(table, collections, trainable)
    # As TensorFlow does: any later call finds the shared table in a collection named after it.
    variables = _v1.get_collection(table.name)
    if not variables:
        variable = _new_variable(table, collections, trainable)
        _v1.add_to_collection(table.name, variable)
        return variable
    if len(variables) > 1 or tuple(variables[0].shape) != table.shape:
        raise ConfigError(
            f"shared embedding {table.name!r}: expected the graph's collection of that name to contain one variable of "
            f"shape {table.shape}, received {variables}; use another shared_embedding_collection_name"
        )
    return variables[0]


def _new_variable(table: EmbeddingTable, collections: list[str] | None, trainable: bool) -> tf.Variable:
    return _v1.get_variable(
        VARIABLE,
        shape=table.shape,
        dtype=tf.float32,
        initializer=_initializer(table),
        trainable=table.spec.trainable and trainable,
        collections=collections,
    )


def _initializer(table: EmbeddingTable) -> Initializer:
    if table.spec.initializer is None and table.spec.ckpt_to_load_from is None:
        # It follows the graph's seed; the initializers of Keras get theirs from Python's random numbers.
        return _v1.truncated_normal_initializer(stddev=1 / math.sqrt(table.spec.dimension))
    keras_initializer = initial_weights(table)

    def initialize(shape: StaticShape, dtype: tf.DType = tf.float32, **_: Any) -> BackendTensor:
        return keras_initializer(shape, dtype=dtype.name)

    return initialize


def _collections(names: Iterable[str] | None) -> list[str] | None:
    if names is None:
        return None
    names = list(names)
    extra = [] if _v1.GraphKeys.GLOBAL_VARIABLES in names else [_v1.GraphKeys.GLOBAL_VARIABLES]
    return names + extra
