"""Batches -> what `fit` takes: features, labels and weights."""

from typing import Any

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.batching.batch_filling import fill_up, masked_weights
from lengthwise.feed.batching.mean_batch import MeanBatch
from lengthwise.feed.batching.padding_masks import step_mask
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.outputs.model_features import keys_read, padding_of
from lengthwise.feed.rows.feed_features import Batch, Features, SequenceSpec


class Targets:
    """Takes labels and weights out of batches.

    Labels of steps get weights of steps, zero on padding, whether or not a `sample_weight` is named.

    Args:
        features: what batches hold.
        options: see `Options`.
        mean: what a batch holds on average, for `even_weights`.
    """

    def __init__(self, features: Features, options: Options, mean: MeanBatch) -> None:
        self._options = options
        self._mean = mean
        self._length_key = features.length_key
        self._specs = {key: features.of_length(key)[0] for key in features.length_keys}
        self._steps = {spec.key: spec for spec in features.sequences}
        self._context = {column.key for column in features.context}
        kept = options.features
        if callable(kept):
            padding_of(kept, options.padding)
        self._kept = keys_read(kept, features.batch_spec) if callable(kept) else kept
        self._named = set(self._kept or ())
        labels = options.labels
        self._labels = (labels,) if isinstance(labels, str) else labels or ()
        for name, key in [*(("labels", key) for key in self._labels), ("sample_weight", options.sample_weight)]:
            self._check(name, key, {*self._steps, *self._context})
        for key in self._kept or ():
            self._check("features", key, set(features.batch_spec))
        self._of_steps = self._whose_steps()
        self._check(
            "next_step", options.next_step, {k for k, s in self._steps.items() if s.dtype == tf.int64 and not s.shape}
        )

    def _whose_steps(self) -> SequenceSpec:
        """The sequence whose steps have the labels; the first where labels are of sequences."""
        named = [self._options.next_step, *self._labels]
        found = [self._steps[key] for key in named if key in self._steps] or [self._specs[self._length_key]]
        weights = self._steps.get(self._options.sample_weight or "", found[0])
        for other in (*found, weights):
            if other.length != found[0].length:
                raise ConfigError(
                    f"labels: expected labels and weights of one group, {found[0].key!r} has the lengths of "
                    f"{found[0].length!r}, {other.key!r} those of {other.length!r}"
                )
        return found[0]

    def _check(self, option: str, key: str | None, known: set[str]) -> None:
        if key is not None and key not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"{option}: expected the key of a feature ({names}), received {key!r}")

    def apply(self, dataset: Any) -> Any:
        """The dataset with each batch split; as it is, where nothing is to be taken out: a map costs more than that."""
        if not self._options.has_targets and self._kept is None:
            return dataset
        return mapped(dataset, self.split, threads())

    def split(self, batch: Batch) -> Any:
        """The batch as `features`, `(features, labels)` or `(features, labels, weights)`."""
        if self._options.has_targets:
            steps = {key: tf.shape(batch[spec.key])[1] for key, spec in self._specs.items()}
            return self._split(*fill_up(batch, steps, self._options))
        return self._keep(batch)

    def _keep(self, batch: Batch) -> Batch:
        return batch if self._kept is None else {key: batch[key] for key in self._kept}

    def _split(self, batch: Batch, real: Any | None) -> Any:
        taken = {*self._labels, self._options.sample_weight}
        features = {key: value for key, value in batch.items() if key not in taken or key in self._named}
        valid = self._valid(batch)
        labels, steps = self._labels_of(batch)
        if self._options.next_step is not None:
            labels, valid = self._following(batch, valid)
        weights = self._weights_of(batch, valid, real, per_step=steps)
        if self._options.even_weights:
            weights = self._even(batch, weights, per_step=steps)
        features = self._keep(features)
        return (features, labels) if weights is None else (features, labels, weights)

    def _valid(self, batch: Batch) -> Any:
        """`[B, T]`: 1 on the steps of sequences, 0 on padding."""
        return step_mask(batch[self._of_steps.length], self._steps_in(batch), self._options.padding)

    def _steps_in(self, batch: Batch) -> Any:
        return tf.shape(batch[self._of_steps.key])[1]

    def _following(self, batch: Batch, valid: Any) -> tuple[Any, Any]:
        """The next step's id as the label of each step, and its weight."""
        return _next_step(batch[self._options.next_step or ""], valid)

    def _labels_of(self, batch: Batch) -> tuple[Any, bool]:
        """The labels, and whether they are labels of steps."""
        if self._options.next_step is not None:
            return None, True
        per_step = {key in self._steps for key in self._labels}
        if len(per_step) > 1:  # weights that leave padding out would have two shapes
            raise ConfigError(f"labels: expected either sequences or context features, received both: {self._labels}")
        labels = {key: self._label(key, batch[key]) for key in self._labels}
        alone = isinstance(self._options.labels, str)
        return (labels[self._labels[0]] if alone else labels), per_step == {True}

    def _label(self, key: str, value: Any) -> Any:
        """The label; numbers per step as `[B, T, 1]`: of `[B, T]` Keras' losses would average over the steps."""
        spec = self._steps.get(key)
        return value[:, :, None] if spec is not None and spec.is_number and not spec.shape else value

    def _weights_of(self, batch: Batch, valid: Any, real: Any | None, *, per_step: bool) -> Any | None:
        key = self._options.sample_weight
        weights = None if key is None else tf.cast(batch[key], tf.float32)
        if not per_step and key in self._steps:
            raise ConfigError(
                f"sample_weight: expected a context feature, as the labels are, received the sequence {key!r}"
            )
        return masked_weights(weights, real, valid if per_step else None, of_steps=key in self._steps)

    def _even(self, batch: Batch, weights: Any | None, *, per_step: bool) -> Any:
        """The weights times what Keras' mean divides by in this batch, over what a batch holds on average.

        That is the number of rows; of steps, those of the output's mask, if it has one.
        """
        rows, steps = tf.size(batch[self._length_key]), self._steps_in(batch)
        if not per_step:
            factor = tf.cast(rows, tf.float32) / self._mean.rows
            return tf.fill([rows], factor) if weights is None else weights * factor
        count = tf.reduce_sum(batch[self._of_steps.length]) if self._options.output_mask else rows * steps
        return weights * (tf.cast(count, tf.float32) / self._mean.steps[self._of_steps.length])


def _next_step(ids: Any, valid: Any) -> tuple[Any, Any]:
    """Each step's label is the next step's id; the last step, and steps before a missing id, weigh nothing."""
    following = tf.concat([ids[:, 1:], tf.zeros_like(ids[:, :1])], 1)
    known = tf.cast(following >= 0, tf.float32)
    weights = valid * tf.concat([valid[:, 1:], tf.zeros_like(valid[:, :1])], 1) * known
    return tf.maximum(following, 0), weights
