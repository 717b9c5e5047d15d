"""Embedding tables' first weights: an initializer, or a tensor of a checkpoint, which may be one of TF 1.x."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from lengthwise.errors import ConfigError
from lengthwise.layers.tables.layer_plan import EmbeddingTable, LayerPlan
from lengthwise.layers.tables.named_functions import initializer_of

VARIABLE = "embedding_weights"
"""What TensorFlow calls the variable of an embedding column, in the variable scope named after the column."""


def first_weights(table: EmbeddingTable) -> Any:
    """The Keras initializer that gives the table's first weights.

    Raises:
        ConfigError: the initializer is none of Keras, or the checkpoint has no such tensor of the table's shape.
    """
    spec = table.spec
    if spec.ckpt_to_load_from is not None:
        assert spec.tensor_name_in_ckpt is not None
        values = read_tensor(spec.ckpt_to_load_from, spec.tensor_name_in_ckpt, (table.num_buckets, spec.dimension))
        return keras.initializers.Constant(values)
    if spec.initializer is None:
        return keras.initializers.TruncatedNormal(mean=0.0, stddev=1 / math.sqrt(spec.dimension))
    try:
        initializer = initializer_of(spec.initializer)
        if _takes_partitions(initializer):
            return _without_partitions(initializer)
        return _shaped(initializer, (table.num_buckets, spec.dimension))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"initializer of {table.name!r}: expected a Keras initializer, its name or its config: {error}"
        ) from error


def _takes_partitions(initializer: Any) -> bool:
    """Whether it is one of TF 1.x, called with (shape, dtype, partition_info). TensorFlow, too, goes by the name."""
    try:
        return "partition_info" in inspect.signature(initializer).parameters
    except (TypeError, ValueError):  # a function of C, without a signature
        return False


def _without_partitions(initializer: Any) -> Callable[..., Any]:
    """It as Keras calls initializers, of a table in one piece."""

    def initialize(shape: Any, dtype: Any = None) -> Any:
        import tensorflow as tf

        given = tf.as_dtype(dtype or tf.float32)
        return tf.convert_to_tensor(initializer(list(shape), dtype=given, partition_info=None), given)

    return initialize


def _shaped(initializer: Any, shape: tuple[int, int]) -> Any:
    """The initializer, a constant of the table's numbers in its shape: TensorFlow takes them flat, too."""
    if type(initializer) is not keras.initializers.Constant or not isinstance(initializer.value, list | np.ndarray):
        return initializer
    numbers = np.asarray(initializer.value)
    try:
        fitting = numbers.reshape(shape) if numbers.size == math.prod(shape) else np.broadcast_to(numbers, shape)
    except ValueError as error:
        rule = f"a constant of the table's shape {list(shape)}, or of as many numbers"
        raise ValueError(f"{rule}, received one of {list(numbers.shape)}") from error
    return keras.initializers.Constant(fitting)


def read_tf1_tables(checkpoint: str, scope: str, plan: LayerPlan) -> dict[str, Any]:
    """The plan's tables, as numpy arrays by table name, from `<scope>/<table>/embedding_weights`."""
    return {
        name: read_tensor(checkpoint, f"{scope}/{name}/{VARIABLE}", (table.num_buckets, table.spec.dimension))
        for name, table in plan.tables.items()
    }


def read_tensor(checkpoint: str, name: str, shape: tuple[int, int]) -> Any:
    """The checkpoint's tensor of that name.

    Raises:
        ConfigError: the checkpoint cannot be read, or has no such tensor; the message lists those that it has.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(checkpoint)
    except (ValueError, tf.errors.OpError) as error:
        raise ConfigError(f"checkpoint {checkpoint}: expected a TensorFlow checkpoint: {error}") from error
    shapes = {key: tuple(size) for key, size in reader.get_variable_to_shape_map().items()}
    if shapes.get(name) != shape:
        known = ", ".join(f"{key} {list(size)}" for key, size in sorted(shapes.items())) or "nothing"
        raise ConfigError(f"checkpoint {checkpoint}: expected {name!r} of shape {list(shape)}; it holds {known}")
    return reader.get_tensor(name)
