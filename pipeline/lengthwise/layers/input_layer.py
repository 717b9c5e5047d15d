"""`sequence_input_layer`: the function of `tf.contrib.feature_column`, in graphs, Keras models and eager code."""

from collections.abc import Iterable

import keras

from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, FeatureTensors
from lengthwise.layers.planning.layer_plan import ColumnsLike, LayerPlan, plan_columns
from lengthwise.layers.reading.batch_inputs import read_batch
from lengthwise.layers.reading.column_lookups import cached_lookups, make_lookups
from lengthwise.layers.reading.tensor_values import as_tensors
from lengthwise.layers.sequence_features import SequenceFeatures
from lengthwise.layers.tracing import unconverted
from lengthwise.layers.vectors.column_vectors import batch_vectors
from lengthwise.padding_side import Padding


@unconverted
def sequence_input_layer(
    features: FeatureTensors | FeatureTensor,
    feature_columns: ColumnsLike,
    weight_collections: Iterable[str] | None = None,
    trainable: bool = True,
    *,
    padding: Padding = "right",
) -> tuple[BackendTensor, BackendTensor]:
    """Builds the input of a sequence model: `[batch, T, D]` and the sequences' lengths.

    The place of the weights depends on where the function is called:

    - in a `tf.Graph`: in variables, as in TF 1.15: `sequence_input_layer/<column>/embedding_weights`, `_1` for the
      second call, shared through an outer `variable_scope(reuse=True)`; shared embeddings are shared by all calls.
      Their initial weights follow `tf.compat.v1.set_random_seed`; the initializer of a column has its own seed, or one
      from `keras.utils.set_random_seed`;
    - on Keras tensors: in a new `SequenceFeatures` layer of the model;
    - in eager code and in a `tf.function`: nowhere. If columns need weights, the error shows the layer to write.

    Args:
        features: a dict of dense, sparse or ragged tensors, or of `SparseTensorValue`, by key, see `SequenceFeatures`.
        feature_columns: numeric, embedding, shared embedding and indicator columns of `lengthwise` or of
            `tf.feature_column.*`.
        weight_collections: in a `tf.Graph`: names of collections to which the variables are added, in addition to
            GLOBAL_VARIABLES.
        trainable: whether the variables are added to TRAINABLE_VARIABLES, or the layer is trainable.
        padding: the side of a sequence on which its padding is, in dense features and in the result.

    Returns:
        `(input_layer, sequence_length)`: float `[batch, T, D]`, columns sorted by name on the D axis, and int64
        `[batch]`.

    Raises:
        ConfigError: a ValueError; see `SequenceFeatures`, or weights are needed in eager code.

    Example:
    >>> import tensorflow as tf, lengthwise as lw
    >>> colors = lw.sequence_categorical_column_with_vocabulary_list("colors", ["R", "G"])
    >>> features = {"colors": tf.ragged.constant([["G"], ["R", "B"]])}
    >>> inputs, lengths = lw.sequence_input_layer(features, [lw.indicator_column(colors)])
    >>> inputs.numpy().tolist(), lengths.numpy().tolist()
    ([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]], [1, 2])
    """
    plan, features = plan_columns(feature_columns, padding=padding), as_tensors(features)
    values = list(features.values()) if isinstance(features, dict) else [features]
    if any(keras.backend.is_keras_tensor(value) for value in values):
        layer = SequenceFeatures(plan.columns, padding=padding, return_lengths=True, trainable=trainable)
        inputs, lengths = layer(features)
        return inputs, lengths
    if _in_graph():
        from lengthwise.layers.tf1_graph import graph_input_layer

        return graph_input_layer(plan, features, weight_collections, trainable)
    if plan.tables:
        raise ConfigError(_advice_to_write_a_layer(plan))
    lookups = cached_lookups(plan) if keras.backend.backend() == "tensorflow" else make_lookups(plan)
    batch = read_batch(plan, features, None, lookups)
    return batch_vectors(plan, batch, {}, "float32")


def _in_graph() -> bool:
    """Whether operations are added to a `tf.Graph` in TF 1 style."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.executing_eagerly() and not tf.compat.v1.get_default_graph().building_function


def _advice_to_write_a_layer(plan: LayerPlan) -> str:
    names = ", ".join(plan.tables)
    return (
        f"sequence_input_layer: the weights of {names} need an owner that outlives the call. Outside of a tf.Graph, "
        "write once\n    layer = lengthwise.SequenceFeatures(feature_columns)\nand call it for each batch\n"
        "    input_layer, sequence_length = layer(features)"
    )
