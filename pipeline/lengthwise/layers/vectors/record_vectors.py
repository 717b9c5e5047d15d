"""The vectors `[B,C]` of context columns: numbers as they are, ids of the record as a sequence of one step."""

from collections.abc import Iterable, Mapping

import keras
from keras import ops

from lengthwise.columns import RESERVED_KEY, AnyColumn, ContextColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, FeatureTensors, Tables
from lengthwise.layers.planning.layer_plan import LayerPlan, plan_columns
from lengthwise.layers.reading.batch_inputs import feature_keys, read_batch
from lengthwise.layers.reading.column_lookups import Lookups, make_lookups
from lengthwise.layers.reading.number_dtypes import length_dtype
from lengthwise.layers.reading.row_lengths import rank_of, tensor_layout
from lengthwise.layers.vectors.column_vectors import batch_vectors
from lengthwise.layers.vectors.xla_limits import xla_hindrances


class RecordFeatures:
    """Context columns, in their order on the C axis, with their plans and lookups. The layer owns the tables.

    Args:
        columns: context columns of numbers, and dense columns over ids of the record.
    """

    def __init__(self, columns: Iterable[AnyColumn]) -> None:
        self._parts = [_part(column) for column in columns]
        self._lookups = [make_lookups(part) if isinstance(part, LayerPlan) else () for part in self._parts]

    @property
    def plans(self) -> list[LayerPlan]:
        """The plans of the columns of ids, one per column."""
        return [part for part in self._parts if isinstance(part, LayerPlan)]

    @property
    def lookups(self) -> Lookups:
        """The lookups of all columns, for an attribute of the layer: an export contains only what Keras finds there."""
        return [lookup for lookups in self._lookups for lookup in lookups]

    @property
    def columns(self) -> tuple[AnyColumn, ...]:
        return tuple(part.columns[0] if isinstance(part, LayerPlan) else part for part in self._parts)

    @property
    def num_elements(self) -> int:
        """The size of the C axis."""
        return sum(part.num_elements for part in self._parts)

    @property
    def keys(self) -> set[str]:
        """The keys that are read, those of weights included."""
        keys: set[str] = set()
        for part in self._parts:
            keys.update(feature_keys(part) if isinstance(part, LayerPlan) else [part.key])
        return keys

    def hindrances(self, features: FeatureTensors) -> list[str]:
        """The features that XLA cannot compile, for messages."""
        self._require_keys(features)
        return [hindrance for plan in self.plans for hindrance in xla_hindrances(plan, features)]

    def vectors(self, features: FeatureTensors, tables: Tables, dtype: str) -> BackendTensor:
        """The columns' values `[B,C]`, concatenated.

        Args:
            features: by key: numbers `[B, *shape]`; ids and weights `[B]` or `[B,K]`, also ragged or sparse.
            tables: the embedding tables, by name.
            dtype: the float dtype of the result.

        Raises:
            ConfigError: the features lack a column's key, or have another shape.
        """
        self._require_keys(features)
        vectors = []
        for part, lookups in zip(self._parts, self._lookups, strict=True):
            if isinstance(part, LayerPlan):
                vectors.append(_id_vectors(part, lookups, features, tables, dtype))
            else:
                vectors.append(ops.reshape(ops.cast(features[part.key], dtype), (-1, part.num_elements)))
        return vectors[0] if len(vectors) == 1 else ops.concatenate(vectors, axis=-1)

    def _require_keys(self, features: FeatureTensors) -> None:
        missing = sorted(self.keys if not isinstance(features, Mapping) else self.keys - features.keys())
        if missing:
            raise ConfigError(f"features: expected the keys of the context columns, received none for {missing}")


def _part(column: AnyColumn) -> ContextColumn | LayerPlan:
    if isinstance(column, ContextColumn):
        return column
    return plan_columns([column], per="record", reads_vocabularies=True)


def _id_vectors(
    plan: LayerPlan, lookups: Lookups, features: FeatureTensors, tables: Tables, dtype: str
) -> BackendTensor:
    steps = {key: _as_one_step(key, features[key]) for key in feature_keys(plan)}
    rows = ops.shape(steps[plan.sources[0].key])[0]
    steps[RESERVED_KEY] = ops.ones((rows,), dtype=length_dtype())
    vectors, _ = batch_vectors(plan, read_batch(plan, steps, None, lookups), tables, dtype)
    return vectors[:, 0]


def _as_one_step(key: str, value: FeatureTensor) -> FeatureTensor:
    """`[B]` and `[B,K]` as `[B,1]` and `[B,1,K]`."""
    rank = rank_of(value)
    if rank not in (1, 2):
        raise ConfigError(f"feature {key!r}: expected shape [batch] or [batch, K], received {tuple(value.shape)}")
    layout = tensor_layout(value)
    if layout == "dense":
        is_string = keras.backend.standardize_dtype(value.dtype) == "string"
        return value[:, None] if is_string else ops.expand_dims(value, 1)
    import tensorflow as tf

    return tf.sparse.expand_dims(value, 1) if layout == "sparse" else tf.expand_dims(value, 1)
