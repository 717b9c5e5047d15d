"""Steps of one feature -> the steps that its record keeps: cut to a length, or filled where the feature is absent."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Flat, SequenceSpec


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


def fit(steps: Mapping[str, Steps], first: Any, taken: Any, lengths: Any, specs: Mapping[str, SequenceSpec]) -> Any:
    """Takes `taken` steps from step `first` on of each record; absent features are filled with `spec.absent`.

    Args:
        steps: the features, by key.
        first: int64 `[n]`.
        taken: int64 `[n]`.
        lengths: int64 `[n]`: the records' lengths. Where all features are taken whole, nothing is copied.
        specs: of the features.

    Returns:
        A `Flat` by key.
    """
    whole = tf.reduce_all(tf.stack([one.counts for one in steps.values()]) == lengths) & tf.reduce_all(taken == lengths)

    def keep() -> list[tuple[Any, Any]]:
        sizes = [tf.reshape(tf.size(one.values, tf.int64), [1]) for one in steps.values()]
        return [(one.values, tf.concat([one.starts, size], 0)) for one, size in zip(steps.values(), sizes, strict=True)]

    def cut() -> list[tuple[Any, Any]]:
        return [_cut(one, first, taken, specs[key]) for key, one in steps.items()]

    return {key: Flat(*flat) for key, flat in zip(steps, tf.cond(whole, keep, cut), strict=True)}


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
