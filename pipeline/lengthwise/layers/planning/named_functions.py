"""Initializers and normalizers that a configuration names.

The writer of a saved model chooses the names, and Keras finds nearly all its objects by name: layers that read files,
functions that download. So a name is looked up only among the objects that this process has registered with Keras,
Keras's initializers, and a few layers and functions of numbers.
"""

from collections.abc import Callable, Mapping

import keras
import numpy as np

from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, Initializer

_NUMBERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_DTYPES = (*_NUMBERS, "float16", "float32", "float64")
_LAYERS = ("Rescaling", "Normalization")
_NO_ACTIVATIONS = ("deserialize", "get", "serialize")


def initializer_of(given: object) -> Initializer:
    """The initializer: given as an object, by its name, or by its config.

    Raises:
        ValueError: it is neither one of Keras's nor registered, or its config contains more than numbers.
        TypeError: the config has other arguments than the initializer.
    """
    if not isinstance(given, Mapping):
        return keras.initializers.get(given)
    if _is_registered(given):
        return keras.initializers.get(dict(given))
    name, settings = given.get("class_name"), given.get("config") or {}
    if not isinstance(name, str) or not isinstance(settings, Mapping):
        raise ValueError(f"its config says {name!r} with {settings!r}")
    # By its name alone Keras creates any initializer but the constant, which needs its value.
    kind = keras.initializers.Constant if name.lower() == "constant" else type(keras.initializers.get(name))
    return kind(**{key: _setting(key, value) for key, value in settings.items()})


def normalizer_of(config: object) -> Callable[[BackendTensor], BackendTensor]:
    """The function or object of a config of `keras.saving.serialize_keras_object`.

    Raises:
        ConfigError: loading it is not allowed, or fails.
    """
    try:
        _require_allowed(config)
        function = keras.saving.deserialize_keras_object(config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            "normalizer_fn: the saved function cannot be found; register it with "
            f"keras.saving.register_keras_serializable before saving and before loading: {error}"
        ) from error
    if not callable(function):
        raise ConfigError(f"normalizer_fn: expected a function, received {function!r}")
    return function


def _require_allowed(config: object) -> None:
    if not isinstance(config, Mapping):
        raise TypeError(f"expected its config, received {config!r}")
    name = config.get("class_name")
    if name == "__lambda__" or _is_registered(config):  # for lambdas Keras asks whether the file is trusted
        return
    if name == "function" and config.get("module") == "builtins" and _is_activation(config.get("config")):
        return
    if name in _LAYERS and config.get("module") == "keras.layers":
        _require_simple_settings(config.get("config"))
        return
    raise ValueError(f"{name!r} of {config.get('module')!r} is not allowed, since it was not registered")


def _is_registered(config: Mapping[str, object]) -> bool:
    """Whether this process has registered the object, or has it in a scope of custom objects."""
    name = config.get("class_name")
    name = config.get("config") if name == "function" else config.get("registered_name") or name
    return isinstance(name, str) and keras.saving.get_registered_object(name) is not None


def _is_activation(name: object) -> bool:
    if not isinstance(name, str) or name.startswith("_") or name in _NO_ACTIVATIONS:
        return False
    return callable(getattr(keras.activations, name, None))


def _setting(name: str, value: object) -> object:
    """An initializer's argument: a number, a string, an array, or a generator of seeds."""
    if isinstance(value, Mapping):
        kind, content = value.get("class_name"), value.get("config")
        if not isinstance(content, Mapping):
            raise ValueError(f"{name}: expected a number, received {kind!r}")
        if name == "seed" and kind == "SeedGenerator":
            return keras.random.SeedGenerator(seed=content.get("seed"))
        if kind not in ("__numpy__", "__tensor__") or content.get("dtype") not in _DTYPES:
            raise ValueError(f"{name}: expected a number or an array of numbers, received {kind!r}")
        return np.array(content["value"], content["dtype"])
    return np.asarray(value, "float64") if isinstance(value, list | tuple) else value


def _require_simple_settings(settings: object) -> None:
    """Raises ValueError unless a layer's settings are numbers, strings, lists of them, and Keras's dtype policy."""
    remaining = [settings]
    while remaining:
        value = remaining.pop()
        if isinstance(value, Mapping):
            kind = value.get("class_name")
            if kind == "__numpy__" and value["config"]["dtype"] not in _DTYPES:
                raise ValueError(f"an array of {value['config']['dtype']!r} is not allowed")
            if kind not in (None, "DTypePolicy", "__numpy__"):
                raise ValueError(f"{kind!r} is not allowed in it")
            remaining.extend(value.values())
        elif isinstance(value, list | tuple):
            remaining.extend(value)
