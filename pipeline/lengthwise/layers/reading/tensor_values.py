"""Values that are not tensors, as tensors: TF 1.x's `SparseTensorValue`, `RaggedTensorValue`, JAX's large integers."""

from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt

from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import FeatureTensor, FeatureTensors

_VALUES = ("SparseTensorValue", "RaggedTensorValue")


def as_tensors(features: FeatureTensors | FeatureTensor) -> FeatureTensors | FeatureTensor:
    """The features, a dict or a single one, with tensors in place of such values; all others unchanged.

    Raises:
        ConfigError: JAX would wrap integers around.
    """
    if not isinstance(features, Mapping):
        return _as_tensor("the feature", features)
    converted = {key: _as_tensor(f"feature {key!r}", value) for key, value in features.items()}
    return converted if any(converted[key] is not features[key] for key in converted) else features


def _as_tensor(name: str, value: FeatureTensor) -> FeatureTensor:
    if keras.backend.backend() == "jax" and isinstance(value, np.ndarray):
        _require_32_bits(name, value)
    if keras.backend.backend() != "tensorflow" or type(value).__name__ not in _VALUES:
        return value
    import tensorflow as tf

    if type(value).__name__ == "SparseTensorValue":
        return tf.SparseTensor.from_value(value)
    return tf.RaggedTensor.from_nested_row_splits(value.flat_values, value.nested_row_splits)


def _require_32_bits(name: str, value: npt.NDArray[np.generic]) -> None:
    import jax  # type: ignore[import-not-found, unused-ignore]

    if value.dtype.name not in ("int64", "uint64") or not value.size or jax.config.jax_enable_x64:
        return
    limits = np.iinfo(value.dtype.name.replace("64", "32"))
    if value.min() < limits.min or value.max() > limits.max:
        raise ConfigError(
            f"{name}: expected integers in [{limits.min}, {limits.max}], since JAX is without 64 bits, received some "
            f"from {value.min()} to {value.max()}; call jax.config.update('jax_enable_x64', True) before all else"
        )
