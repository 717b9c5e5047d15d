"""Packed batches -> features, labels and weights: what belongs to a sequence is `[B, S]`, to a step `[B, T]`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from lengthwise.columns import packed_keys
from lengthwise.errors import ConfigError
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.outputs.fit_targets import Targets
from lengthwise.feed.rows.feed_features import Batch, Features


@dataclass(frozen=True)
class PackedFeatures(Features):
    """The features of batches whose rows hold several sequences.

    Attributes:
        steps: the T of each group, by the feature that has its lengths.
        segments: S.
    """

    steps: Mapping[str, int]
    segments: int

    @classmethod
    def over(cls, features: Features, options: Options, segments: int) -> "PackedFeatures":
        """Raises `ConfigError` where a feature has a key that packed batches need."""
        beside = [key for lengths in features.length_keys for key in packed_keys(lengths)]
        for key in {*beside}.intersection(features.keys):
            raise ConfigError(
                f"pack: expected columns of other keys than {' and '.join(map(repr, beside))}, which packed batches "
                f"have beside them, received {key!r}; rename the feature"
            )
        steps = {key: options.pack_of(key) for key in features.length_keys}
        return cls(features.sequences, features.context, features.length_keys, steps, segments)

    @property
    def batch_spec(self) -> dict[str, Any]:
        """A `tf.TensorSpec` for each key of a batch, with B open."""
        spec = Features(self.sequences, self.context, self.length_keys).batch_spec
        sizes = {one.key: self.steps[one.length] for one in self.sequences}
        sizes |= dict.fromkeys((*(column.key for column in self.context), self.length_key), self.segments)
        inner = {key: one.shape[2 if key in {s.key for s in self.sequences} else 1 :] for key, one in spec.items()}
        packed = {key: tf.TensorSpec([None, sizes[key], *inner[key]], one.dtype) for key, one in spec.items()}
        numbers = {key: steps for lengths, steps in self.steps.items() for key in packed_keys(lengths)}
        return packed | {key: tf.TensorSpec([None, steps], tf.int32) for key, steps in numbers.items()}


class PackedTargets(Targets):
    """Takes labels and weights out of packed batches.

    Labels of sequences are `[B, S, 1]` (or `[B, S, *shape]`), with weights `[B, S]`, zero where there is no sequence.
    """

    def split(self, batch: Batch) -> Any:
        """The batch as `features`, `(features, labels)` or `(features, labels, weights)`."""
        return self._split(batch, None) if self._options.has_targets else self._keep(batch)

    def _segments(self, batch: Batch) -> Any:
        return batch[packed_keys(self._of_steps.length)[0]]

    def _valid(self, batch: Batch) -> Any:
        return tf.cast(self._segments(batch) > 0, tf.float32)

    def _following(self, batch: Batch, valid: Any) -> tuple[Any, Any]:
        following, weights = super()._following(batch, valid)
        segments = self._segments(batch)
        same = tf.pad(segments[:, 1:] == segments[:, :-1], [[0, 0], [0, 1]])
        return following, weights * tf.cast(same, tf.float32)

    def _label(self, key: str, value: Any) -> Any:
        return value[:, :, None] if key in self._context and value.shape.rank == 2 else super()._label(key, value)

    def _weights_of(self, batch: Batch, valid: Any, real: Any | None, *, per_step: bool) -> Any:
        key = self._options.sample_weight
        if per_step and key in self._context:  # each step has its sequence's
            before = tf.pad(batch[key], [[0, 0], [1, 0]])
            batch = {**batch, key: tf.gather(before, self._segments(batch), batch_dims=1)}
        if per_step:
            return valid if key is None else tf.cast(batch[key], tf.float32) * valid
        weights = super()._weights_of(batch, valid, real, per_step=False)
        real = tf.cast(batch[self._length_key] > 0, tf.float32)
        return real if weights is None else weights * real

    def _even(self, batch: Batch, weights: Any, *, per_step: bool) -> Any:
        """The weights times what Keras' mean divides by, over what a batch holds on average.

        That are all places of steps or sequences, of a masked output those that are no padding.
        """
        lengths = batch[self._of_steps.length]
        if per_step:
            real, places = tf.reduce_sum(lengths), tf.size(self._segments(batch), lengths.dtype)
            mean = self._mean.steps[self._of_steps.length]
        else:
            real, places, mean = tf.math.count_nonzero(lengths), tf.size(lengths, tf.int64), self._mean.rows
        return weights * (tf.cast(real if self._options.output_mask else places, tf.float32) / mean)
