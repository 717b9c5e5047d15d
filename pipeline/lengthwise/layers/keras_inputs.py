"""`inputs`: the `keras.Input`s of the features that columns read."""

import warnings
from collections.abc import Iterable

import keras

from lengthwise.columns import (
    RESERVED_KEY,
    BytesColumn,
    NumericColumn,
    SequenceFeature,
    context_features,
    groups,
    leading_length_key,
    length_key,
    packed_keys,
    sequence_features,
)
from lengthwise.columns.from_tensorflow import from_feature_column
from lengthwise.layers.planning.layer_plan import ColumnLike

warnings.filterwarnings(
    "error",
    message=r"The structure of `inputs`[\s\S]*Expected: \{[\s\S]*Received: inputs=\{[\s\S]*" + RESERVED_KEY,
    category=UserWarning,
)
"""Keras warns, and then matches the features of a dict by position: a model would train on the wrong tensors. If the
dict is a batch of ours, this is an error, which lists the expected and the received keys."""


def inputs(columns: Iterable[ColumnLike], *, packed: bool = False) -> dict[str, keras.KerasTensor]:
    """A `keras.Input` for each feature that the columns read, with its shape and dtype in the feed.

    Pass them to `keras.Model` as a list, `keras.Model(list(inputs.values()), output)`: then Keras matches features by
    name, and batches may have more keys than the model has inputs. A model whose inputs are a dict refuses batches
    with other keys, because Keras would match them by position; `features=model` in the readers drops those keys.

    Args:
        columns: of `lengthwise` or of `tf.feature_column.*`; for columns that look up strings, those of
            `lengthwise.looked_up(columns)`, which `lengthwise.open(...).columns` has.
        packed: whether batches are read with `pack`: context and `sequence_length` are then `[batch, S]`, and there are
            `segment_ids` and `positions`, `[batch, T]`; of groups `<group>_segment_ids` and `<group>_positions`.

    Returns:
        KerasTensors by key, with `sequence_length` if a sequence is read.

    Example:
    >>> import keras, lengthwise as lw
    >>> columns = [lw.sequence_categorical_column_with_identity("items", 1000), lw.sequence_numeric_column("price")]
    >>> inputs = lw.inputs(columns)
    >>> sorted(inputs)
    ['items', 'price', 'sequence_length']
    >>> steps = keras.layers.GRU(4)(lw.SequenceFeatures(columns)(inputs))
    >>> model = keras.Model(list(inputs.values()), keras.layers.Dense(1)(steps))
    """
    converted = [from_feature_column(column) for column in columns]
    made: dict[str, keras.KerasTensor] = {}

    def add(key: str, shape: tuple[int | None, ...], dtype: str) -> None:
        made[key] = keras.Input(shape, dtype=dtype, name=key)

    for feature in sequence_features(converted):
        shape = (None, *_step_shape(feature))
        add(feature.key, shape, _step_dtype(feature))
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            add(weight_key, shape, "float32")
    reads_sequences = bool(made)
    per_row = (None,) if packed else ()
    for context in context_features(converted):
        add(context.key, (*per_row, *context.shape), context.dtype)
    if reads_sequences:
        add(leading_length_key(converted), per_row, "int64")
    if packed:
        for group in groups(converted) or ("",):
            for key in packed_keys(length_key(group)):
                add(key, (None,), "int32")
    return made


def _step_shape(feature: SequenceFeature) -> tuple[int, ...]:
    if isinstance(feature, BytesColumn):
        return ()
    if isinstance(feature, NumericColumn):
        return () if feature.shape == (1,) else feature.shape
    return () if feature.values_per_step == 1 else (feature.values_per_step,)


def _step_dtype(feature: SequenceFeature) -> str:
    if isinstance(feature, BytesColumn):
        return "string"
    return "float32" if isinstance(feature, NumericColumn) and not feature.is_integer else "int64"
