"""What a model expects of batches: the features that it reads, and the side of their padding.

Features are known by name where a model has named inputs, else by what its graph makes of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.datasets.epochs import plain
from lengthwise.padding_side import Padding, checked_padding


def input_names(model: Any) -> tuple[str, ...] | None:
    """The names of a functional Keras model's inputs; None where the model has none, as a subclass or a Sequential."""
    inputs = getattr(model, "_inputs_struct", None)
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        return tuple(inputs)
    return tuple(tensor.name for tensor in tf.nest.flatten(inputs))


def keys_read(model: Any, batch: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of a batch that the model's output depends on, sorted.

    A model without named inputs is traced once: a feature counts as read if any output, or any check of the graph, can
    be reached from it.

    Args:
        model: a callable of a dict of tensors, such as a Keras model; it is built if it was not.
        batch: a `tf.TensorSpec` for each key that a batch has.
    """
    named = input_names(model)
    if named is not None:
        return tuple(sorted(named))
    traced = tf.function(plain(lambda features: model(features, training=False)), autograph=False)
    graph = traced.get_concrete_function(dict(batch)).graph
    reached = _ancestors([tensor.op for tensor in graph.outputs] + list(graph.control_outputs))
    placeholders = zip(sorted(batch), graph.inputs[: len(batch)], strict=True)
    return tuple(key for key, tensor in placeholders if tensor.op.name in reached)


def padding_of(model: Any, told: Padding | None) -> Padding:
    """The side of the padding of a model's batches: as told, or as its `SequenceFeatures` layers have it, or the right.

    Raises:
        ConfigError: they do not agree.
    """
    layers = getattr(model, "_flatten_layers", lambda: ())()
    sides = {layer.padding for layer in layers if type(layer).__module__ == "lengthwise.layers.sequence_features"}
    side = checked_padding(told or next(iter(sides), "right"))
    if sides - {side}:
        other = next(iter(sides - {side}))
        raise ConfigError(
            f"padding: expected {other!r}, as a SequenceFeatures layer of the model has it, received {side!r}; give "
            "both the same"
        )
    return side


def _ancestors(operations: Iterable[Any]) -> set[str]:
    """The names of the operations and of all that they need."""
    found: set[str] = set()
    waiting = list(operations)
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found
