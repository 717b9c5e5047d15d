"""Steps of one feature -> the steps that its record keeps: cut to a length, or filled where the feature is absent."""

from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.feed.features import Flat, SequenceSpec


class Steps(NamedTuple):
    """One sequence feature of a window, with the same number of values in every step.

    Attributes:
        values: flat, of all steps of all records.
        starts: int64 `[n]`: where each record's values start.
        counts: int64 `[n]`: its number of steps.
        present: bool `[n]`: whether it has the feature.
    """

    values: Any
    starts: Any
    counts: Any
    present: Any


def fit(steps: Steps, first: Any, taken: Any, lengths: Any, spec: SequenceSpec) -> Flat:
    """Takes `taken` steps from step `first` on of each record; absent features are filled with `spec.absent`.

    Args:
        steps: the feature.
        first: int64 `[n]`.
        taken: int64 `[n]`.
        lengths: int64 `[n]`: the records' lengths. Where all are taken whole, nothing is copied.
        spec: of the feature.
    """
    size = tf.reshape(tf.size(steps.values, tf.int64), [1])
    whole = tf.reduce_all((steps.counts == lengths) & (taken == lengths))

    def keep() -> tuple[Any, Any]:
        return steps.values, tf.concat([steps.starts, size], 0)

    def cut() -> tuple[Any, Any]:
        return _cut(steps, first, taken, spec)

    return Flat(*tf.cond(whole, keep, cut))


def _cut(steps: Steps, first: Any, taken: Any, spec: SequenceSpec) -> tuple[Any, Any]:
    """Gathers runs: of each record what stands before, in and behind the taken steps; then fillers for the absent."""
    count, size = tf.size(steps.counts, tf.int64), tf.size(steps.values, tf.int64)
    real = tf.where(steps.present, tf.minimum(taken, steps.counts), 0) * spec.width
    start = steps.starts + tf.where(steps.present, first, 0) * spec.width
    runs = tf.reshape(tf.stack([steps.starts, start, start + real], axis=1), [-1])
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
