"""Initializers as plain values, so that a column with one can be written to YAML, JSON and a saved model.

Keras and TensorFlow are never imported here: their objects are recognised by their class and read with `get_config`.
"""

import math
from typing import Any


def initializer_config(initializer: Any) -> Any:
    """Converts a Keras or TensorFlow initializer to a Keras config; other values are returned unchanged.

    TensorFlow's initializers have Keras counterparts with the same class names and arguments, except the dtype, which
    is omitted. Arrays become part of the config, as in Keras: the whole of a pretrained table.
    """
    module = type(initializer).__module__
    if not hasattr(initializer, "get_config") or isinstance(initializer, type):
        return initializer
    if module.startswith("keras."):
        return _config(type(initializer).__name__, initializer.get_config())
    if module.startswith(("tensorflow.", "tf_keras.")):
        return _config(type(initializer).__name__, _keras_settings(initializer.get_config()))
    return initializer  # a user's class: Keras saves it if it is registered


def is_default_initializer(initializer: Any, dimension: int) -> bool:
    """Whether this is TensorFlow's default initializer for an embedding of `dimension`."""
    if initializer is None:
        return True
    if type(initializer).__name__ != "TruncatedNormal" or not hasattr(initializer, "get_config"):
        return False
    settings = initializer.get_config()
    return (
        settings["mean"] == 0.0
        and math.isclose(settings["stddev"], 1 / math.sqrt(dimension), rel_tol=1e-9)
        and settings.get("seed") is None
    )


def _keras_settings(settings: dict[str, Any]) -> dict[str, Any]:
    settings = {name: _json_value(value) for name, value in settings.items() if name != "dtype"}
    if settings.get("maxval", 1.0) is None:
        settings["maxval"] = 1.0
    return settings


def _json_value(value: Any) -> Any:
    """Numbers and arrays of numpy in the form of Keras configs."""
    if not hasattr(value, "tolist"):
        return value
    numbers = value.tolist()
    if not isinstance(numbers, list):
        return numbers
    return {"class_name": "__numpy__", "config": {"value": numbers, "dtype": value.dtype.name}}


def _config(class_name: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": class_name, "config": settings}
