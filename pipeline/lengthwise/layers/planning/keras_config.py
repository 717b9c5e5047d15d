"""Columns to the plain values of a Keras config, and back."""

from collections.abc import Callable, Iterable, Mapping

import keras

from lengthwise.columns import AnyColumn, EmbeddingSpec, NumericColumn, feature_of
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import with_changed_parts
from lengthwise.columns.untrusted_columns import columns_from_outside
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import KerasConfig
from lengthwise.layers.planning.named_functions import normalizer_of


def columns_config(columns: Iterable[AnyColumn]) -> list[KerasConfig]:
    """The columns as JSON-compatible dicts. A checkpoint for initial weights is omitted."""
    return [_column_config(column) for column in columns]


def columns_from_config(configs: object) -> list[AnyColumn]:
    """The columns of `columns_config`; columns among them are returned unchanged.

    Raises:
        ConfigError: a field names a file or code that was not registered, or is wrong.
    """
    if not isinstance(configs, list | tuple):
        raise ConfigError(f"columns: expected a list of columns, received {type(configs).__name__}")
    fields = [dict(config) for config in configs if isinstance(config, Mapping)]
    normalizers = [config.pop("normalizer_fn", None) for config in fields]
    columns = iter(map(_with_normalizer, columns_from_outside(fields), normalizers))
    return [next(columns) if isinstance(config, Mapping) else config for config in configs]


def _column_config(column: AnyColumn) -> KerasConfig:
    config: KerasConfig = with_changed_parts(column, _json_compatible).model_dump(mode="json")
    source = feature_of(column)
    if isinstance(source, NumericColumn) and source.normalizer_fn is not None:
        config["normalizer_fn"] = _function_config(source.normalizer_fn)
    return config


def _function_config(function: Callable[..., object]) -> KerasConfig:
    """The function as Keras saves it. A function that could not be loaded is refused now, not when it is loaded."""
    try:
        config: KerasConfig = keras.saving.serialize_keras_object(function)
        if getattr(function, "__name__", "") != "<lambda>":  # Keras warns about it, and needs safe_mode=False to load
            normalizer_of(config)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"normalizer_fn: expected a function that Keras finds again when the model is loaded, received {function}; "
            "write a function with the decorator @keras.saving.register_keras_serializable(), or save and load in a "
            f"keras.saving.custom_object_scope that names it: {error}"
        ) from error
    return config


def _json_compatible(part: Spec) -> dict[str, object]:
    """The fields of an embedding that JSON cannot have, or a saved model must not have, with other values."""
    if not isinstance(part, EmbeddingSpec):
        return {}
    changes: dict[str, object] = {"ckpt_to_load_from": None, "tensor_name_in_ckpt": None}
    if callable(part.initializer):  # an object, or a function
        changes["initializer"] = keras.initializers.serialize(part.initializer)
    return changes


def _with_normalizer(column: AnyColumn, config: object) -> AnyColumn:
    if config is None:
        return column
    if not isinstance(feature_of(column), NumericColumn):
        raise ConfigError(f"normalizer_fn: expected only with numbers, received with {column.name!r}")
    changes = {"normalizer_fn": normalizer_of(config)}
    return with_changed_parts(column, lambda part: changes if isinstance(part, NumericColumn) else {})
