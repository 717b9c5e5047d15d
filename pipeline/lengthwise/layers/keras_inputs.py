"""`inputs`: the `keras.Input`s of what columns read."""

import warnings
from collections.abc import Iterable
from typing import Any

import keras

from lengthwise.columns import (
    RESERVED_KEY,
    BytesColumn,
    NumericColumn,
    context_features,
    groups,
    leading_length_key,
    length_key,
    packed_keys,
    sequence_features,
)
from lengthwise.columns.from_tensorflow import from_feature_column

warnings.filterwarnings(
    "error",
    message=r"The structure of `inputs`[\s\S]*Expected: \{[\s\S]*Received: inputs=\{[\s\S]*" + RESERVED_KEY,
    category=UserWarning,
)
"""Keras warns, and then takes the features of a dict by position: a model would train on the wrong tensors. Where the
dict is a batch of ours this is an error, which names the expected and the received keys."""


def inputs(columns: Iterable[Any], *, packed: bool = False) -> dict[str, Any]:
    """A `keras.Input` for each feature that the columns read, of the shape and dtype that the feed gives it.

    Hand them to `keras.Model` as a list, `keras.Model(list(inputs.values()), output)`: then Keras takes features by
    their names, and batches may have more keys than the model has inputs. A model whose inputs are a dict refuses
    batches with other keys, because Keras would take them by position; `features=model` in the readers leaves them out.

    Args:
        columns: of `lengthwise` or of `tf.feature_column.*`; of columns that look up strings, those of
            `lengthwise.looked_up(columns)`, as `lengthwise.open(...).columns` has them.
        packed: whether batches are read with `pack`: context and `sequence_length` are then `[batch, S]`, and there are
            `segment_ids` and `positions`, `[batch, T]`; of groups `<group>_segment_ids` and `<group>_positions`.

    Returns:
        KerasTensors by key, `sequence_length` among them where a sequence is read.

    Example:
    >>> import keras, lengthwise as lw
    >>> columns = [lw.sequence_categorical_column_with_identity("items", 1000), lw.sequence_numeric_column("price")]
    >>> inputs = lw.inputs(columns)
    >>> sorted(inputs)
    ['items', 'price', 'sequence_length']
    >>> steps = keras.layers.GRU(4)(lw.SequenceFeatures(columns)(inputs))
    >>> model = keras.Model(list(inputs.values()), keras.layers.Dense(1)(steps))
    """
    accepted = [from_feature_column(column) for column in columns]
    made: dict[str, Any] = {}
    per_row = (None,) if packed else ()
    for feature in sequence_features(accepted):
        made[feature.key] = keras.Input((None, *_step_shape(feature)), dtype=_step_dtype(feature), name=feature.key)
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            made[weight_key] = keras.Input((None, *_step_shape(feature)), dtype="float32", name=weight_key)
    for context in context_features(accepted):
        made[context.key] = keras.Input((*per_row, *context.shape), dtype=context.dtype, name=context.key)
    if len(made) > len(context_features(accepted)):
        leading = leading_length_key(accepted)
        made[leading] = keras.Input(per_row, dtype="int64", name=leading)
    if packed:
        numbers = [key for group in groups(accepted) or ("",) for key in packed_keys(length_key(group))]
        made |= {key: keras.Input((None,), dtype="int32", name=key) for key in numbers}
    return made


def _step_shape(feature: Any) -> tuple[int, ...]:
    if isinstance(feature, BytesColumn):
        return ()
    if isinstance(feature, NumericColumn):
        return () if feature.shape == (1,) else feature.shape
    return () if feature.values_per_step == 1 else (feature.values_per_step,)


def _step_dtype(feature: Any) -> str:
    if isinstance(feature, BytesColumn):
        return "string"
    return "float32" if isinstance(feature, NumericColumn) and not feature.is_integer else "int64"
