"""Rows without their padding, and cut to a number of steps."""

from collections.abc import Mapping

import tensorflow as tf

from lengthwise.feed.features import Features, Flat, Rows, SequenceSpec
from lengthwise.feed.fit import Steps, fit


def shorten(rows: Rows, features: Features, most: int, *, keep_last: bool) -> Rows:
    """The rows with their first or last `most` steps of the leading group; others lose their padding alone.

    Args:
        rows: of which each feature has at least the row's length in steps; what is behind it is padding.
        features: what the rows hold.
        most: of steps.
        keep_last: whether the last steps are kept.
    """
    taken = tf.minimum(rows.lengths, most)
    first = rows.lengths - taken if keep_last else tf.zeros_like(taken)

    def cut(flat: Flat, spec: SequenceSpec) -> Flat:
        starts, ends = flat.splits[:-1], flat.splits[1:]
        steps = Steps(flat.values, starts, (ends - starts) // spec.width, tf.ones_like(taken, tf.bool))
        if spec.length == features.length_key:
            return fit(steps, first, taken, rows.lengths, spec)
        lengths = rows.lengths_of(spec)
        return fit(steps, tf.zeros_like(lengths), lengths, lengths, spec)

    sequences: Mapping[str, Flat] = {spec.key: cut(rows.sequences[spec.key], spec) for spec in features.sequences}
    return Rows(dict(sequences), taken, rows.context, rows.keep)
