"""Packed batches -> features, labels and weights: values per sequence are `[B, S]`, per step `[B, T]`."""

import tensorflow as tf

from lengthwise.columns import packed_keys
from lengthwise.errors import ConfigError
from lengthwise.feed.batching.mean_batch import MeanBatch
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.outputs.fit_targets import Targets
from lengthwise.feed.rows.feed_features import Batch, Features
from lengthwise.tensor.tensor_types import Structure, Tensor, TensorSpec


def targets_of(features: Features, options: Options, mean: MeanBatch, segments: int) -> Targets:
    """`PackedTargets` if the options have `pack`, else `Targets`; `segments`: S of packed rows."""
    if options.pack is None:
        return Targets(features, features.batch_spec, options, mean)
    return PackedTargets(features, packed_spec(features, options, segments), options, mean)


def packed_spec(features: Features, options: Options, segments: int) -> dict[str, TensorSpec]:
    """A `tf.TensorSpec` for each key of a packed batch, with B unknown; `segments`: S.

    Raises:
        ConfigError: a feature has a key that packed batches add.
    """
    spec: dict[str, TensorSpec] = {}
    for lengths in features.length_keys:
        spec |= {key: tf.TensorSpec([None, options.pack_of(lengths)], tf.int32) for key in packed_keys(lengths)}
    unpacked = features.batch_spec
    for key in unpacked.keys() & spec.keys():
        raise ConfigError(
            f"pack: expected columns of other keys than {' and '.join(map(repr, spec))}, which packed batches "
            f"add, received {key!r}; rename the feature"
        )
    steps = {sequence.key: options.pack_of(sequence.length) for sequence in features.sequences}
    for key, tensor in unpacked.items():
        shape = [steps[key], *tensor.shape[2:]] if key in steps else [segments, *tensor.shape[1:]]
        spec[key] = tf.TensorSpec([None, *shape], tensor.dtype)
    return spec


class PackedTargets(Targets):
    """Splits packed batches into features, labels and weights.

    Labels of sequences are `[B, S, 1]` (or `[B, S, *shape]`), with weights `[B, S]`, zero where no sequence is.
    """

    def split(self, batch: Batch) -> Structure:
        """The batch as `features`, `(features, labels)` or `(features, labels, weights)`."""
        return self._split(batch, None) if self._options.has_targets else self._keep(batch)

    def _segments(self, batch: Batch) -> Tensor:
        return batch[packed_keys(self._of_steps.length)[0]]

    def _valid(self, batch: Batch) -> Tensor:
        return tf.cast(self._segments(batch) > 0, tf.float32)

    def _following(self, batch: Batch, valid: Tensor) -> tuple[Tensor, Tensor]:
        following, weights = super()._following(batch, valid)
        segments = self._segments(batch)
        same = tf.pad(segments[:, 1:] == segments[:, :-1], [[0, 0], [0, 1]])
        return following, weights * tf.cast(same, tf.float32)

    def _label(self, key: str, value: Tensor) -> Tensor:
        return value[:, :, None] if key in self._context and value.shape.rank == 2 else super()._label(key, value)

    def _weights_of(self, batch: Batch, valid: Tensor, real: Tensor | None, *, per_step: bool) -> Tensor:
        key = self._options.sample_weight
        if per_step and key in self._context:  # each step gets the weight of its sequence
            before = tf.pad(batch[key], [[0, 0], [1, 0]])
            batch = {**batch, key: tf.gather(before, self._segments(batch), batch_dims=1)}
        if per_step:
            return valid if key is None else tf.cast(batch[key], tf.float32) * valid
        weights = super()._weights_of(batch, valid, real, per_step=False)
        real = tf.cast(batch[self._length_key] > 0, tf.float32)
        return real if weights is None else weights * real

    def _even(self, batch: Batch, weights: Tensor, *, per_step: bool) -> Tensor:
        """The weights times the divisor of Keras' mean in this batch, over the average divisor.

        The divisor is the number of positions of steps or sequences; with a masked output, those that are not padding.
        """
        lengths = batch[self._of_steps.length]
        if per_step:
            real, positions = tf.reduce_sum(lengths), tf.size(self._segments(batch), lengths.dtype)
            mean = self._mean.steps[self._of_steps.length]
        else:
            real, positions, mean = tf.math.count_nonzero(lengths), tf.size(lengths, tf.int64), self._mean.rows
        return weights * (tf.cast(real if self._options.output_mask else positions, tf.float32) / mean)
