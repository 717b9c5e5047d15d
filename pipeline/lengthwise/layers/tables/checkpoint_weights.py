"""Initial weights of embedding tables: from an initializer, or from a tensor of a checkpoint, also one of TF 1.x."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, Initializer, StaticShape
from lengthwise.layers.planning.layer_plan import EmbeddingTable, LayerPlan
from lengthwise.layers.planning.named_functions import initializer_of

VARIABLE = "embedding_weights"
"""TensorFlow's name for the variable of an embedding column, in the variable scope named after the column."""

Weights = npt.NDArray[Any]
"""The values of a table as a numpy array."""


def initial_weights(table: EmbeddingTable) -> Initializer:
    """The Keras initializer that returns the table's initial weights.

    Raises:
        ConfigError: the initializer is not one of Keras's, or the checkpoint has no such tensor of the table's shape.
    """
    spec = table.spec
    if spec.ckpt_to_load_from is not None:
        assert spec.tensor_name_in_ckpt is not None
        values = read_tensor(spec.ckpt_to_load_from, spec.tensor_name_in_ckpt, table.shape)
        return keras.initializers.Constant(values)
    if spec.initializer is None:
        return keras.initializers.TruncatedNormal(mean=0.0, stddev=1 / math.sqrt(spec.dimension))
    try:
        initializer = initializer_of(spec.initializer)
        if _takes_partitions(initializer):
            return _without_partitions(initializer)
        return _in_table_shape(initializer, table.shape)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"initializer of {table.name!r}: expected a Keras initializer, its name or its config: {error}"
        ) from error


def read_tf1_tables(checkpoint: str, scope: str, plan: LayerPlan) -> dict[str, Weights]:
    """The plan's tables by table name, from `<scope>/<table>/embedding_weights`."""
    return {
        name: read_tensor(checkpoint, f"{scope}/{name}/{VARIABLE}", table.shape) for name, table in plan.tables.items()
    }


def read_tensor(checkpoint: str, name: str, shape: tuple[int, int]) -> Weights:
    """The checkpoint's tensor of that name.

    Raises:
        ConfigError: the checkpoint cannot be read, or has no such tensor; the message lists its tensors.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(checkpoint)
    except (ValueError, tf.errors.OpError) as error:
        raise ConfigError(f"checkpoint {checkpoint}: expected a TensorFlow checkpoint: {error}") from error
    shapes = {key: tuple(size) for key, size in reader.get_variable_to_shape_map().items()}
    if shapes.get(name) != shape:
        known = ", ".join(f"{key} {list(size)}" for key, size in sorted(shapes.items())) or "nothing"
        raise ConfigError(f"checkpoint {checkpoint}: expected {name!r} of shape {list(shape)}; it contains {known}")
    return reader.get_tensor(name)


def _takes_partitions(initializer: Initializer) -> bool:
    """Whether it is one of TF 1.x, called with (shape, dtype, partition_info). TensorFlow also decides by the name."""
    try:
        return "partition_info" in inspect.signature(initializer).parameters
    except (TypeError, ValueError):  # a function of C, without a signature
        return False


def _without_partitions(initializer: Callable[..., BackendTensor]) -> Initializer:
    """The initializer as Keras calls it, for a table that is not partitioned."""

    def initialize(shape: StaticShape, dtype: Any = None) -> BackendTensor:
        import tensorflow as tf

        table_dtype = tf.as_dtype(dtype or tf.float32)
        weights = initializer(list(shape), dtype=table_dtype, partition_info=None)
        return tf.convert_to_tensor(weights, table_dtype)

    return initialize


def _in_table_shape(initializer: Initializer, shape: tuple[int, int]) -> Initializer:
    """The initializer; a constant of the table's numbers in the table's shape: TensorFlow accepts flat ones, too."""
    value = getattr(initializer, "value", None)
    is_constant = type(initializer) is keras.initializers.Constant  # a subclass may do something else
    if not is_constant or not isinstance(value, list | np.ndarray):
        return initializer
    numbers = np.asarray(value)
    try:
        weights = numbers.reshape(shape) if numbers.size == math.prod(shape) else np.broadcast_to(numbers, shape)
    except ValueError as error:
        rule = f"a constant of the table's shape {list(shape)}, or of as many numbers"
        raise ValueError(f"{rule}, received one of {list(numbers.shape)}") from error
    return keras.initializers.Constant(weights)
