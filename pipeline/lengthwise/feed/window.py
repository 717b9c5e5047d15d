"""A window of sequences -> its batches: sort by length, pad everything in one go, slice.

    flat values of each feature, row after row ──┐
    lengths ── sort, longest first ── cut ───────┤
                                                 └─ gather rows and padding in turn ─ slice and reshape a batch ─>
                                                 [rows, T]

Padding is a row like any other: filler rows of every length that is needed stand behind the real ones, so one ragged
gather both sorts and pads, copying runs of values rather than single ones.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.feed.cut import cut
from lengthwise.feed.emit import slices_of
from lengthwise.feed.features import Features, SequenceSpec
from lengthwise.feed.options import Options


@dataclass(frozen=True, slots=True)
class Flat:
    """The values of one sequence feature: those of row i are `values[splits[i]:splits[i + 1]]`."""

    values: Any
    splits: Any


@dataclass(frozen=True, slots=True)
class Rows:
    """A window of unpadded sequences.

    Attributes:
        sequences: the values of each sequence feature, by key.
        lengths: int64 `[n]`, in steps.
        context: `[n, *shape]` of each context feature, by key.
        keep: bool `[n]`: the rows to use; None for all.
    """

    sequences: dict[str, Flat]
    lengths: Any
    context: dict[str, Any]
    keep: Any = None


def arrange(
    rows: Rows, seed: Any, features: Features, options: Options, boundaries: tuple[int, ...] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sorts and pads a window.

    Args:
        rows: the sequences.
        seed: int64 `[2]`: decides between equal lengths, and the order of the batches.
        features: what the rows hold.
        options: see `Options`.
        boundaries: the values that T may have; None for any.

    Returns:
        The window's batches, as `emit_batches` takes them.
    """
    order = _sort(rows, seed, shuffle=options.shuffle)
    lengths = tf.gather(rows.lengths, order)
    cuts, targets = cut(lengths, options, boundaries)
    _check_budget(lengths, options)
    window: dict[str, Any] = {column.key: tf.gather(rows.context[column.key], order) for column in features.context}
    window[RESERVED_KEY] = lengths
    pieces, fillers = _pieces(order, tf.size(rows.lengths, tf.int64), targets - lengths)
    for spec in features.sequences:
        window[spec.key] = _gather(rows.sequences[spec.key], pieces, fillers, spec)
    if options.shuffle:
        cuts = cuts.permuted(seed + 1)
    return slices_of(cuts, features), window


def _sort(rows: Rows, seed: Any, *, shuffle: bool) -> Any:
    """The rows to keep, the longest first; equal lengths in random order, or in their own."""
    count = tf.size(rows.lengths, tf.int64)
    random = tf.random.stateless_uniform([count], seed, 0, 2**31 - 1, tf.int64)
    ties = random if shuffle else tf.range(count, 0, -1)
    keys = rows.lengths * 2**31 + ties
    if rows.keep is None:
        return tf.argsort(keys, direction="DESCENDING")
    order = tf.argsort(tf.where(rows.keep, keys, -1), direction="DESCENDING")
    return order[: tf.math.count_nonzero(rows.keep)]


def _pieces(order: Any, count: Any, padding: Any) -> tuple[Any, Any]:
    """Which rows follow each other in the padded window: each real one, then fillers that add up to its padding.

    With fillers of 0, 1, ... B-1 and of 0, B, 2B, ... steps, two make any padding P, and all fillers together have
    about B^2/2 + P^2/2B steps: with B = P^(2/3) far fewer than P^2/2, which one filler of every length would take.

    Args:
        order: int64 `[n]`: the real rows.
        count: how many real rows stand before the fillers.
        padding: int64 `[n]`: how many steps each needs.

    Returns:
        int64 `[3 n]`, the rows; and the fillers' lengths in steps.
    """
    longest = tf.cast(tf.reduce_max(tf.concat([padding, [0]], 0)), tf.float64)
    base = tf.cast(tf.math.ceil(longest ** (2 / 3)), tf.int64) + 1
    multiples = tf.range(tf.cast(longest, tf.int64) // base + 1)
    pieces = tf.stack([tf.cast(order, tf.int64), count + padding % base, count + base + padding // base], axis=1)
    return tf.reshape(pieces, [-1]), tf.concat([tf.range(base), multiples * base], 0)


def _gather(flat: Flat, pieces: Any, fillers: Any, spec: SequenceSpec) -> Any:
    sizes = fillers * spec.width
    filling = spec.fill(spec.padding, tf.reduce_sum(sizes), flat.values.dtype)
    gathered = tf.raw_ops.RaggedGather(
        params_nested_splits=[tf.concat([flat.splits, flat.splits[-1] + tf.cumsum(sizes)], 0)],
        params_dense_values=tf.concat([flat.values, filling], 0),
        indices=pieces,
        OUTPUT_RAGGED_RANK=1,
    )
    return tf.cast(gathered.output_dense_values, spec.dtype)


def _check_budget(lengths: Any, options: Options) -> None:
    if options.batch_steps is None or options.over_budget == "alone":
        return
    longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
    message = (
        f"expected sequences of at most batch_steps={options.batch_steps} steps, found a longer one; "
        "raise batch_steps, or give over_budget='alone'. Its number of steps:"
    )
    tf.debugging.Assert(longest <= options.batch_steps, [message, longest])
