"""Steps of one feature -> the steps that its record keeps: cut to a length, or filled where the feature is absent."""

from collections.abc import Mapping

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Flat, SequenceSpec
from lengthwise.rules.raw_steps import Steps
from lengthwise.tensor.tensor_types import Tensor


def fit(
    steps: Mapping[str, Steps[Tensor]], first: Tensor, taken: Tensor, lengths: Tensor, specs: Mapping[str, SequenceSpec]
) -> dict[str, Flat]:
    """Takes `taken` steps from step `first` on of each record; absent features are filled with `spec.absent`.

    Args:
        steps: the features, by key.
        first: int64 `[n]`.
        taken: int64 `[n]`.
        lengths: int64 `[n]`: the records' lengths. Where all features are taken whole, nothing is copied.
        specs: of the features.
    """
    whole = tf.reduce_all(tf.stack([one.counts for one in steps.values()]) == lengths) & tf.reduce_all(taken == lengths)

    def keep() -> list[tuple[Tensor, Tensor]]:
        return [(one.values, one.splits) for one in steps.values()]

    def cut() -> list[tuple[Tensor, Tensor]]:
        return [_cut(one, first, taken, specs[key]) for key, one in steps.items()]

    return {key: Flat(*flat) for key, flat in zip(steps, tf.cond(whole, keep, cut), strict=True)}


def _cut(steps: Steps[Tensor], first: Tensor, taken: Tensor, spec: SequenceSpec) -> tuple[Tensor, Tensor]:
    """Gathers runs: of each record the steps before, in and after the kept ones; then fillers for absent features."""
    count, size = tf.size(steps.counts, tf.int64), tf.size(steps.values, tf.int64)
    real = tf.where(steps.present, tf.minimum(taken, steps.counts), 0) * spec.width
    starts = steps.splits[:-1]
    start = starts + tf.where(steps.present, first, 0) * spec.width
    runs = tf.reshape(tf.stack([starts, start, start + real], axis=1), [-1])
    fillers = tf.where(steps.present, tf.zeros_like(taken), taken) * spec.width
    rows = tf.range(count)
    gathered = tf.raw_ops.RaggedGather(
        params_nested_splits=[tf.concat([runs, [size], size + tf.cumsum(fillers)], 0)],
        params_dense_values=tf.concat(
            [steps.values, spec.fill(spec.absent, tf.reduce_sum(fillers), steps.values.dtype)], 0
        ),
        indices=tf.where(steps.present, 3 * rows + 1, 3 * count + rows),
        OUTPUT_RAGGED_RANK=1,
    )
    return gathered.output_dense_values, gathered.output_nested_splits[0]
