"""Files of several buckets -> one stream in which each bucket has its share from the beginning to the end.

    files in random order, those of a bucket spread over it ─ up to 32 at a time, a chunk of each in turn ─>

Each file gives about as many chunks as any other, so its chunks are as large as its share. One that has fewer starts
at a random turn. All files are read by one function, which keeps the start of an epoch short, each in a thread of its
own.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lengthwise.feed.datasets.transformations import flat_mapped, interleaved
from lengthwise.feed.reading.damaged_files import OnDamage
from lengthwise.feed.reading.file_streams import Portion, PortionTable, any_skipped, read_portion
from lengthwise.feed.reading.remote_files import ahead

_CYCLE = 32


class BucketPortion(NamedTuple):
    """A portion and its bucket."""

    portion: Portion
    bucket: int


class Turns(NamedTuple):
    """How files give about equally many chunks.

    Attributes:
        sizes: int64 `[parts]`: how many records a chunk has.
        counts: int64 `[parts]`: how many chunks there are.
        late: int64 `[parts]`: how many turns a part may be left out of, before its first chunk or behind its last.
    """

    sizes: Any
    counts: Any
    late: Any

    @classmethod
    def of(cls, parts: Sequence[BucketPortion], size: int, *, shuffle: bool) -> "Turns":
        """`size`: how many records a chunk has on average."""
        takes = np.array([part.portion.take for part in parts])
        turns = max(round(int(takes.sum()) / len(parts) / size), 1)
        sizes = -(-takes // turns) if shuffle else np.full(len(parts), size)
        counts = -(-takes // sizes)
        return cls(sizes, counts, np.maximum(turns - counts, 0) if shuffle else np.zeros_like(counts))

    @property
    def total(self) -> int:
        """How many turns there are."""
        return int((self.counts + self.late).sum())


def read_evenly(parts: Sequence[BucketPortion], on_damage: OnDamage, turns: Turns, seed: Any | None) -> Any:
    """The records of all portions.

    Args:
        parts: what is read.
        on_damage: what becomes of files that cannot be read.
        turns: of these parts.
        seed: int64 `[2]`, of the order; None: the files in their order, one after the other.

    Returns:
        A dataset of string vectors, some of them empty: in each epoch as many as `Turns` says, if nothing is damaged.
    """
    portions = [part.portion for part in parts]
    skips = any_skipped(portions)
    table = (*PortionTable.of(portions, seed), *(tf.constant(column, tf.int64) for column in (turns.sizes, turns.late)))
    if seed is not None:
        order = _order(tf.constant([part.bucket for part in parts]), seed)
        table = tuple(tf.gather(column, order) for column in table)
        starts = tf.random.stateless_uniform([len(parts)], seed + 1, 0, 1, tf.float64)
        table = (*table, tf.cast(starts * tf.cast(table[-1] + 1, tf.float64), tf.int64))

    def read(path: Any, skip: Any, take: Any, kind: Any, size: Any, late: Any, *before: Any) -> Any:
        chunks = read_portion(path, skip if skips else None, take, kind, on_damage, size)
        if seed is None:
            return chunks
        nothing = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))
        return nothing.repeat(before[0]).concatenate(chunks).concatenate(nothing.repeat(late - before[0]))

    files = ahead(tf.data.Dataset.from_tensor_slices(table), lambda path, *_: path)
    if seed is None:
        return flat_mapped(files, read).prefetch(4)
    return interleaved(files, read, min(len(parts), _CYCLE))


def _order(buckets: Any, seed: Any) -> Any:
    """int32 `[parts]`: the parts in a random order in which those of each bucket are spread evenly."""
    shuffled = tf.random.experimental.stateless_shuffle(tf.range(tf.size(buckets)), seed)
    same = tf.one_hot(tf.gather(buckets, shuffled), tf.reduce_max(buckets) + 1)
    before = tf.reduce_sum(tf.cumsum(same, exclusive=True) * same, 1)  # parts of the same bucket
    of_bucket = tf.reduce_sum(same * tf.reduce_sum(same, 0), 1)
    places = (before + tf.random.stateless_uniform(tf.shape(before), seed)) / of_bucket
    return tf.gather(shuffled, tf.argsort(places))
