"""Files of several buckets -> one stream in which each bucket has its share from the beginning to the end.

    files in random order, those of a bucket evenly spread ─ up to 32 at a time, a chunk of each in turn ─>

All files have about the same number of chunks, so the size of a file's chunks is proportional to its share. A file with
fewer chunks starts at a random turn. One function reads all files, which keeps the start of an epoch short, each in a
separate thread.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.feed.datasets.transformations import flat_mapped, interleaved
from lengthwise.feed.options.reader_options import OnDamage
from lengthwise.feed.reading.file_streams import Portion, PortionTable, any_skipped, read_portion
from lengthwise.feed.reading.remote_files import copy_ahead
from lengthwise.tensor.tensor_types import Dataset, Tensor

_CYCLE = 32


class BucketPortion(NamedTuple):
    """A portion and its bucket."""

    portion: Portion
    bucket: int


class Turns(NamedTuple):
    """A schedule in which all files have about the same number of chunks.

    Attributes:
        sizes: int64 `[parts]`: the number of records of a chunk.
        counts: int64 `[parts]`: the number of chunks.
        late: int64 `[parts]`: the number of turns without a chunk, before the first chunk or after the last.
    """

    sizes: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    late: npt.NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[BucketPortion], size: int, *, shuffle: bool) -> "Turns":
        """`size`: the average number of records of a chunk."""
        takes = np.array([part.portion.take for part in parts])
        turns = max(round(int(takes.sum()) / len(parts) / size), 1)
        sizes = -(-takes // turns) if shuffle else np.full(len(parts), size)
        counts = -(-takes // sizes)
        return cls(sizes, counts, np.maximum(turns - counts, 0) if shuffle else np.zeros_like(counts))

    @property
    def total(self) -> int:
        """The number of turns."""
        return int((self.counts + self.late).sum())


def read_evenly(parts: Sequence[BucketPortion], on_damage: OnDamage, turns: Turns, seed: Tensor | None) -> Dataset:
    """The records of all portions.

    Args:
        parts: the portions that are read.
        on_damage: the handling of unreadable files.
        turns: of these parts.
        seed: int64 `[2]`, of the order; None: the files in their order.

    Returns:
        A dataset of string vectors, some of them empty: `turns.total` in each epoch, if nothing is damaged.
    """
    portions = [part.portion for part in parts]
    skips = any_skipped(portions)
    table = (*PortionTable.of(portions, seed), *(tf.constant(column, tf.int64) for column in (turns.sizes, turns.late)))
    if seed is not None:
        order = _order(tf.constant([part.bucket for part in parts]), seed)
        table = tuple(tf.gather(column, order) for column in table)
        starts = tf.random.stateless_uniform([len(parts)], seed + 1, 0, 1, tf.float64)
        table = (*table, tf.cast(starts * tf.cast(table[-1] + 1, tf.float64), tf.int64))

    def read(
        path: Tensor, skip: Tensor, take: Tensor, kind: Tensor, size: Tensor, late: Tensor, *before: Tensor
    ) -> Dataset:
        chunks = read_portion(path, skip if skips else None, take, kind, on_damage, size)
        if seed is None:
            return chunks
        nothing = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))
        return nothing.repeat(before[0]).concatenate(chunks).concatenate(nothing.repeat(late - before[0]))

    files = copy_ahead(tf.data.Dataset.from_tensor_slices(table), lambda path, *_: path)
    if seed is None:
        return flat_mapped(files, read).prefetch(4)
    return interleaved(files, read, min(len(parts), _CYCLE))


def _order(buckets: Tensor, seed: Tensor) -> Tensor:
    """int32 `[parts]`: the parts in a random order in which the parts of each bucket are evenly spread."""
    shuffled = tf.random.experimental.stateless_shuffle(tf.range(tf.size(buckets)), seed)
    in_bucket = tf.one_hot(tf.gather(buckets, shuffled), tf.reduce_max(buckets) + 1)
    before = tf.reduce_sum(tf.cumsum(in_bucket, exclusive=True) * in_bucket, 1)  # parts of the same bucket
    of_bucket = tf.reduce_sum(in_bucket * tf.reduce_sum(in_bucket, 0), 1)
    positions = (before + tf.random.stateless_uniform(tf.shape(before), seed)) / of_bucket
    return tf.gather(shuffled, tf.argsort(positions))
