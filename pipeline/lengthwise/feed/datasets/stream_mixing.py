"""Several streams -> one, in a random order that uses each stream up exactly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def mix(streams: Sequence[Any], counts: Sequence[int], seed: Any | None, first: Sequence[int] = ()) -> Any:
    """Mixes streams whose lengths are known.

    Args:
        streams: datasets of one element type.
        counts: how many elements each has.
        seed: int64 `[2]`; None for one stream after the other.
        first: the numbers of the streams that the first elements are from.
    """
    rest = np.asarray(counts) - np.bincount(np.asarray(first, np.int64), minlength=len(streams))
    choice = tf.constant(np.repeat(np.arange(len(streams), dtype=np.int64), rest))
    if seed is not None:
        choice = tf.random.experimental.stateless_shuffle(choice, seed)
    if len(streams) == 1:
        return streams[0]
    choices = tf.data.Dataset.from_tensor_slices(tf.concat([tf.constant(first, tf.int64), choice], 0))
    return tf.data.Dataset.choose_from_datasets(list(streams), choices, stop_on_empty_dataset=False)
