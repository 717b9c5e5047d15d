"""Files -> serialized records, with the handling of unreadable files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Self

import tensorflow as tf

from lengthwise.feed.datasets.printable_tensors import visible_text
from lengthwise.feed.datasets.transformations import (
    ONE_DEVICE,
    filtered,
    flat_mapped,
    interleaved,
    mapped,
    scanned,
    with_function,
)
from lengthwise.feed.options.reader_options import OnDamage
from lengthwise.feed.reading.damaged_files import KINDS, openable_path, read_range, report_skipped, valid_ranges
from lengthwise.feed.reading.remote_files import copy_ahead, local_path
from lengthwise.feed.reading.shard_checksums import begin_shard_check, checked_at_end, checked_last
from lengthwise.manifest import Layout
from lengthwise.records.container.compression import Compression
from lengthwise.tensor.tensor_types import ConcreteFunction, Dataset, Tensor

_BUFFER_BYTES = 2**18
_CYCLE = 4  # files of a bucket that are read in turn, each in a separate thread
_AHEAD = 4  # prefetched chunks of a bucket


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive records of one file.

    Attributes:
        path: the file.
        skip: the number of records before the portion.
        take: the number of records of the portion.
        moves: the maximum number of further records before it, random in each epoch.
        compression: of the file.
        layout: of its records.
        sequences: the average number of sequences of a record.
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

    path: Tensor
    skip: Tensor
    take: Tensor
    kind: Tensor

    @classmethod
    def of(cls, portions: Sequence[Portion], seed: Tensor | None) -> Self:
        """`seed`: int64 `[2]`, of the epoch; None: no portion moves."""
        path = tf.constant([portion.path for portion in portions], tf.string)
        skip, take, moves = (
            tf.constant([getattr(portion, name) for portion in portions], tf.int64)
            for name in ("skip", "take", "moves")
        )
        if seed is not None and any(portion.moves for portion in portions):
            # By path, so that all parts of a file move together, whichever worker reads them.
            drawn = tf.strings.to_hash_bucket_fast(tf.strings.join([path, tf.strings.as_string(seed[0])], "#"), 2**31)
            skip += drawn % (moves + 1)
        return cls(path, skip, take, tf.constant([KINDS[portion.compression] for portion in portions]))


def any_skipped(portions: Iterable[Portion]) -> bool:
    """Whether records come before a portion."""
    return any(portion.skip or portion.moves for portion in portions)


def repeated(portions: Sequence[Portion], times: float) -> list[Portion]:
    """The portions repeated: complete copies, and for a fraction a range of each, at another position in each epoch.

    Args:
        portions: complete files.
        times: such as 2.25: twice, and a quarter.
    """
    whole, part = divmod(times, 1)
    copies, records, taken = list(portions) * int(whole), 0, 0
    for portion in portions:
        records += portion.take
        take = round(part * records) - taken
        taken += take
        if take:
            copies.append(replace(portion, take=take, moves=portion.take - take))
    return copies


def divide_portions(portions: Iterable[Portion], num_shards: int, index: int) -> list[Portion]:
    """The part of the records for worker `index` of `num_shards`; the first parts may have one more record.

    Files outside the part are never opened.
    """
    portions = list(portions)
    size, more = divmod(sum(portion.take for portion in portions), num_shards)
    first, last = (size * at + min(at, more) for at in (index, index + 1))
    shard, start = [], 0
    for portion in portions:
        low, high = max(first - start, 0), min(last - start, portion.take)
        if low < high:
            shard.append(replace(portion, skip=portion.skip + low, take=high - low))
        start += portion.take
    return shard


class Streams:
    """The records of several lists of portions, each a separate dataset that is prefetched in a separate thread.

    All use one function, which is traced once.

    Args:
        on_damage: the handling of unreadable files.
        chunk: the number of records that are read at once.
        seed: int64 `[2]`: files in random order, several at a time. None: in sequence.
    """

    def __init__(self, on_damage: OnDamage, chunk: int, seed: Tensor | None) -> None:
        self._on_damage = on_damage
        self._chunk = chunk
        self._seed = seed
        self._makers: dict[tuple[bool, ...], ConcreteFunction] = {}

    def read(self, portions: Sequence[Portion], number: int) -> Dataset:
        """A dataset of string vectors of up to `chunk` records.

        Args:
            portions: the portions that are read.
            number: of this list; each number has a different order.
        """
        table = PortionTable.of(portions, self._seed)
        kind = (any_skipped(portions), len(portions) > 1 and self._seed is not None)
        if kind not in self._makers:
            make = tf.function(partial(self._make, *kind), autograph=False, experimental_attributes=ONE_DEVICE)
            spec = [tf.TensorSpec([None], column.dtype) for column in table]
            scalar = tf.TensorSpec([], tf.int64)
            self._makers[kind] = make.get_concrete_function(*spec, *[scalar] * 2, tf.TensorSpec([2], tf.int64))
        seed = tf.zeros([2], tf.int64) if self._seed is None else self._seed + number
        sizes = (self._chunk, min(_CYCLE, len(portions)))
        arguments = tf.data.Dataset.from_tensors((*table, *(tf.constant(size, tf.int64) for size in sizes), seed))
        vectors = tf.TensorSpec([None], tf.string)
        return with_function(tf.raw_ops.FlatMapDataset, arguments, self._makers[kind], vectors).prefetch(_AHEAD)

    def _make(
        self,
        skips: bool,
        several: bool,
        path: Tensor,
        skip: Tensor,
        take: Tensor,
        kind: Tensor,
        chunk: Tensor,
        cycle: Tensor,
        seed: Tensor,
    ) -> Tensor:
        table = (path, skip, take, kind)
        if several:
            order = tf.random.experimental.stateless_shuffle(tf.range(tf.size(path)), seed)
            table = tuple(tf.gather(column, order) for column in table)
        files = copy_ahead(tf.data.Dataset.from_tensor_slices(table), lambda path, *_: path)

        def read(path: Tensor, skip: Tensor, take: Tensor, kind: Tensor) -> Dataset:
            return read_portion(path, skip if skips else None, take, kind, self._on_damage, chunk)

        chunks = interleaved(files, read, cycle) if several else flat_mapped(files, read)
        return tf.data.experimental.to_variant(chunks)


def read_portion(
    path: Tensor, skip: Tensor | None, take: Tensor, kind: Tensor, on_damage: OnDamage, chunk: int
) -> Dataset:
    """The records of one portion, in chunks. Few datasets are nested below the chunks: each has a cost per record.

    TensorFlow's own error for a damaged record does not name the file. So reading stops silently at the first damaged
    chunk; an empty chunk follows the others, and a chunk that is too small is an error. With `skip` the number of
    missing records is reported at the end, whether they are damaged or the file is missing, empty or truncated.
    """
    zero = tf.constant(0, tf.int64)
    nothing = tf.data.Dataset.from_tensors(tf.zeros([0], tf.string))

    def read(path: Tensor) -> Dataset:
        path = begin_shard_check(path)
        if on_damage == "skip":
            records = _valid_records(path, kind)
        else:
            records = tf.data.TFRecordDataset(local_path(path), kind, _BUFFER_BYTES)
        records = records if skip is None else records.skip(skip)
        if on_damage == "skip":
            return checked_at_end(records.take(take).batch(chunk), path)
        chunks = records.batch(chunk).ignore_errors(True).concatenate(nothing).take(-(-take // chunk))
        chunks = mapped(chunks.enumerate(), lambda number, records: _whole(records, take - number * chunk, chunk, path))
        return checked_last(chunks, path, -(-take // chunk))

    def count(read: Tensor, records: Tensor) -> tuple[Tensor, Tensor]:
        size = tf.size(records, tf.int64)
        is_incomplete = (size == 0) & (read < take)
        with tf.control_dependencies([report_skipped(is_incomplete, take - read, "of", take, "records of", path)]):
            return read + size, tf.identity(records)

    chunks = flat_mapped(openable_path(path, on_damage), read)
    if on_damage == "raise":
        return chunks
    counted = scanned(chunks.concatenate(nothing), zero, count)
    return filtered(counted, lambda records: tf.size(records) > 0)


def _valid_records(path: Tensor, kind: Tensor) -> Dataset:
    return flat_mapped(valid_ranges(path, kind), lambda offset, count, _: read_range(path, kind, offset, count))


def _whole(records: Tensor, missing: Tensor, chunk: int, path: Tensor) -> Tensor:
    """The next records of the portion, of which `missing` are left, at most a chunk; an error if there are fewer."""
    expected = tf.minimum(missing, chunk)
    message = (
        "a file of the data set is damaged or incomplete; see `lengthwise verify` for details, "
        "on_damage='skip' skips unreadable data. The file:"
    )
    whole = tf.debugging.Assert(tf.size(records, tf.int64) >= expected, [message, visible_text(path)])
    with tf.control_dependencies([whole]):
        return records[:expected]
