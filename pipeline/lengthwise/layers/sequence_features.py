"""`SequenceFeatures`: the Keras layer from sequence features to `[batch, T, D]` and lengths."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from lengthwise.columns import AnyColumn, feature_of, packed_keys
from lengthwise.layers.context_concatenation import join_context
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, FeatureTensors, KerasConfig, StaticShape
from lengthwise.layers.planning.default_columns import EmbeddingSizes, context_columns, step_columns
from lengthwise.layers.planning.keras_config import columns_config, columns_from_config
from lengthwise.layers.planning.layer_plan import ColumnsLike, LayerPlan, converted_columns, plan_columns
from lengthwise.layers.reading.batch_inputs import read_batch, read_mask
from lengthwise.layers.reading.batch_lengths import Masks
from lengthwise.layers.reading.column_lookups import make_lookups
from lengthwise.layers.reading.number_dtypes import length_dtype
from lengthwise.layers.reading.tensor_values import as_tensors
from lengthwise.layers.segment_layers import refuse_layers_across_steps, repeated_for_steps, unpacked_context
from lengthwise.layers.standardization import with_standardization
from lengthwise.layers.tables.checkpoint_weights import read_tf1_tables
from lengthwise.layers.tables.layer_tables import add_tables
from lengthwise.layers.vectors.column_vectors import batch_vectors
from lengthwise.layers.vectors.output_shapes import output_shape, output_shape_of_shapes
from lengthwise.layers.vectors.record_vectors import RecordFeatures
from lengthwise.layers.vectors.xla_limits import may_look_up, refuse_to_compile, xla_hindrances
from lengthwise.padding_side import Padding, SidedInputs


@keras.saving.register_keras_serializable(package="lengthwise")
class SequenceFeatures(keras.layers.Layer, SidedInputs):  # type: ignore[misc, unused-ignore]
    """Turns sequence features into one float tensor `[batch, T, D]`, whose Keras mask has the sequences' lengths.

    The columns' vectors are concatenated on the D axis, sorted by column name. The layer does what
    `tf.keras.experimental.SequenceFeatures` did, with gathers instead of sparse lookups, and more:

    - Input may be dense, ragged or sparse. Dense input needs `sequence_length` among the features, or a mask.
    - Lengths are exact for ragged input and if `sequence_length` is given. With only sparse input, the length of a row
      is its last occupied step + 1.
    - T is that of dense input, else the longest sequence of the batch. Columns are padded or cut to it.
    - Columns with different lengths are an error: the message names both columns and the first such row.
    - Packed rows (`pack` in the readers) are detected by `segment_ids` (of a group: `<group>_segment_ids`) among the
      features. `context` is repeated for the steps of its own sequence. Calling a model that has a layer that reads
      across steps, such as an RNN, is an error.
    - Integers out of range follow the column's `oov` policy on every device. If compiled code cannot raise
      (`jit_compile=True`, `jax.jit`), the policy `error` returns NaN vectors.
    - `normalizer_fn` receives dense values `[batch, T, *shape]` in the column's dtype; padding stays `default_value`.
      Integers of an integer column stay integers until `normalizer_fn` or bucket boundaries are applied.
    - Embeddings may be shared in eager mode. The output has a Keras mask, from which an RNN or attention gets the
      lengths.
    - Dense integers and floats work on every Keras backend, and in XLA. Strings, sparse and ragged tensors, and
      lookups of raw values, need TensorFlow without XLA: `supports_jit` tells Keras from the first call on.

    Integer input of a column of strings is used as ids. `sequence_bucketized_column` and `weight_key` work as in the
    preparation job. With mixed precision the tables stay float32 and the result has the compute dtype.

    In a new process, `import lengthwise.layers` before `keras.saving.load_model`, so that Keras knows this class.

    cuDNN's recurrent kernels, which Keras uses on a GPU, refuse sequences of length 0: pass `use_cudnn=False` to
    LSTM and GRU layers, or reject empty sequences beforehand (`sequences.empty: reject`).

    Args:
        columns: of `lengthwise` or of `tf.feature_column.*`, in any order. Plain id columns get an embedding; columns
            of the whole record are ignored unless `context` has their keys.
        embedding_dim: the size of those embeddings: one for all, or a dict by key. Without it, the size follows from
            the number of ids: 8 for 10 ids, 24 for 1,000, 72 for 100,000 (`lengthwise.layers.embedding_size`).
        context: the keys of features of the whole record, whose vectors are repeated next to every step, after the
            columns' vectors and in the order of these keys; they are 0 on padding. For numbers these are the values;
            ids (`categorical_column_with_*`) have an embedding, or their counts, as ids of steps do.
        standardize: True to subtract the mean of each numeric column and divide by its deviation, as counted in the
            training split: then `columns` are those of `lengthwise.open(...).columns`. If a step is an array, each
            of its numbers has its own mean and deviation. Or a dict of (mean, deviation) by key. The layer keeps and
            saves them. Columns with a `normalizer_fn` are not changed; padding stays `default_value`.
        padding: the side of a sequence on which its padding is: `left` for batches that are read with
            `padding="left"`, or to pad ragged or sparse features on the left. The mask follows. cuDNN's recurrent
            kernels refuse it: pass `use_cudnn=False` to LSTM and GRU layers.
        return_lengths: True to return `(inputs, lengths)`, as `sequence_input_layer` does.
        **kwargs: of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        features: a dict of tensors, or of TF 1.x's `SparseTensorValue`, by feature key; features that no column reads
            are ignored. If the columns read only one key, its tensor alone is accepted.
        mask: bool `[batch, T]`, true on each row's steps up to its length, for dense input without `sequence_length`;
            or a dict of masks, of which those of features that a column reads are used and must agree. Keras passes
            the masks of earlier layers automatically. A mask with holes, or with padding on the side opposite to
            `padding`, is an error.

    Input shape:
        Ids: `[batch, T]`, or `[batch, T, K]` with up to K ids per step, -1 (strings: empty) for none; a K axis that is
        ragged or sparse has no such slots: each value counts. Numbers: `[batch, T]` or `[batch, T, *shape]`. Weights:
        as the ids. `sequence_length`: integers `[batch]`. Ids of the whole record: `[batch]` or `[batch, K]`. Nothing
        is broadcast.

    Output shape:
        `[batch, T, D]`, of the layer's compute dtype. With `return_lengths` also the lengths, int64 `[batch]`.

    Attributes:
        padding: the side of a sequence on which its padding is.
        columns: those of the steps sorted by name, then those of the context. They contain the entries of vocabulary
            files instead of the paths: the layer reads a file once.
        tables: the embedding tables by name: `<column>`, or the shared embedding's name. Assign a pretrained array
            with a table's `assign`.

    Raises:
        ConfigError: a ValueError; columns or features are not as described.

    Example:
    >>> import keras, lengthwise as lw
    >>> watches = lw.sequence_categorical_column_with_identity("watches", num_buckets=1000)
    >>> columns = [watches, lw.sequence_numeric_column("rating")]
    >>> features = {
    ...     "watches": keras.ops.array([[2, 85, 0], [33, 78, 2]]),
    ...     "rating": keras.ops.array([[1.0, 1.5, 0.0], [2.0, 2.5, 3.0]]),
    ...     "sequence_length": keras.ops.array([2, 3]),
    ... }
    >>> inputs = lw.SequenceFeatures(columns, embedding_dim=10)(features)
    >>> tuple(inputs.shape)
    (2, 3, 11)
    >>> keras.layers.LSTM(4)(inputs).shape  # reads the mask
    TensorShape([2, 4])
    """

    def __init__(
        self,
        columns: ColumnsLike,
        *,
        embedding_dim: EmbeddingSizes = None,
        context: Iterable[str] = (),
        standardize: bool | Mapping[str, tuple[float, float]] = False,
        padding: Padding = "right",
        return_lengths: bool = False,
        **kwargs: Any,
    ) -> None:
        # Features keep their dtype: a float16 number could fall into another bucket.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        converted = converted_columns(columns)
        self._context = RecordFeatures(context_columns(converted, tuple(context), embedding_dim))
        counted = getattr(columns, "moments", {})
        steps = with_standardization(step_columns(converted, embedding_dim), standardize, counted)
        self._plan = plan_columns(steps, padding=padding, reads_vocabularies=True)
        self._is_called = False
        # For a model that has not been called, Keras decides by this at `compile` whether it uses XLA.
        self.supports_jit = not any(map(may_look_up, self._plans))
        self.return_lengths = return_lengths
        self.build()

    @property
    def columns(self) -> tuple[AnyColumn, ...]:
        return (*self._plan.columns, *self._context.columns)

    @property
    def padding(self) -> Padding:
        return self._plan.padding

    @property
    def _plans(self) -> list[LayerPlan]:
        return [self._plan, *self._context.plans]

    @property
    def _num_elements(self) -> int:
        """The size of the D axis."""
        return self._plan.num_elements + self._context.num_elements

    def build(self, features_shape: Mapping[str, StaticShape] | StaticShape | None = None) -> None:
        """Creates the tables and lookups; they do not depend on the input."""
        del features_shape
        self._lookups, self._context_lookups = make_lookups(self._plan), self._context.lookups
        self.tables = add_tables(self, self._plans)

    def __call__(self, features: FeatureTensors | FeatureTensor, *args: Any, **kwargs: Any) -> Any:
        # Before Keras flattens such a value, which is a tuple.
        return super().__call__(as_tensors(features), *args, **kwargs)

    def call(
        self, features: FeatureTensors | FeatureTensor, mask: Masks = None
    ) -> BackendTensor | tuple[BackendTensor, BackendTensor]:
        self._update_supports_jit(features)
        segment_key, _ = packed_keys(self._plan.length_key)
        packed = isinstance(features, Mapping) and segment_key in features
        if packed:
            refuse_layers_across_steps(self)
        batch = read_batch(self._plan, features, mask, self._lookups)
        inputs, lengths = batch_vectors(self._plan, batch, self.tables, self.compute_dtype)
        if self._context.columns and packed:
            by_sequence = unpacked_context(self._context.keys, features)
            vectors = self._context.vectors(by_sequence, self.tables, self.compute_dtype)
            inputs = ops.concatenate([inputs, repeated_for_steps(vectors, features[segment_key])], axis=-1)
        elif self._context.columns:
            vectors = self._context.vectors(features, self.tables, self.compute_dtype)
            inputs = join_context(inputs, vectors, batch.valid)
        return (inputs, lengths) if self.return_lengths else inputs

    def compute_mask(
        self, features: FeatureTensors | FeatureTensor, mask: Masks = None
    ) -> BackendTensor | tuple[BackendTensor, None] | None:
        """Bool `[batch, T]`: true on the steps of each sequence."""
        if any(keras.backend.is_keras_tensor(value) for value in keras.tree.flatten(features)):
            return None  # a model under construction; its calls compute the mask
        valid = read_mask(self._plan, features, mask)
        return (valid, None) if self.return_lengths else valid

    def compute_output_spec(
        self, features: FeatureTensors | FeatureTensor, mask: Masks = None
    ) -> keras.KerasTensor | tuple[keras.KerasTensor, keras.KerasTensor]:
        del mask
        self._update_supports_jit(features)
        batch, count = output_shape(self._plan, features)
        inputs = keras.KerasTensor((batch, count, self._num_elements), dtype=self.compute_dtype)
        return (inputs, keras.KerasTensor((batch,), dtype=length_dtype())) if self.return_lengths else inputs

    def compute_output_shape(
        self, features_shape: Mapping[str, StaticShape] | StaticShape
    ) -> tuple[int | None, ...] | tuple[tuple[int | None, ...], ...]:
        """The shape of the output, for dense features of these shapes.

        Args:
            features_shape: a dict of shapes by feature key; or one shape `[batch, T, ...]`.

        Returns:
            `(batch, T, D)`, or with `return_lengths=True` `((batch, T, D), (batch,))`.

        Raises:
            ConfigError: the shape of a feature is missing, or has fewer than two axes.
        """
        batch, count = output_shape_of_shapes(self._plan, features_shape)
        inputs = (batch, count, self._num_elements)
        return (inputs, (batch,)) if self.return_lengths else inputs

    def _update_supports_jit(self, features: FeatureTensors | FeatureTensor) -> None:
        hindrances = [*xla_hindrances(self._plan, features), *self._context.hindrances(features)]
        if hindrances:
            refuse_to_compile("SequenceFeatures", hindrances)
        supported = not hindrances and (self.supports_jit or not self._is_called)
        if (self.supports_jit, self._is_called) != (supported, True):  # assigning to a layer's attributes takes time
            self.supports_jit, self._is_called = supported, True

    def load_tf1_checkpoint(self, checkpoint: str, scope: str = "sequence_input_layer") -> None:
        """Sets the tables from a checkpoint of a TF 1.x model that used `sequence_input_layer`.

        Args:
            checkpoint: its path, or a folder with checkpoints.
            scope: the variable scope of that call: `sequence_input_layer`, with `_1` for the second call, and with the
                names of outer scopes as a prefix.

        Raises:
            ConfigError: the checkpoint cannot be read, or lacks a table of this shape.
        """
        for name, weights in read_tf1_tables(checkpoint, scope, self._plan).items():
            self.tables[name].assign(weights)

    def get_config(self) -> KerasConfig:
        """The configuration. It contains the entries of vocabularies: a saved model needs no other file."""
        config = super().get_config()
        return {
            **config,
            "columns": columns_config(self.columns),
            "context": list(dict.fromkeys(feature_of(column).key for column in self._context.columns)),
            "padding": self.padding,
            "return_lengths": self.return_lengths,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "SequenceFeatures":
        """Creates the layer from `get_config`. The config may be untrusted: no file is opened, no unknown code is run.

        Raises:
            ConfigError: a column names a file or code that this process has not registered, or is wrong.
        """
        return cls(**{**config, "columns": columns_from_config(config.get("columns"))})
