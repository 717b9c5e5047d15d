"""Batches -> features, labels and weights for `fit`."""

from collections.abc import Mapping

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.batching.batch_filling import fill_up, masked_weights
from lengthwise.feed.batching.mean_batch import MeanBatch
from lengthwise.feed.batching.padding_masks import step_weights
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.outputs.model_features import features_read, padding_of
from lengthwise.feed.rows.feed_features import Batch, Features, SequenceSpec
from lengthwise.tensor.tensor_types import Dataset, Structure, Tensor, TensorSpec


class Targets:
    """Splits batches into features, labels and weights.

    Labels of steps get weights of steps, zero on padding, with or without a `sample_weight`.

    Args:
        features: of the batches.
        batch_spec: the `tf.TensorSpec` of each key of a batch.
        options: see `Options`.
        mean: the average size of a batch, for `even_weights`.
    """

    def __init__(
        self, features: Features, batch_spec: Mapping[str, TensorSpec], options: Options, mean: MeanBatch
    ) -> None:
        self._options = options
        self._mean = mean
        self._length_key = features.length_key
        self._specs = {key: features.of_length(key)[0] for key in features.length_keys}
        self._steps = {spec.key: spec for spec in features.sequences}
        self._context = {column.key for column in features.context}
        kept = options.features
        if callable(kept):
            padding_of(kept, options.padding)
        self._kept = features_read(kept, batch_spec) if callable(kept) else kept
        self._named = set(self._kept or ())
        labels = options.labels
        self._labels = (labels,) if isinstance(labels, str) else labels or ()
        for name, key in [*(("labels", key) for key in self._labels), ("sample_weight", options.sample_weight)]:
            self._check(name, key, {*self._steps, *self._context})
        for key in self._kept or ():
            self._check("features", key, set(batch_spec))
        self._of_steps = self._whose_steps()
        self._check(
            "next_step", options.next_step, {k for k, s in self._steps.items() if s.dtype == tf.int64 and not s.shape}
        )

    def _whose_steps(self) -> SequenceSpec:
        """The sequence feature whose steps have the labels; the first if labels are per sequence."""
        named = [self._options.next_step, *self._labels]
        labels = [self._steps[key] for key in named if key in self._steps] or [self._specs[self._length_key]]
        first, *others = labels
        weights = self._steps.get(self._options.sample_weight or "", first)
        for other in (*others, weights):
            if other.length != first.length:
                raise ConfigError(
                    f"labels: expected labels and weights of one group, {first.key!r} has the lengths of "
                    f"{first.length!r}, {other.key!r} those of {other.length!r}"
                )
        return first

    def _check(self, option: str, key: str | None, known: set[str]) -> None:
        if key is not None and key not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"{option}: expected the key of a feature ({names}), received {key!r}")

    def apply(self, dataset: Dataset) -> Dataset:
        """The dataset with each batch split; unchanged if nothing is to be split, to save the map."""
        if not self._options.has_targets and self._kept is None:
            return dataset
        return mapped(dataset, self.split, threads())

    def split(self, batch: Batch) -> Structure:
        """The batch as `features`, `(features, labels)` or `(features, labels, weights)`."""
        if self._options.has_targets:
            steps = {key: tf.shape(batch[spec.key])[1] for key, spec in self._specs.items()}
            return self._split(*fill_up(batch, steps, self._options))
        return self._keep(batch)

    def _keep(self, batch: Batch) -> Batch:
        return batch if self._kept is None else {key: batch[key] for key in self._kept}

    def _split(self, batch: Batch, real: Tensor | None) -> Structure:
        removed = {*self._labels, self._options.sample_weight} - self._named
        features = {key: value for key, value in batch.items() if key not in removed}
        valid = self._valid(batch)
        labels, steps = self._labels_of(batch)
        if self._options.next_step is not None:
            labels, valid = self._following(batch, valid)
        weights = self._weights_of(batch, valid, real, per_step=steps)
        if self._options.even_weights:
            weights = self._even(batch, weights, per_step=steps)
        features = self._keep(features)
        return (features, labels) if weights is None else (features, labels, weights)

    def _valid(self, batch: Batch) -> Tensor:
        """`[B, T]`: 1 on the steps of sequences, 0 on padding."""
        return step_weights(batch[self._of_steps.length], self._steps_in(batch), self._options.padding)

    def _steps_in(self, batch: Batch) -> Tensor:
        return tf.shape(batch[self._of_steps.key])[1]

    def _following(self, batch: Batch, valid: Tensor) -> tuple[Tensor, Tensor]:
        """The next step's id as the label of each step, and its weight."""
        return _next_step(batch[self._options.next_step or ""], valid)

    def _labels_of(self, batch: Batch) -> tuple[Structure, bool]:
        """The labels, and whether they are labels of steps."""
        if self._options.next_step is not None:
            return None, True
        per_step = {key in self._steps for key in self._labels}
        if len(per_step) > 1:  # weights that exclude padding would have two shapes
            raise ConfigError(f"labels: expected either sequences or context features, received both: {self._labels}")
        labels = {key: self._label(key, batch[key]) for key in self._labels}
        alone = isinstance(self._options.labels, str)
        return (labels[self._labels[0]] if alone else labels), per_step == {True}

    def _label(self, key: str, value: Tensor) -> Tensor:
        """The label; numbers per step as `[B, T, 1]`: with `[B, T]` Keras' losses would average over the steps."""
        spec = self._steps.get(key)
        return value[:, :, None] if spec is not None and spec.is_number and not spec.shape else value

    def _weights_of(self, batch: Batch, valid: Tensor, real: Tensor | None, *, per_step: bool) -> Tensor | None:
        key = self._options.sample_weight
        weights = None if key is None else tf.cast(batch[key], tf.float32)
        if not per_step and key in self._steps:
            raise ConfigError(
                f"sample_weight: expected a context feature, as the labels are, received the sequence {key!r}"
            )
        return masked_weights(weights, real, valid if per_step else None, of_steps=key in self._steps)

    def _even(self, batch: Batch, weights: Tensor | None, *, per_step: bool) -> Tensor:
        """The weights times the divisor of Keras' mean in this batch, over the average divisor.

        The divisor is the number of rows; for labels of steps the number of steps, those of the mask if there is one.
        """
        rows, steps = tf.size(batch[self._length_key]), self._steps_in(batch)
        if not per_step:
            factor = tf.cast(rows, tf.float32) / self._mean.rows
            return tf.fill([rows], factor) if weights is None else weights * factor
        count = tf.reduce_sum(batch[self._of_steps.length]) if self._options.output_mask else rows * steps
        return weights * (tf.cast(count, tf.float32) / self._mean.steps[self._of_steps.length])


def _next_step(ids: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The next step's id as the label of each step; the last step, and steps before a missing id, have weight 0."""
    following = tf.concat([ids[:, 1:], tf.zeros_like(ids[:, :1])], 1)
    known = tf.cast(following >= 0, tf.float32)
    weights = valid * tf.concat([valid[:, 1:], tf.zeros_like(valid[:, :1])], 1) * known
    return tf.maximum(following, 0), weights
