"""A window, sorted and padded -> its batches, one after the other.

Batches are slices of the window's flat values and share their memory where they are aligned. The arguments of all
slices of a window are computed at once, so that a batch needs few ops. These run one after the other in one thread,
because scheduling such small ops on other threads costs several times their own time.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from lengthwise.feed.batching.batch_cuts import BatchCuts
from lengthwise.feed.datasets.transformations import flat_mapped, mapped
from lengthwise.feed.rows.feed_features import Batch, Features
from lengthwise.feed.rows.row_chunks import LENGTHS
from lengthwise.tensor.tensor_types import Dataset, Structure, Tensor


def emit_batches(windows: Dataset, features: Features) -> Dataset:
    """Batches of windows.

    Args:
        windows: a dataset of pairs: the result of `slices_of`, and the window's values by key: of sequence features
            flat, of context features `[n, *shape]`.
        features: the features of the windows.
    """
    return each_alone(windows, lambda slices, _: slices, lambda at, _, window: _slice(at, window, features))


def each_alone(dataset: Dataset, parts: Callable[..., Structure], function: Callable[..., Structure]) -> Dataset:
    """`function(part, *element)` for each part of each element, in the thread of the consumer.

    Args:
        dataset: any dataset.
        parts: from an element to tensors, each row of which is a part.
        function: receives the element's tensors, which are not copied.
    """

    def each(*element: Structure) -> Dataset:
        each_part = tf.data.Dataset.from_tensor_slices(parts(*element))
        return mapped(each_part, lambda part: function(part, *element), alone=True)

    return flat_mapped(dataset, each)


def slices_of(cuts: BatchCuts, features: Features, steps: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The arguments of `tf.slice` and `tf.reshape`, int64, one row per batch; `steps`: the T of further groups."""
    slices = {"rows 1": cuts.starts[:, None], "rows 1 size": cuts.rows[:, None]}
    for rank in {1 + len(column.shape) for column in features.context}:
        rest = [[0, 0], [0, rank - 1]]
        slices[f"rows {rank}"] = tf.pad(cuts.starts[:, None], rest)
        slices[f"rows {rank} size"] = tf.pad(cuts.rows[:, None], rest, constant_values=-1)
    for key in features.length_keys:
        longest = steps.get(key, cuts.steps)
        at = cuts.at if longest is cuts.steps else tf.cumsum(cuts.rows * longest, exclusive=True)
        for spec in features.of_length(key):
            slices[f"steps {key} {spec.width}"] = at[:, None] * spec.width
            slices[f"steps {key} {spec.width} size"] = (cuts.rows * longest)[:, None] * spec.width
            shape = [tf.fill(tf.shape(cuts.rows), tf.constant(size, tf.int64)) for size in spec.shape]
            slices[f"shape {key} {spec.shape}"] = tf.stack([cuts.rows, longest, *shape], axis=1)
    return slices


def _slice(at: Batch, window: Batch, features: Features) -> Batch:
    """A batch of dense tensors."""
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
