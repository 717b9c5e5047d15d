"""`serving_fn`: raw serialized records -> a model's predictions, with the ids and the padding of training."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from lengthwise.columns import AnyColumn, feature_of, from_feature_columns, groups, is_context, length_key
from lengthwise.columns.column_queries import feature_keys_of
from lengthwise.config import RecordFormat, Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed.batching.batch_cuts import round_up
from lengthwise.feed.batching.padding_masks import move_padding_left
from lengthwise.feed.options.reader_options import checked_boundaries
from lengthwise.feed.outputs.model_features import features_read, padding_of
from lengthwise.feed.parsing.canonical_records import parse_canonical
from lengthwise.feed.parsing.raw_rows import WindowRefiner
from lengthwise.feed.rows.feed_features import Batch, Features, Rows, SequenceSpec
from lengthwise.padding_side import Padding
from lengthwise.rules.record_rules import VALID, Verdicts
from lengthwise.tensor.tensor_types import PolymorphicFunction, Structure, Tensor

if TYPE_CHECKING:
    import keras


class ServingFunction(tf.Module):
    """A `tf.function` from serialized records to predictions, with all resources that a SavedModel needs.

    Attributes:
        model: the model that is served.
        columns: the columns of the features that the model reads.
    """

    def __init__(
        self,
        model: "keras.Model",
        columns: Sequence[AnyColumn],
        container: RecordFormat,
        boundaries: tuple[int, ...] | None,
        rules: Sequences,
        reads: Iterable[str],
        padding: Padding,
    ) -> None:
        super().__init__(name="serving")
        self.model = model
        self.columns = tuple(columns)
        self._reads = frozenset(reads)
        self._boundaries = boundaries
        self._padding = padding
        self._features = Features.of(columns)
        longest = {} if boundaries is None else {groups(columns)[0]: boundaries[-1]}
        self._refiner = WindowRefiner(columns, container, rules, longest)
        self._tables = self._refiner.tables  # as attributes of a module, they are saved with it
        self._weights = [getattr(variable, "value", variable) for variable in model.weights]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="records")], autograph=False)
    def __call__(self, records: Tensor) -> Structure:
        """The predictions for serialized records `[n]`, in their order.

        Raises:
            tf.errors.InvalidArgumentError: a record is invalid; the message names it and the reason.
        """
        batch = {key: value for key, value in self.features(records).items() if key in self._reads}
        return self.model(batch, training=False)

    def features(self, records: Tensor) -> Batch:
        """The model's input batch: dense tensors, padded to the longest record (or to its boundary)."""
        rows, verdicts = self._refiner.refine(parse_canonical(self._refiner.parser, records))
        with tf.control_dependencies([_refuse_invalid(verdicts)]):
            return self._pad(rows)

    def export(self, path: str) -> None:
        """Writes a SavedModel whose `serving_default` has the argument `records`."""
        tf.saved_model.save(self, path, signatures={"serving_default": self.signature})

    @property
    def signature(self) -> PolymorphicFunction:
        """The signature for `tf.saved_model.save(..., signatures=...)`: its result is a dict of tensors."""

        def serve(records: Tensor) -> dict[str, Tensor]:
            predictions = self(records)
            return predictions if isinstance(predictions, dict) else {"predictions": predictions}

        spec = tf.TensorSpec([None], tf.string, name="records")
        return tf.function(serve, input_signature=[spec], autograph=False)

    def _steps(self, spec: SequenceSpec, lengths: Tensor) -> Tensor:
        """The T of a group: its longest sequence, rounded up to a boundary in the leading group."""
        longest = tf.reduce_max(tf.concat([lengths, [1]], 0))
        if self._boundaries is None or spec.length != self._features.length_key:
            return longest
        return round_up(longest[None], self._boundaries)[0]

    def _pad(self, rows: Rows) -> Batch:
        batch: Batch = {self._features.length_key: tf.identity(rows.lengths), **rows.context}
        for spec in self._features.sequences:
            steps = self._steps(spec, rows.lengths_of(spec))
            flat = rows.sequences[spec.key]
            ragged = tf.RaggedTensor.from_row_splits(flat.values, flat.splits, validate=False)
            size = tf.stack([tf.size(rows.lengths, tf.int64), steps * spec.width])
            dense = ragged.to_tensor(tf.constant(spec.padding, flat.values.dtype), shape=size)
            padded = tf.cast(tf.reshape(dense, tf.stack([size[0], steps, *spec.shape])), spec.dtype)
            batch[spec.key] = padded if self._padding == "right" else move_padding_left(padded, rows.lengths_of(spec))
        return batch


