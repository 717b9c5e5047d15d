"""Rows without their padding, and cut to a number of steps."""

import tensorflow as tf

from lengthwise.feed.parsing.kept_steps import keep_steps
from lengthwise.feed.rows.feed_features import Features, Flat, Rows, SequenceSpec
from lengthwise.rules.length_rules import kept_steps
from lengthwise.rules.raw_steps import Steps
from lengthwise.tensor.tensor_arrays import TENSORS
from lengthwise.tensor.tensor_types import Tensor


def shortened_rows(rows: Rows, features: Features, max_steps: int, *, keep_last: bool) -> Rows:
    """The rows with their first or last `max_steps` of the leading group; other groups lose only their padding.

    Args:
        rows: each feature has at least the row's length in steps; the steps after it are padding.
        features: the features of the rows.
        max_steps: the maximum number of steps.
        keep_last: whether the last steps are kept.
    """
    first, kept = kept_steps(TENSORS, rows.lengths, max_steps, keeps_last=keep_last)

    def steps_of(spec: SequenceSpec) -> Steps[Tensor]:
        flat = rows.sequences[spec.key]
        counts = (flat.splits[1:] - flat.splits[:-1]) // spec.width
        return Steps(flat.values, spec.width, flat.splits, counts, tf.ones_like(kept, tf.bool))

    sequences: dict[str, Flat] = {}
    for key in features.length_keys:
        specs = {spec.key: spec for spec in features.of_length(key)}
        steps = {spec.key: steps_of(spec) for spec in specs.values()}
        if key == features.length_key:
            sequences |= keep_steps(steps, first, kept, rows.lengths, specs)
        else:
            lengths = rows.lengths_of(next(iter(specs.values())))
            sequences |= keep_steps(steps, tf.zeros_like(lengths), lengths, lengths, specs)
    return Rows(sequences, kept, rows.context, rows.keep)
