"""A window, sorted and padded -> its batches, one after the other.

Batches are slices of the window's flat values and share their memory where they are aligned. All that a slice needs is
worked out for a window's batches at once, so that a batch costs few ops; and these run one after the other, because
handing such small ones to other threads would cost several times what they take.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts
from lengthwise.feed.datasets.transformations import flat_mapped, mapped
from lengthwise.feed.rows.feed_features import Batch, Features
from lengthwise.feed.rows.row_chunks import LENGTHS


def emit_batches(windows: Any, features: Features) -> Any:
    """Batches of windows.

    Args:
        windows: a dataset of pairs: what `slices_of` gives, and the window's values by key: those of sequence features
            flat, those of context features `[n, *shape]`.
        features: what is in them.
    """
    return each_alone(windows, lambda slices, _: slices, lambda at, _, window: _slice(at, window, features))


def each_alone(dataset: Any, parts: Callable[..., Any], function: Callable[..., Any]) -> Any:
    """`function(part, *element)` of each part of each element, in the thread that asks for it.

    Args:
        dataset: of elements.
        parts: from an element to tensors, of which each row is a part.
        function: sees the element's tensors, which are not copied.
    """

    def each(*element: Any) -> Any:
        each_part = tf.data.Dataset.from_tensor_slices(parts(*element))
        return mapped(each_part, lambda part: function(part, *element), alone=True)

    return flat_mapped(dataset, each)


def slices_of(cuts: BatchCuts, features: Features, steps: Mapping[str, Any]) -> dict[str, Any]:
    """What `tf.slice` and `tf.reshape` need, int64, one row a batch; `steps`: the T of groups that do not lead."""
    slices = {"rows 1": cuts.starts[:, None], "rows 1 size": cuts.rows[:, None]}
    for rank in {1 + len(column.shape) for column in features.context}:
        rest = [[0, 0], [0, rank - 1]]
        slices[f"rows {rank}"] = tf.pad(cuts.starts[:, None], rest)
        slices[f"rows {rank} size"] = tf.pad(cuts.rows[:, None], rest, constant_values=-1)
    for key in features.length_keys:
        own = steps.get(key, cuts.steps)
        at = cuts.at if own is cuts.steps else tf.cumsum(cuts.rows * own, exclusive=True)
        for spec in features.of_length(key):
            slices[f"steps {key} {spec.width}"] = at[:, None] * spec.width
            slices[f"steps {key} {spec.width} size"] = (cuts.rows * own)[:, None] * spec.width
            shape = [tf.fill(tf.shape(cuts.rows), tf.constant(size, tf.int64)) for size in spec.shape]
            slices[f"shape {key} {spec.shape}"] = tf.stack([cuts.rows, own, *shape], axis=1)
    return slices


def _slice(at: Batch, window: Batch, features: Features) -> Batch:
    """One batch: dense tensors."""
    batch = {features.length_key: tf.slice(window[LENGTHS], at["rows 1"], at["rows 1 size"])}
    for column in features.context:
        rows = f"rows {1 + len(column.shape)}"
        values = tf.slice(window[column.key], at[rows], at[f"{rows} size"])
        batch[column.key] = tf.ensure_shape(values, [None, *column.shape])
    for spec in features.sequences:
        steps = f"steps {spec.length} {spec.width}"
        values = tf.slice(window[spec.key], at[steps], at[f"{steps} size"])
        dense = tf.reshape(values, at[f"shape {spec.length} {spec.shape}"])
        batch[spec.key] = tf.ensure_shape(dense, [None, None, *spec.shape])
    return batch
