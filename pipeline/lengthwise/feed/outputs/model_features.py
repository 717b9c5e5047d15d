"""The requirements of a model: the features that it reads, and the side of their padding.

The features are the names of its inputs if it has named inputs, else those that its traced graph uses.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.datasets.epochs import without_autograph
from lengthwise.padding_side import Padding, SidedInputs, checked_padding
from lengthwise.tensor.tensor_types import Operation, TensorSpec

if TYPE_CHECKING:
    import keras


def features_read(model: "keras.Model", batch: Mapping[str, TensorSpec]) -> tuple[str, ...]:
    """The keys of a batch that the model's output depends on, sorted.

    A model without named inputs is traced once: a feature counts as read if any output, or any assertion of the graph,
    depends on it.

    Args:
        model: a callable of a dict of tensors, such as a Keras model; it is built if necessary.
        batch: a `tf.TensorSpec` for each key of a batch.
    """
    named = _input_names(model)
    if named is not None:
        return tuple(sorted(named))
    traced = tf.function(without_autograph(lambda features: model(features, training=False)), autograph=False)
    graph = traced.get_concrete_function(dict(batch)).graph
    reached = _ancestors([tensor.op for tensor in graph.outputs] + list(graph.control_outputs))
    placeholders = zip(sorted(batch), graph.inputs[: len(batch)], strict=True)
    return tuple(key for key, tensor in placeholders if tensor.op.name in reached)


def padding_of(model: "keras.Model", padding: Padding | None) -> Padding:
    """The side of the padding of a model's batches: the given side, or that of its `SequenceFeatures`, or the right.

    Raises:
        ConfigError: they differ.
    """
    layers = getattr(model, "_flatten_layers", lambda: ())()
    sides = {layer.padding for layer in layers if isinstance(layer, SidedInputs)}
    default: Padding = next(iter(sides), "right")
    side = checked_padding(padding or default)
    if sides - {side}:
        other = next(iter(sides - {side}))
        raise ConfigError(
            f"padding: expected {other!r}, as in a SequenceFeatures layer of the model, received {side!r}; "
            "use the same side for both"
        )
    return side


def _input_names(model: "keras.Model") -> tuple[str, ...] | None:
    """The names of a functional Keras model's inputs; None for other models, such as subclasses or a Sequential."""
    inputs = getattr(model, "_inputs_struct", None)
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        return tuple(inputs)
    return tuple(tensor.name for tensor in tf.nest.flatten(inputs))


def _ancestors(operations: Iterable[Operation]) -> set[str]:
    """The names of the operations and of all operations that they depend on."""
    names: set[str] = set()
    waiting = list(operations)
    while waiting:
        operation = waiting.pop()
        if operation.name not in names:
            names.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return names
