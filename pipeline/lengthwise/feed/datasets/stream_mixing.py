"""Several streams -> one, in a random order that consumes each stream completely."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lengthwise.tensor.tensor_types import Dataset, Tensor


def mix_streams(
    streams: Sequence[Dataset], counts: Sequence[int], seed: Tensor | None, first: Sequence[int] = ()
) -> Dataset:
    """Mixes streams whose lengths are known.

    Args:
        streams: datasets of one element type.
        counts: the number of elements of each.
        seed: int64 `[2]`; None for the streams in sequence.
        first: the numbers of the streams of the first elements.
    """
    if len(streams) == 1:
        return streams[0]
    rest = np.asarray(counts) - np.bincount(np.asarray(first, np.int64), minlength=len(streams))
    choice = tf.constant(np.repeat(np.arange(len(streams), dtype=np.int64), rest))
    if seed is not None:
        choice = tf.random.experimental.stateless_shuffle(choice, seed)
    choices = tf.data.Dataset.from_tensor_slices(tf.concat([tf.constant(first, tf.int64), choice], 0))
    return tf.data.Dataset.choose_from_datasets(list(streams), choices, stop_on_empty_dataset=False)
