"""The rows of an arranged window: gathered in groups of batches, and filler rows as padding."""

import tensorflow as tf

from lengthwise.feed.rows.feed_features import Flat, SequenceSpec
from lengthwise.tensor.tensor_types import Tensor

GROUP_STEPS = 2**17  # padded steps that are gathered at once
BATCH_ROWS = "##rows"

Window = dict[str, Tensor]
"""An arranged window: its values, and which of them belong to which batch."""


def batch_groups(window: Window, steps: Tensor) -> dict[str, Tensor]:
    """The window's groups: (first, number) of the batches and rows of each, int64 `[groups, 2]`."""
    rows = window[BATCH_ROWS]
    number = tf.cumsum(rows * steps, exclusive=True) // GROUP_STEPS
    _, _, batches = tf.unique_with_counts(number, tf.int64)
    ends = tf.cumsum(batches)
    row_ends = tf.gather(tf.concat([[0], tf.cumsum(rows)], 0), ends)
    starts, row_starts = ends - batches, tf.concat([[0], row_ends], 0)[:-1]
    return {
        "batches": tf.stack([starts, batches], axis=1),
        "rows": tf.stack([row_starts, row_ends - row_starts], axis=1),
    }


def gather_rows(window: Window, spec: SequenceSpec, rows: Tensor) -> Tensor:
    """The values of these rows, flat."""
    return Flat(window[spec.key], window[splits_key(spec)]).at(rows).values


def splits_key(spec: SequenceSpec) -> str:
    """The key of the offsets of each row's values in a window."""
    return f"##splits {spec.length} {spec.width}"


def filler_rows(padding: Tensor) -> tuple[Tensor, Tensor]:
    """Filler rows, two of which add up to any padding P: of 0, 1, ... B-1 and of 0, B, 2B, ... steps.

    Together they have about B^2/2 + P^2/2B steps: with B = P^(2/3) far fewer than the P^2/2 of a filler of each length.

    Args:
        padding: int64 `[n]`: the padding steps of each row.

    Returns:
        B, and the fillers' lengths in steps, int64.
    """
    longest = tf.cast(tf.reduce_max(tf.concat([padding, [0]], 0)), tf.float64)
    base = tf.cast(tf.math.ceil(longest ** (2 / 3)), tf.int64) + 1
    multiples = tf.range(tf.cast(longest, tf.int64) // base + 1)
    return base, tf.concat([tf.range(base), multiples * base], 0)


def fillers_of(padding: Tensor, base: Tensor, first: Tensor) -> list[Tensor]:
    """The numbers of the two filler rows that add up to each row's padding.

    Args:
        padding: int64 `[n]`: the padding steps of each row.
        base: B of `filler_rows`.
        first: the number of the first filler row.
    """
    return [first + padding % base, first + base + padding // base]