def serving_fn(
    model: "keras.Model",
    columns: Iterable[Any],
    *,
    format: RecordFormat = "sequence_example",  # noqa: A002 (the configuration's name for it)
    boundaries: Sequence[int] | None = None,
    sequences: Sequences | None = None,
    padding: Padding | None = None,
) -> ServingFunction:
    """A function from raw serialized records to predictions, with the parsing, lookups and padding of training.

    Args:
        model: a built Keras model whose inputs are batches of the feed. Requests need only the features that its
            output depends on: no labels, no weights.
        columns: the columns of the raw records, as given to `read_raw` or to the job (`manifest.columns`), or
            `tf.feature_column` objects.
        format: of the records, `sequence_example` or `example`.
        boundaries: the values that T may have, such as the manifest's; None: T is the request's longest sequence.
        sequences: the handling of empty, over-long and uneven sequences; empty ones are kept by default. A model that
            is served on a GPU then needs `use_cudnn=False` in its LSTM and GRU layers, whose cuDNN kernels reject
            sequences of length 0.
        padding: the side of a sequence on which its padding is, as in training. None: the side of the model's
            `SequenceFeatures`, or `right`.

    Returns:
        A callable from a string tensor `[n]` to the model's output, to be exported by its `export(path)`, or with
        `tf.saved_model.save(..., signatures=serving.signature)`.

    Raises:
        ConfigError: the model reads a feature that no column reads, over-long sequences are to become windows, the
            boundaries are empty or do not strictly increase, or `padding` differs from the model's `SequenceFeatures`.

    Example:
        >>> lw.serving_fn(model, columns).export("served/1")
    """
    limits = checked_boundaries(boundaries)
    if limits is not None and sequences is not None and sequences.over_long == "window":
        raise ConfigError("sequences.over_long: a request cannot become several windows; use reject or truncate")
    side = padding_of(model, padding)
    columns = from_feature_columns(columns)
    reads = features_read(model, Features.of(columns).batch_spec)
    named = groups(columns)
    columns = _reading(columns, {*reads} - set(map(length_key, named)))
    if groups(columns)[0] != named[0]:  # the boundaries are those of a group that the model does not read
        limits = None
    rules = sequences or Sequences(empty="keep")
    return ServingFunction(model, columns, format, limits, rules, reads, side)


def _reading(columns: Sequence[AnyColumn], keys: set[str]) -> tuple[AnyColumn, ...]:
    """The columns of the features with these keys."""
    unknown = sorted(keys.difference(*(feature_keys_of(feature_of(column)) for column in columns)))
    if unknown:
        raise ConfigError(f"columns: expected columns for all features of the model, received none for {unknown}")
    chosen = tuple(column for column in columns if not keys.isdisjoint(feature_keys_of(feature_of(column))))
    if all(map(is_context, chosen)):
        raise ConfigError("columns: expected a sequence column among the features of the model")
    return chosen


def _refuse_invalid(verdicts: Verdicts[Tensor]) -> Tensor:
    codes, names = verdicts.codes, tf.constant([*verdicts.names, "none"])

    def refuse() -> Tensor:
        first = tf.argmax(tf.cast(codes != VALID, tf.int32))
        message = "invalid record. Reason, and position in the request:"
        with tf.control_dependencies([tf.debugging.Assert(False, [message, tf.gather(names, codes[first]), first])]):
            return tf.constant(False)

    return tf.cond(tf.reduce_any(codes != VALID), refuse, lambda: tf.constant(True))
