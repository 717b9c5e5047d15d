"""Files -> serialized records, with what is to happen when a file cannot be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Self

import tensorflow as tf

from lengthwise.feed.datasets.printable_tensors import visible_text
from lengthwise.feed.datasets.transformations import ONE_DEVICE, filtered, flat_mapped, interleaved, mapped, scanned
from lengthwise.feed.reading.damaged_files import KINDS, OnDamage, opened, read_run, say, sound_runs
from lengthwise.feed.reading.remote_files import ahead, local
from lengthwise.feed.reading.shard_checksums import begin_check, checked_behind, checked_last
from lengthwise.manifest import Layout
from lengthwise.records.container.compression import Compression

_BUFFER_BYTES = 2**18
_CYCLE = 4  # files of a bucket that are read in turn, each in a thread of its own
_AHEAD = 4  # chunks of a bucket that wait


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive records of one file.

    Attributes:
        path: the file.
        skip: how many of its records come before.
        take: how many belong to it.
        moves: at most how many more come before it, another number in each epoch.
        compression: of the file.
        layout: of its records.
        sequences: how many a record holds, on average.
    """

    path: str
    skip: int
    take: int
    moves: int = 0
    compression: Compression = "none"
    layout: Layout = "example"
    sequences: float = 1.0


class PortionTable(NamedTuple):
    """Portions as tensors `[n]`: strings for `path` and `kind`, TensorFlow's name of the compression; else int64."""

    path: Any
    skip: Any
    take: Any
    kind: Any

    @classmethod
    def of(cls, portions: Sequence[Portion], seed: Any | None) -> Self:
        """`seed`: int64 `[2]`, of the epoch; None: no portion moves."""
        path = tf.constant([portion.path for portion in portions], tf.string)
        skip, take, moves = (
            tf.constant([getattr(portion, name) for portion in portions], tf.int64)
            for name in ("skip", "take", "moves")
        )
        if seed is not None and any(portion.moves for portion in portions):
            # By the path, so that the parts of one file that several workers read move together.
            drawn = tf.strings.to_hash_bucket_fast(tf.strings.join([path, tf.strings.as_string(seed[0])], "#"), 2**31)
            skip += drawn % (moves + 1)
        return cls(path, skip, take, tf.constant([KINDS[portion.compression] for portion in portions]))


def any_skipped(portions: Iterable[Portion]) -> bool:
    """Whether records come before a portion."""
    return any(portion.skip or portion.moves for portion in portions)


def repeated(portions: Sequence[Portion], times: float) -> list[Portion]:
    """The portions so often: whole ones, and of what is left of `times` a run of each, at another place each epoch.

    Args:
        portions: whole files.
        times: such as 2.25: twice, and a quarter.
    """
    whole, part = divmod(times, 1)
    found, seen, taken = list(portions) * int(whole), 0, 0
    for portion in portions:
        seen += portion.take
        take = round(part * seen) - taken
        taken += take
        if take:
            found.append(replace(portion, take=take, moves=portion.take - take))
    return found


def divide(portions: Iterable[Portion], num_shards: int, index: int) -> list[Portion]:
    """The part of the records that worker `index` of `num_shards` reads: the first parts have one more if need be.

    Files outside of the part are never opened.
    """
    portions = list(portions)
    size, more = divmod(sum(portion.take for portion in portions), num_shards)
    first, last = (size * at + min(at, more) for at in (index, index + 1))
    mine, start = [], 0
    for portion in portions:
        low, high = max(first - start, 0), min(last - start, portion.take)
        if low < high:
            mine.append(replace(portion, skip=portion.skip + low, take=high - low))
        start += portion.take
    return mine


