"""Packed batches -> features, labels and weights: values per sequence are `[B, S]`, per step `[B, T]`."""

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from lengthwise.columns import packed_keys
from lengthwise.errors import ConfigError
from lengthwise.feed.batching.mean_batch import MeanBatch
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.outputs.fit_targets import Targets
from lengthwise.feed.rows.feed_features import Batch, Features
from lengthwise.tensor.tensor_types import Structure, Tensor, TensorSpec


@dataclass(frozen=True)
class PackedFeatures(Features):
    """The features of batches whose rows contain several sequences.

    Attributes:
        steps: the T of each group, by the feature that has its lengths.
        segments: S.
    """

    steps: Mapping[str, int]
    segments: int

    @classmethod
    def over(cls, features: Features, options: Options, segments: int) -> "PackedFeatures":
        """Raises `ConfigError` if a feature has a key that packed batches add."""
        added = [key for lengths in features.length_keys for key in packed_keys(lengths)]
        for key in features.batch_spec.keys() & added:
            raise ConfigError(
                f"pack: expected columns of other keys than {' and '.join(map(repr, added))}, which packed batches "
                f"add, received {key!r}; rename the feature"
            )
        steps = {key: options.pack_of(key) for key in features.length_keys}
        return cls(features.sequences, features.context, features.length_keys, steps, segments)

    @property
    def batch_spec(self) -> dict[str, TensorSpec]:
        """A `tf.TensorSpec` for each key of a batch, with B unknown."""
        spec = super().batch_spec
        packed: dict[str, TensorSpec] = {}
        for sequence in self.sequences:
            unpacked = spec[sequence.key]
            packed[sequence.key] = tf.TensorSpec(
                [None, self.steps[sequence.length], *unpacked.shape[2:]], unpacked.dtype
            )
        for key in (*(column.key for column in self.context), self.length_key):
            packed[key] = tf.TensorSpec([None, self.segments, *spec[key].shape[1:]], spec[key].dtype)
        for lengths, steps in self.steps.items():
            packed |= {key: tf.TensorSpec([None, steps], tf.int32) for key in packed_keys(lengths)}
        return packed


def targets_of(features: Features, options: Options, mean: MeanBatch, segments: int) -> Targets:
    """`PackedTargets` if the options have `pack`, else `Targets`; `segments`: S of packed rows."""
    if options.pack is None:
        return Targets(features, options, mean)
    return PackedTargets(PackedFeatures.over(features, options, segments), options, mean)


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
