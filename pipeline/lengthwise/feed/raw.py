"""`read_raw`: raw TFRecords -> batches, with no step before.

    files ─ chunks ─ windows ─ parse ─ look up, validate ─ sort, pad ─ slice batches

Everything works on whole windows of thousands of records; no op sees a single one.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike, fspath
from typing import Any

import tensorflow as tf

from lengthwise import files as file_system
from lengthwise.columns import AnyColumn
from lengthwise.config.model import Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed.batch_options import takes_fields_of
from lengthwise.feed.epochs import Epochs, divided_by, plain
from lengthwise.feed.features import Features
from lengthwise.feed.local_files import ahead, is_copied, reading
from lengthwise.feed.no_record import refuse_files_without_records
from lengthwise.feed.offline import first_records, offline_rules, refuse_hopeless_files
from lengthwise.feed.options import Options, checked_boundaries, options_of
from lengthwise.feed.parse import Container
from lengthwise.feed.raw_files import Listed, list_file, read_chunks
from lengthwise.feed.raw_window import OnInvalid, RawWindow, chunk_size
from lengthwise.feed.service import file_order, for_service, read_through, service_of
from lengthwise.feed.targets import Targets
from lengthwise.feed.threads import BATCHES
from lengthwise.remote_source import state_of
from lengthwise.sources import find_sources

_CYCLE = 16  # files read in turn, each in a thread of its own
_SAMPLED_FILES, _SAMPLED_RECORDS = 4, 64
_AHEAD = 4  # chunks that wait, where one file is read at a time
_LARGE_BYTES = 2**25  # of files whose last chunks, which are smaller, do not matter

Paths = str | PathLike[str] | Sequence[str | PathLike[str]]


@takes_fields_of(Options)
def read_raw(
    files: Paths,
    columns: Iterable[AnyColumn],
    *,
    format: Container = "sequence_example",  # noqa: A002 (the configuration's name for it)
    boundaries: Sequence[int] | None = None,
    sequences: Sequences | None = None,
    on_invalid: OnInvalid = "raise",
    max_record_bytes: int = 64 * 2**20,
    stop_after_rejected: int = 4096,
    options: Options | None = None,
    **fields: Any,
) -> Any:
    """Batches of raw TFRecord files: the same batches as of prepared data, validated by the same rules.

    An epoch has every valid sequence once.

    Args:
        files: paths, glob patterns or folders, of which all files below count; plain, gzip or zlib, as the first bytes
            of each say.
        columns: what a sequence is.
        format: `sequence_example` or `example`.
        boundaries: the values that T may have, inclusive maximum lengths, strictly increasing. None: T is the batch's
            longest sequence. Sequences longer than the last are dealt with as `sequences.over_long` says.
        sequences: what happens to empty, over-long and uneven sequences; by default they are invalid.
        on_invalid: what becomes of invalid records: an error that names the first, or they are left out (`skip`) and
            their number is said on standard error. `count_raw` counts them by reason. Records that TensorFlow's
            parser refuses are written anew by protobuf and tried again, so that legal ones in unusual bytes are read.
            Three kinds it does not refuse. Where a length inside a record reaches beyond the record's end, it takes
            what is there, if each of the features is whole; the job rejects the record as unparsable. Of a flat list
            (in a tf.Example, or in the context) that comes in several packed chunks, it takes the first, even if that
            is empty, as if the list were; the job takes all. And it skips the features of a tf.Example, or one of them,
            whose field's tag is written in more bytes than it needs, as if they were absent; the job takes them.
        max_record_bytes: larger records are invalid.
        stop_after_rejected: where the first so many records, of several files, are all rejected for one reason, as a
            wrong key makes them, that is an error at once, which names the keys that they have. 0: it is none.
        options: an `Options`, of which `batch_steps` or `batch_size` is needed. With `on_damage="raise"`, a plain
            file's first record alone is compared with the file's size before TensorFlow reads it, which asks for as
            much memory as a header says, and crashes where there is none; all later headers are compared with `skip`,
            which reads files twice (remote files that TensorFlow reads itself are not compared).
        **fields: fields of `Options`, in place of such a value, or beside it, where they count.

    Returns:
        A `tf.data.Dataset`, as `read_prepared` returns it.

    Raises:
        ConfigError: an option is wrong, no file is found, or the files that this worker reads hold no record. If an
            epoch has no batch because all records were left out, iterating fails.
        DataLimitError: see `stop_after_rejected`; or the first record of a plain file is larger than the file, as its
            header says, and `on_damage` is `raise`.

    Example:
        >>> train = read_raw("raw/*.tfrecord", columns, batch_steps=8192, labels="y", seed=1)
        >>> model.fit(train, epochs=3)
    """
    columns = tuple(columns)
    chosen = for_service(options_of(options, fields))
    if chosen.verify:
        raise ConfigError("verify: expected False: no manifest says what the bytes of raw files are")
    limits = _limits(boundaries, chosen)
    rules = sequences or Sequences()
    paths = find_files(files)[chosen.index :: chosen.num_shards]
    window = RawWindow(columns, format, rules, limits, chosen, paths, on_invalid, max_record_bytes)
    source = _Source(paths, chosen)
    if stop_after_rejected:
        offline = offline_rules(columns, format, rules, limits)
        refuse_hopeless_files(paths, offline, stop_after_rejected, max_record_bytes)
    window.measure(source.sample(), source.size, source.small_chunks)
    copied = [path for path in paths if is_copied(path, chosen.chosen_cache)]
    remotes = file_system.side_by_side(state_of, copied)
    with reading(remotes, chosen.chosen_cache, here=chosen.service is None):
        return _dataset(source, window, Targets(Features.of(columns), chosen, window.mean), chosen)


def _dataset(source: "_Source", window: RawWindow, targets: Targets, chosen: Options) -> Any:
    service = service_of(chosen)
    if service is not None:
        return read_through(
            service,
            shared=lambda seed: window.windows(source.shared_chunks(seed), seed, shared=True),
            epoch=lambda seed: window.windows(source.chunks(seed), seed),
            batches=window.batches,
            finish=targets.apply,
            options=chosen,
            expected=None,
        )
    epochs = Epochs(chosen)
    windows = epochs.repeat(lambda seed: window.windows(source.chunks(seed), seed))
    dataset = targets.apply(window.batches(windows))
    return divided_by(epochs.keep(dataset.prefetch(BATCHES)), chosen)


def find_files(patterns: Paths) -> list[str]:
    """The files that paths, patterns and folders name, sorted; one under several names once, under the shortest.

    Raises:
        ConfigError: a pattern or folder names none.
    """
    named = [patterns] if isinstance(patterns, str | PathLike) else patterns
    return [found.path for found in find_sources([fspath(one) for one in named], "files").files]


class _Source:
    """Raw files as chunks of records."""

    def __init__(self, paths: Sequence[str], options: Options) -> None:
        if not paths:
            raise ConfigError(
                f"num_shards: expected at most as many workers as files, received {options.num_shards}; "
                "write more files, or read through a tf.data service"
            )
        self._paths = list(paths)
        self._options = options
        self._listed = file_system.side_by_side(partial(list_file, on_damage=options.on_damage), paths)
        refuse_files_without_records(self._listed, options)
        self._size = chunk_size(options)
        self._large = sum(file.end for file in self._listed) >= _LARGE_BYTES * len(paths)

    @property
    def size(self) -> int:
        """The bytes of all records, about: gzip files say theirs modulo 2**32."""
        return sum(file.end for file in self._listed)

    @property
    def small_chunks(self) -> int:
        """How many chunks are smaller than the others, about: the last of each file."""
        return len(self._paths) if self._large else 0

    def sample(self) -> Any:
        """The first records of a few local files, string `[n]`."""
        local = [file.path for file in self._listed if not file_system.is_remote(file.path)]
        some = local[:: max(len(local) // _SAMPLED_FILES, 1)][:_SAMPLED_FILES]
        found = [record for path in some for record in first_records(path, _SAMPLED_RECORDS)]
        return tf.constant(found, tf.string, [len(found)])

    def chunks(self, seed: Any) -> Any:
        """One epoch: chunks of records."""
        order = tf.range(len(self._paths))
        if self._options.shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed)
        return self._read(tf.data.Dataset.from_tensor_slices(order))

    def shared_chunks(self, seed: Any) -> Any:
        """One epoch for a tf.data service: its source is the list of files."""
        return self._read(tf.data.Dataset.from_tensor_slices(file_order(len(self._paths), self._options, seed)))

    def _read(self, numbers: Any) -> Any:
        dtypes = (tf.string, tf.string, tf.int64, tf.int64)
        columns = zip(*self._listed, strict=True)
        table = [tf.constant(column, dtype) for column, dtype in zip(columns, dtypes, strict=True)]

        def read(number: Any) -> Any:
            file = Listed(*(tf.gather(column, number) for column in table))
            return read_chunks(file, number, self._options.on_damage, self._size)

        numbers = ahead(numbers, lambda number: tf.gather(self._paths, number))
        if not self._options.shuffle or len(self._paths) == 1:
            chunks = numbers.flat_map(plain(read)).prefetch(_AHEAD)
        else:
            cycle = min(_CYCLE, len(self._paths))
            chunks = numbers.interleave(plain(read), cycle_length=cycle, block_length=1, num_parallel_calls=cycle)
        # Small files make small chunks, of which a window would hold too few records.
        return chunks if self._large else chunks.rebatch(self._size)


def _limits(boundaries: Sequence[int] | None, options: Options) -> tuple[int, ...] | None:
    limits = checked_boundaries(boundaries)
    if limits is None:
        if options.max_shapes is not None:
            raise ConfigError(
                "max_shapes: expected boundaries with it: raw files do not say how long their sequences are"
            )
        return None
    if options.max_shapes is not None and len(limits) > options.max_shapes:
        raise ConfigError(
            f"max_shapes: expected at least {len(limits)}, the number of boundaries, received {options.max_shapes}"
        )
    if options.batch_steps is not None and limits[-1] > options.batch_steps and options.over_budget == "error":
        raise ConfigError(
            f"batch_steps: expected at least {limits[-1]}, the last boundary, received {options.batch_steps}"
        )
    return limits