class Streams:
    """The records of several lists of portions, each a dataset of its own that is read ahead in a thread of its own.

    They are made by one function, which is traced once.

    Args:
        on_damage: what becomes of files that cannot be read.
        chunk: how many records are read at once.
        seed: int64 `[2]`: files come in random order, several at a time. None: one after the other.
    """

    def __init__(self, on_damage: OnDamage, chunk: int, seed: Any | None) -> None:
        self._read = partial(read_portion, on_damage=on_damage)
        self._chunk = chunk
        self._seed = seed
        self._makers: dict[tuple[bool, ...], Any] = {}

    def read(self, portions: Sequence[Portion], number: int) -> Any:
        """A dataset of string vectors of up to `chunk` records.

        Args:
            portions: what is read.
            number: of this list; another number, another order.
        """
        table = PortionTable.of(portions, self._seed)
        kind = (any_skipped(portions), len(portions) > 1 and self._seed is not None)
        if kind not in self._makers:
            make = tf.function(partial(self._make, *kind), autograph=False, experimental_attributes=ONE_DEVICE)
            spec = [tf.TensorSpec([None], one.dtype) for one in table]
            scalar = tf.TensorSpec([], tf.int64)
            self._makers[kind] = make.get_concrete_function(*spec, *[scalar] * 2, tf.TensorSpec([2], tf.int64))
        seed = tf.zeros([2], tf.int64) if self._seed is None else self._seed + number
        sizes = (self._chunk, min(_CYCLE, len(portions)))
        given = (*table, *(tf.constant(size, tf.int64) for size in sizes), seed)
        made = tf.raw_ops.FlatMapDataset(
            input_dataset=tf.data.experimental.to_variant(tf.data.Dataset.from_tensors(given)),
            other_arguments=self._makers[kind].captured_inputs,
            f=self._makers[kind],
            output_types=[tf.string],
            output_shapes=[tf.TensorShape([None])],
        )
        return tf.data.experimental.from_variant(made, tf.TensorSpec([None], tf.string)).prefetch(_AHEAD)

    def _make(
        self, skips: bool, several: bool, path: Any, skip: Any, take: Any, kind: Any, chunk: Any, cycle: Any, seed: Any
    ) -> Any:
        table = (path, skip, take, kind)
        if several:
            order = tf.random.experimental.stateless_shuffle(tf.range(tf.size(path)), seed)
            table = tuple(tf.gather(column, order) for column in table)
        files = ahead(tf.data.Dataset.from_tensor_slices(table), lambda path, *_: path)

        def read(path: Any, skip: Any, take: Any, kind: Any) -> Any:
            return self._read(path, skip if skips else None, take, kind, chunk=chunk)

        chunks = interleaved(files, read, cycle) if several else flat_mapped(files, read)
        return tf.data.experimental.to_variant(chunks)


def read_portion(path: Any, skip: Any | None, take: Any, kind: Any, on_damage: OnDamage, chunk: int) -> Any:
    """The records of one portion, in chunks. Few datasets stand on each other below the chunks: each costs per record.

    TensorFlow's own error for a damaged record does not name the file. So reading stops silently at the chunk where
    the file breaks; an empty chunk stands behind the others, and a chunk that is too small is an error. With `skip`
    what is missing in the end is said, be it damaged or be the file gone, empty or cut off.
    """
    zero = tf.constant(0, tf.int64)
    nothing = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))

    def read(path: Any) -> Any:
        path = begin_check(path)
        records = (_read_sound if on_damage == "skip" else read_file)(path, kind)
        records = records if skip is None else records.skip(skip)
        if on_damage == "skip":
            return checked_behind(records.take(take).batch(chunk), path)
        chunks = records.batch(chunk).ignore_errors(True).concatenate(nothing).take(-(-take // chunk))
        chunks = mapped(chunks.enumerate(), lambda number, records: _whole(records, take - number * chunk, chunk, path))
        return checked_last(chunks, path, -(-take // chunk))

    def count(read: Any, records: Any) -> tuple[Any, Any]:
        size = tf.size(records, tf.int64)
        over = (size == 0) & (read < take)
        said = tf.cond(over, lambda: say(take - read, "of", take, "records of", path), lambda: tf.constant(True))
        with tf.control_dependencies([said]):
            return read + size, tf.identity(records)

    chunks = flat_mapped(opened(path, on_damage), read)
    if on_damage == "raise":
        return chunks
    counted = scanned(chunks.concatenate(nothing), zero, count)
    return filtered(counted, lambda records: tf.size(records) > 0)


def read_file(path: Any, kind: Any) -> Any:
    """The records of one file."""
    return tf.data.TFRecordDataset(local(path), kind, _BUFFER_BYTES)


def _read_sound(path: Any, kind: Any) -> Any:
    return flat_mapped(sound_runs(path, kind), lambda offset, count, _: read_run(path, kind, offset, count))


def _whole(records: Any, missing: Any, chunk: int, path: Any) -> Any:
    """The records that were missing from the portion, at most a chunk."""
    expected = tf.minimum(missing, chunk)
    message = (
        "a file of the data set is damaged or incomplete; `lengthwise verify` says more, "
        "on_damage='skip' leaves out what cannot be read. The file:"
    )
    whole = tf.debugging.Assert(tf.size(records, tf.int64) >= expected, [message, visible_text(path)])
    with tf.control_dependencies([whole]):
        return records[:expected]
