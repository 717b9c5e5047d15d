"""`SparseTensorValue` and `RaggedTensorValue`, in which TF 1.x keeps tensors as numpy arrays, as tensors."""

from collections.abc import Mapping
from typing import Any

import keras

_VALUES = ("SparseTensorValue", "RaggedTensorValue")


def as_tensors(features: Any) -> Any:
    """The features, a dict or a single one, with tensors for such values; all else unchanged."""
    if keras.backend.backend() != "tensorflow":
        return features
    if not isinstance(features, Mapping):
        return _as_tensor(features)
    if not any(type(value).__name__ in _VALUES for value in features.values()):
        return features
    return {key: _as_tensor(value) for key, value in features.items()}


def _as_tensor(value: Any) -> Any:
    if type(value).__name__ not in _VALUES:
        return value
    import tensorflow as tf

    if type(value).__name__ == "SparseTensorValue":
        return tf.SparseTensor.from_value(value)
    return tf.RaggedTensor.from_nested_row_splits(value.flat_values, value.nested_row_splits)
