"""Steps of one feature -> the steps that its record keeps: cut to a length, or filled where the feature is absent."""

from collections.abc import Mapping

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Flat, SequenceSpec
from lengthwise.rules.raw_steps import Steps
from lengthwise.tensor.tensor_types import Tensor


def keep_steps(
    steps: Mapping[str, Steps[Tensor]], first: Tensor, kept: Tensor, lengths: Tensor, specs: Mapping[str, SequenceSpec]
) -> dict[str, Flat]:
    """Keeps `kept` steps of each record, from step `first` on; absent features are filled with `spec.absent`.

    Args:
        steps: the features, by key.
        first: int64 `[n]`.
        kept: int64 `[n]`.
        lengths: int64 `[n]`: the records' lengths. If all steps of all features are kept, nothing is copied.
        specs: of the features.
    """
    all_kept = tf.reduce_all(tf.stack([feature.counts for feature in steps.values()]) == lengths)
    all_kept &= tf.reduce_all(kept == lengths)
    flats = tf.cond(
        all_kept,
        lambda: [Flat(feature.values, feature.splits) for feature in steps.values()],
        lambda: [_cut(feature, first, kept, specs[key]) for key, feature in steps.items()],
    )
    return dict(zip(steps, flats, strict=True))


def _cut(steps: Steps[Tensor], first: Tensor, kept: Tensor, spec: SequenceSpec) -> Flat:
    """Gathers runs: of each record the steps before, in and after the kept ones; then fillers for absent features."""
    count, size = tf.size(steps.counts, tf.int64), tf.size(steps.values, tf.int64)
    real = tf.where(steps.present, tf.minimum(kept, steps.counts), 0) * spec.width
    starts = steps.splits[:-1]
    start = starts + tf.where(steps.present, first, 0) * spec.width
    runs = tf.reshape(tf.stack([starts, start, start + real], axis=1), [-1])
    fillers = tf.where(steps.present, tf.zeros_like(kept), kept) * spec.width
    rows = tf.range(count)
    filling = tf.fill([tf.reduce_sum(fillers)], tf.constant(spec.absent, steps.values.dtype))
    pieces = Flat(
        tf.concat([steps.values, filling], 0),
        tf.concat([runs, [size], size + tf.cumsum(fillers)], 0),
    )
    return pieces.at(tf.where(steps.present, 3 * rows + 1, 3 * count + rows))
