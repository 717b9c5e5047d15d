"""`SequenceFeatures`: the Keras layer from sequence features to `[batch, T, D]` and lengths."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from lengthwise.columns import feature_of, packed_keys
from lengthwise.layers.context_concatenation import join_context
from lengthwise.layers.reading.batch_inputs import read_batch, read_mask
from lengthwise.layers.reading.column_lookups import make_lookups
from lengthwise.layers.reading.length_dtypes import length_dtype
from lengthwise.layers.reading.tensor_values import as_tensors
from lengthwise.layers.segment_layers import beside_steps, by_sequence, refuse_layers_across_steps
from lengthwise.layers.standardization import standardized
from lengthwise.layers.tables.checkpoint_weights import read_tf1_tables
from lengthwise.layers.tables.default_columns import context_columns, converted, step_columns
from lengthwise.layers.tables.keras_config import columns_config, columns_from_config
from lengthwise.layers.tables.layer_plan import LayerPlan, plan_columns, with_vocabularies
from lengthwise.layers.tables.layer_tables import add_tables
from lengthwise.layers.vectors.column_vectors import input_layer
from lengthwise.layers.vectors.output_shapes import output_shape, output_shape_of_shapes
from lengthwise.layers.vectors.record_vectors import RecordFeatures
from lengthwise.layers.vectors.xla_limits import may_look_up, not_compilable, refuse_to_compile
from lengthwise.padding_side import Padding


@keras.saving.register_keras_serializable(package="lengthwise")
class SequenceFeatures(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """Turns sequence features into one float tensor `[batch, T, D]`, whose Keras mask has the sequences' lengths.

    The columns' vectors stand side by side on the D axis, sorted by column name. It does what
    `tf.keras.experimental.SequenceFeatures` did, with gathers instead of sparse look-ups, and beyond it:

    - input may be dense, ragged or sparse; dense input needs `sequence_length` among the features, or a mask;
    - lengths are exact for ragged input and where `sequence_length` is given; with sparse input alone a row's length
      is its last occupied step + 1;
    - T is that of dense input, else the longest sequence of the batch; columns are padded or cut to it;
    - columns whose lengths differ are an error that names both and the first such row;
    - packed rows (`pack` in the readers) are told by `segment_ids` (of a group: `<group>_segment_ids`) among the
      features. `context` stands beside the
      steps of its own sequence. A model with a layer that reads across steps, such as an RNN, is an error when called;
    - integers out of range follow the column's `oov` policy on every device. Where compiled code cannot raise
      (`jit_compile=True`, `jax.jit`), the policy `error` gives NaN vectors;
    - `normalizer_fn` receives dense values `[batch, T, *shape]` in the column's dtype; padding stays `default_value`.
      Integers of an integer column stay integers until it, or the boundaries of buckets, had them;
    - embeddings may be shared in eager mode; the output has a Keras mask, from which an RNN or attention learns the
      lengths;
    - dense integers and floats work on every Keras backend, and in XLA. Strings, sparse and ragged tensors, and
      look-ups of raw values, need TensorFlow without XLA: `supports_jit` says so to Keras from the first call on.

    Integer input of a column of strings is taken for ids. `sequence_bucketized_column` and `weight_key` work as in
    the preparation job. With mixed precision the tables stay float32 and the result has the compute dtype.

    In a new process, `import lengthwise.layers` before `keras.saving.load_model`, so that Keras knows this class.

    cuDNN's recurrent kernels, which Keras takes on a GPU, refuse sequences of length 0: give `use_cudnn=False` to
    LSTM and GRU layers, or reject empty sequences beforehand (`sequences.empty: reject`).

    Args:
        columns: of `lengthwise` or of `tf.feature_column.*`, in any order. Plain id columns get an embedding; columns
            of the whole record are left aside.
        embedding_dim: the size of those embeddings: one for all, or a dict by key. Left out, it follows from the
            number of ids: 8 for 10 ids, 24 for 1,000, 72 for 100,000 (`lengthwise.layers.embedding_size`).
        context: the keys of features of the whole record, whose vectors are repeated beside every step, after the
            columns' vectors and in the order of these keys; padding stays 0. Of numbers these are the values; ids
            (`categorical_column_with_*`) have an embedding, or their counts, as ids of steps do.
        standardize: True to subtract the mean and divide by the deviation of each numeric column, as the data set of
            `lengthwise.open(...).columns` has counted them in its training split, of shapes for each number of a step;
            or a dict of (mean, deviation) by key. The layer keeps them, also when it is saved. Columns with a
            `normalizer_fn` are left as they are; padding stays `default_value`.
        padding: the side of a sequence on which its padding is: `left` for batches that are read with
            `padding="left"`, and where ragged or sparse features are to become such. The mask follows. cuDNN's
            recurrent kernels refuse it: give `use_cudnn=False` to LSTM and GRU layers.
        return_lengths: True to return `(inputs, lengths)`, as `sequence_input_layer` does.
        **kwargs: of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        features: a dict of tensors, or of TF 1.x's `SparseTensorValue`, by feature key; what no column reads is left
            aside. Where the columns read one key only, its tensor will do.
        mask: bool `[batch, T]`, true on each row's steps up to its length, for dense input without `sequence_length`;
            or a dict of masks, of which those of features that a column reads count and must agree. Keras passes the
            masks of earlier layers by itself. A mask with holes, or with padding on the other side
            than `padding` says, is an error.

    Input shape:
        Ids: `[batch, T]`, or `[batch, T, K]` with up to K ids a step, -1 (strings: empty) for none; a K axis that is
        ragged or sparse has no such slots: each value counts. Numbers: `[batch, T]` or `[batch, T, *shape]`. Weights:
        as the ids. `sequence_length`: integers `[batch]`. Ids of the whole record: `[batch]` or `[batch, K]`. Nothing
        is broadcast.

    Output shape:
        `[batch, T, D]`, of the layer's compute dtype. With `return_lengths` also the lengths, int64 `[batch]`.

    Attributes:
        padding: the side of a sequence on which its padding is.
        columns: those of the steps sorted by name, then those of the context. A vocabulary file's entries stand in
            them in its place: the layer reads it once.
        tables: the embedding tables by name: `<column>`, or the shared embedding's name. Each takes a pretrained
            array by its `assign`.

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
        columns: Iterable[Any],
        *,
        embedding_dim: int | Mapping[str, int] | None = None,
        context: Iterable[str] = (),
        standardize: bool | Mapping[str, tuple[float, float]] = False,
        padding: Padding = "right",
        return_lengths: bool = False,
        **kwargs: Any,
    ) -> None:
        # Features keep their dtype: a float16 number could fall into another bucket.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        listed = converted(columns)
        self._context = RecordFeatures(context_columns(listed, tuple(context), embedding_dim))
        steps = standardized(step_columns(listed, embedding_dim), standardize, getattr(columns, "moments", {}))
        self._plan = with_vocabularies(plan_columns(steps, padding=padding))
        self._is_called = False
        # Of a model not yet called, Keras decides at `compile` by this whether it uses XLA.
        self.supports_jit = not any(map(may_look_up, self._plans))
        self.return_lengths = return_lengths
        self.build()

    @property
    def columns(self) -> tuple[Any, ...]:
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

    def build(self, features_shape: Any = None) -> None:
        """Makes the tables and look-ups; they do not depend on the input."""
        del features_shape
        self._lookups = make_lookups(self._plan)
        self._context.make_lookups()
        self.tables = add_tables(self, self._plans)

    def __call__(self, features: Any, *args: Any, **kwargs: Any) -> Any:
        # Before Keras takes such a value, which is a tuple, apart.
        return super().__call__(as_tensors(features), *args, **kwargs)

    def call(self, features: Any, mask: Any = None) -> Any:
        self._decide_jit(features)
        numbers, _ = packed_keys(self._plan.length_key)
        packed = isinstance(features, Mapping) and numbers in features
        if packed:
            refuse_layers_across_steps(self)
        batch = read_batch(self._plan, features, mask, self._lookups)
        inputs, lengths = input_layer(self._plan, batch, self.tables, self.compute_dtype)
        if self._context.columns and packed:
            each = by_sequence(self._context.keys, features)
            vectors = self._context.vectors(each, self.tables, self.compute_dtype)
            inputs = ops.concatenate([inputs, beside_steps(vectors, features[numbers])], axis=-1)
        elif self._context.columns:
            vectors = self._context.vectors(features, self.tables, self.compute_dtype)
            inputs = join_context(inputs, vectors, batch.valid)
        return (inputs, lengths) if self.return_lengths else inputs

    def compute_mask(self, features: Any, mask: Any = None) -> Any:
        """Bool `[batch, T]`: true on the steps of each sequence."""
        if any(keras.backend.is_keras_tensor(value) for value in keras.tree.flatten(features)):
            return None  # of a model under construction; its calls compute the mask
        valid = read_mask(self._plan, features, mask)
        return (valid, None) if self.return_lengths else valid

    def compute_output_spec(self, features: Any, mask: Any = None) -> Any:
        del mask
        self._decide_jit(features)
        batch, count = output_shape(self._plan, features)
        inputs = keras.KerasTensor((batch, count, self._num_elements), dtype=self.compute_dtype)
        return (inputs, keras.KerasTensor((batch,), dtype=length_dtype())) if self.return_lengths else inputs

    def compute_output_shape(self, features_shape: Any) -> Any:
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

    def _decide_jit(self, features: Any) -> None:
        hindrances = [*not_compilable(self._plan, features), *self._context.not_compilable(features)]
        if hindrances:
            refuse_to_compile("SequenceFeatures", hindrances)
        supported = not hindrances and (self.supports_jit or not self._is_called)
        if (self.supports_jit, self._is_called) != (supported, True):  # assigning to a layer's attributes takes time
            self.supports_jit, self._is_called = supported, True

    def load_tf1_checkpoint(self, checkpoint: str, scope: str = "sequence_input_layer") -> None:
        """Sets the tables from a checkpoint of a TF 1.x model that used `sequence_input_layer`.

        Args:
            checkpoint: its path, or a folder with checkpoints.
            scope: the variable scope of that call: `sequence_input_layer`, with `_1` for the second one, and with the
                names of outer scopes before it.

        Raises:
            ConfigError: the checkpoint cannot be read, or lacks a table of this shape.
        """
        for name, weights in read_tf1_tables(checkpoint, scope, self._plan).items():
            self.tables[name].assign(weights)

    def get_config(self) -> dict[str, Any]:
        """The configuration. It holds the entries of vocabularies: a saved model needs no file beside it."""
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
        """The layer of `get_config`, which may come from anyone: it opens no file, and runs no code but what is known.

        Raises:
            ConfigError: a column names a file, or code that this process has not registered, or is wrong.
        """
        return cls(**{**config, "columns": columns_from_config(config.get("columns"))})
