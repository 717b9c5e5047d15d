"""Packed batches -> features, labels and weights: what belongs to a sequence is `[B, S]`, to a step `[B, T]`."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from lengthwise.columns import POSITIONS, RESERVED_KEY, SEGMENTS
from lengthwise.errors import ConfigError
from lengthwise.feed.features import Batch, Features
from lengthwise.feed.targets import Targets


@dataclass(frozen=True)
class PackedFeatures(Features):
    """The features of batches whose rows hold several sequences.

    Attributes:
        capacity: T.
        segments: S.
    """

    capacity: int
    segments: int

    @classmethod
    def over(cls, features: Features, capacity: int, segments: int) -> "PackedFeatures":
        """Raises `ConfigError` where a feature has a key that packed batches need."""
        for key in {SEGMENTS, POSITIONS}.intersection(features.keys):
            raise ConfigError(
                f"pack: expected columns of other keys than {SEGMENTS!r} and {POSITIONS!r}, which packed batches have "
                f"beside them, received {key!r}; rename the feature"
            )
        return cls(features.sequences, features.context, features.length_keys, capacity, segments)

    @property
    def batch_spec(self) -> dict[str, Any]:
        """A `tf.TensorSpec` for each key of a batch, with B open."""
        spec = Features(self.sequences, self.context, self.length_keys).batch_spec
        sizes = {one.key: self.capacity for one in self.sequences}
        sizes |= {column.key: self.segments for column in self.context} | {RESERVED_KEY: self.segments}
        inner = {key: one.shape[2 if key in {s.key for s in self.sequences} else 1 :] for key, one in spec.items()}
        packed = {key: tf.TensorSpec([None, sizes[key], *inner[key]], one.dtype) for key, one in spec.items()}
        return packed | {key: tf.TensorSpec([None, self.capacity], tf.int32) for key in (SEGMENTS, POSITIONS)}


class PackedTargets(Targets):
    """Takes labels and weights out of packed batches.

    Labels of sequences are `[B, S, 1]` (or `[B, S, *shape]`), with weights `[B, S]`, zero where there is no sequence.
    """

    def split(self, batch: Batch) -> Any:
        """The batch as `features`, `(features, labels)` or `(features, labels, weights)`."""
        return self._split(batch, None) if self._options.has_targets else self._keep(batch)

    def _valid(self, batch: Batch) -> Any:
        return tf.cast(batch[SEGMENTS] > 0, tf.float32)

    def _following(self, batch: Batch, valid: Any) -> tuple[Any, Any]:
        following, weights = super()._following(batch, valid)
        segments = batch[SEGMENTS]
        same = tf.pad(segments[:, 1:] == segments[:, :-1], [[0, 0], [0, 1]])
        return following, weights * tf.cast(same, tf.float32)

    def _label(self, key: str, value: Any) -> Any:
        return value[:, :, None] if key in self._context and value.shape.rank == 2 else super()._label(key, value)

    def _weights_of(self, batch: Batch, valid: Any, real: Any | None, *, per_step: bool) -> Any:
        key = self._options.sample_weight
        if per_step and key in self._context:  # each step has its sequence's
            before = tf.pad(batch[key], [[0, 0], [1, 0]])
            batch = {**batch, key: tf.gather(before, batch[SEGMENTS], batch_dims=1)}
        if per_step:
            return valid if key is None else tf.cast(batch[key], tf.float32) * valid
        weights = super()._weights_of(batch, valid, real, per_step=False)
        real = tf.cast(batch[RESERVED_KEY] > 0, tf.float32)
        return real if weights is None else weights * real

    def _even(self, batch: Batch, weights: Any, *, per_step: bool) -> Any:
        """The weights times what Keras' mean divides by, over what a batch holds on average.

        That are all places of steps or sequences, of a masked output those that are no padding.
        """
        lengths = batch[RESERVED_KEY]
        if per_step:
            real, places, mean = tf.reduce_sum(lengths), tf.size(batch[SEGMENTS], lengths.dtype), self._mean.steps
        else:
            real, places, mean = tf.math.count_nonzero(lengths), tf.size(lengths, tf.int64), self._mean.rows
        return weights * (tf.cast(real if self._options.output_mask else places, tf.float32) / mean)
