"""The vectors `[B,C]` of context columns: numbers as they are, ids of the record as a sequence of one step."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from lengthwise.columns import RESERVED_KEY, ContextColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_inputs import keys_read, read_batch
from lengthwise.layers.reading.column_lookups import make_lookups
from lengthwise.layers.reading.length_dtypes import length_dtype
from lengthwise.layers.reading.row_extents import layout, rank_of
from lengthwise.layers.tables.layer_plan import LayerPlan, plan_columns, with_vocabularies
from lengthwise.layers.vectors.column_vectors import input_layer
from lengthwise.layers.vectors.xla_limits import not_compilable


class RecordFeatures:
    """Context columns, in their order on the C axis, and what they need. The tables are the layer's.

    Args:
        columns: context columns of numbers, and dense columns over ids of the record.
    """

    def __init__(self, columns: Iterable[Any]) -> None:
        self._numbers = {one.key: one for one in columns if isinstance(one, ContextColumn)}
        self._parts: list[ContextColumn | LayerPlan] = [
            one if isinstance(one, ContextColumn) else with_vocabularies(plan_columns([one], per="record"))
            for one in columns
        ]
        self._lookups: list[Sequence[Any]] = []

    @property
    def plans(self) -> list[LayerPlan]:
        """Of the ids, one a column."""
        return [part for part in self._parts if isinstance(part, LayerPlan)]

    @property
    def columns(self) -> tuple[Any, ...]:
        return tuple(part.columns[0] if isinstance(part, LayerPlan) else part for part in self._parts)

    @property
    def num_elements(self) -> int:
        """The size of the C axis."""
        return sum(part.num_elements for part in self._parts)

    @property
    def keys(self) -> set[str]:
        """What is read, weights too."""
        return {*self._numbers, *(key for plan in self.plans for key in keys_read(plan))}

    def make_lookups(self) -> None:
        """Makes the look-ups of raw values."""
        self._lookups = [make_lookups(part) if isinstance(part, LayerPlan) else () for part in self._parts]

    def not_compilable(self, features: Any) -> list[str]:
        """What of the features XLA cannot compile; to be shown."""
        self._require_keys(features)
        return [hindrance for plan in self.plans for hindrance in not_compilable(plan, features)]

    def vectors(self, features: Any, tables: Mapping[str, Any], dtype: str) -> Any:
        """The columns' values `[B,C]`, side by side.

        Args:
            features: by key: numbers `[B, *shape]`; ids and weights `[B]` or `[B,K]`, also ragged or sparse.
            tables: the embedding tables, by name.
            dtype: the float dtype of the result.

        Raises:
            ConfigError: the features lack a column's key, or have another shape.
        """
        self._require_keys(features)
        vectors = [
            _id_vectors(part, lookups, features, tables, dtype)
            if isinstance(part, LayerPlan)
            else ops.reshape(ops.cast(features[part.key], dtype), (-1, part.num_elements))
            for part, lookups in zip(self._parts, self._lookups, strict=True)
        ]
        return vectors[0] if len(vectors) == 1 else ops.concatenate(vectors, axis=-1)

    def _require_keys(self, features: Any) -> None:
        missing = sorted(self.keys if not isinstance(features, Mapping) else self.keys - features.keys())
        if missing:
            raise ConfigError(f"features: expected the keys of the context columns, received none for {missing}")


def _id_vectors(plan: LayerPlan, lookups: Any, features: Any, tables: Mapping[str, Any], dtype: str) -> Any:
    steps = {key: _as_one_step(key, features[key]) for key in keys_read(plan)}
    rows = ops.shape(steps[plan.sources[0].key])[0]
    steps[RESERVED_KEY] = ops.ones((rows,), dtype=length_dtype())
    vectors, _ = input_layer(plan, read_batch(plan, steps, None, lookups), tables, dtype)
    return vectors[:, 0]


def _as_one_step(key: str, value: Any) -> Any:
    """`[B]` and `[B,K]` as `[B,1]` and `[B,1,K]`."""
    rank = rank_of(value)
    if rank not in (1, 2):
        raise ConfigError(f"feature {key!r}: expected shape [batch] or [batch, K], received {tuple(value.shape)}")
    if layout(value) == "dense":
        return ops.expand_dims(value, 1) if keras.backend.standardize_dtype(value.dtype) != "string" else value[:, None]
    import tensorflow as tf

    return tf.sparse.expand_dims(value, 1) if layout(value) == "sparse" else tf.expand_dims(value, 1)
