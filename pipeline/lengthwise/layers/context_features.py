"""`ContextFeatures`: the Keras layer from features of the whole record to `[batch, C]`."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from lengthwise.columns import AnyColumn, feature_of
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensors, KerasConfig, StaticShape
from lengthwise.layers.planning.default_columns import EmbeddingSizes, context_columns
from lengthwise.layers.planning.keras_config import columns_config, columns_from_config
from lengthwise.layers.planning.layer_plan import ColumnsLike, converted_columns
from lengthwise.layers.segment_layers import is_packed
from lengthwise.layers.tables.layer_tables import add_tables
from lengthwise.layers.vectors.record_vectors import RecordFeatures
from lengthwise.layers.vectors.xla_limits import may_look_up, refuse_to_compile


@keras.saving.register_keras_serializable(package="lengthwise")
class ContextFeatures(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """Turns features of the whole record into one float tensor `[batch, C]`, to be joined with vectors of sequences.

    These are the vectors that `SequenceFeatures(columns, context=...)` repeats next to every step, once per record.

    Args:
        columns: of `lengthwise` or of `tf.feature_column.*`. Plain id columns get an embedding.
        context: the keys of the features to use, in the order of the C axis: numbers as they are, ids
            (`categorical_column_with_*`) through their embedding, or as their counts.
        embedding_dim: the size of the embeddings of plain ids, as for `SequenceFeatures`.
        **kwargs: of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        features: a dict of tensors by feature key; features that no column reads are ignored.

    Input shape:
        Numbers: `[batch, *shape]`. Ids and their weights: `[batch]`, or `[batch, K]` with -1 for none, also ragged or
        sparse.

    Output shape:
        `[batch, C]`, of the layer's compute dtype.

    Attributes:
        columns: in the order of the C axis.
        tables: the embedding tables by name.

    Raises:
        ConfigError: a ValueError; columns or features are not as described.

    Example:
    >>> import keras, lengthwise as lw
    >>> topics = lw.categorical_column_with_identity("topics", num_buckets=3, values_per_step=2, oov="zero")
    >>> columns = [lw.indicator_column(topics), lw.context_column("age")]
    >>> features = {"topics": keras.ops.array([[2, 2], [0, -1]]), "age": keras.ops.array([30.0, 40.0])}
    >>> lw.ContextFeatures(columns, context=["age", "topics"])(features).numpy().tolist()
    [[30.0, 0.0, 0.0, 2.0], [40.0, 1.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        columns: ColumnsLike,
        context: Iterable[str],
        *,
        embedding_dim: EmbeddingSizes = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self._context = RecordFeatures(context_columns(converted_columns(columns), tuple(context), embedding_dim))
        if not self._context.columns:
            raise ConfigError("context: expected the key of at least one feature, received none")
        self.supports_jit = not any(map(may_look_up, self._context.plans))
        self.build()

    @property
    def columns(self) -> tuple[AnyColumn, ...]:
        return self._context.columns

    def build(self, features_shape: Mapping[str, StaticShape] | None = None) -> None:
        """Creates the tables and lookups; they do not depend on the input."""
        del features_shape
        self._lookups = self._context.lookups
        self.tables = add_tables(self, self._context.plans)

    def call(self, features: FeatureTensors) -> BackendTensor:
        self._check(features)
        return self._context.vectors(features, self.tables, self.compute_dtype)

    def compute_output_spec(self, features: FeatureTensors) -> keras.KerasTensor:
        self._check(features)
        batch = features[min(self._context.keys)].shape[0]
        return keras.KerasTensor((batch, self._context.num_elements), dtype=self.compute_dtype)

    def _check(self, features: FeatureTensors) -> None:
        if is_packed(features):
            raise ConfigError(
                "ContextFeatures: expected one record per row, received packed rows; pass `context=` to "
                "SequenceFeatures"
            )
        hindrances = self._context.hindrances(features)
        if hindrances:
            refuse_to_compile("ContextFeatures", hindrances)
            self.supports_jit = False

    def get_config(self) -> KerasConfig:
        """The configuration. It contains the entries of vocabularies: a saved model needs no other file."""
        keys = dict.fromkeys(feature_of(column).key for column in self.columns)
        return {**super().get_config(), "columns": columns_config(self.columns), "context": list(keys)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "ContextFeatures":
        """Creates the layer from `get_config`, as `SequenceFeatures.from_config` does.

        Raises:
            ConfigError: a column names a file, or is wrong.
        """
        return cls(**{**config, "columns": columns_from_config(config.get("columns"))})
