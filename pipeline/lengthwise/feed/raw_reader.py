"""`read_raw`: raw TFRecords -> batches, without preparation.

    files ─ chunks ─ split filter ─ parse ─ look up, validate ─ windows: sort, pad ─ slice batches

All ops work on windows of thousands of records, none on a single record.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.datasets.epochs import Epochs, divided_by
from lengthwise.feed.datasets.parallelism import BATCHES
from lengthwise.feed.datasets.transformations import flat_mapped, interleaved
from lengthwise.feed.epoch_size import with_batch_count
from lengthwise.feed.layouts.empty_input import refuse_files_without_records
from lengthwise.feed.layouts.raw_layout import OnInvalid, RawWindow, chunk_size
from lengthwise.feed.options.batch_options import takes_fields_of
from lengthwise.feed.options.raw_job import Raw, RawJob
from lengthwise.feed.options.reader_options import Options, checked_limits, options_of
from lengthwise.feed.outputs.packed_targets import targets_of
from lengthwise.feed.reading.raw_chunks import ListedFile, list_file, read_chunks
from lengthwise.feed.reading.remote_files import copy_ahead, is_copied, reading_copies
from lengthwise.feed.service.service_reader import file_order, for_service, read_through, service_of
from lengthwise.storage import files as file_system
from lengthwise.storage.remote_copying import current_state
from lengthwise.tensor.tensor_types import Dataset, Tensor

_CYCLE = 16  # files read in turn, each in a separate thread
_AHEAD = 4  # prefetched chunks, if one file is read at a time
_LARGE_BYTES = 2**25  # size of files from which their smaller last chunks do not matter


@takes_fields_of(Options)
def read_raw(
    source: Raw,
    split: str = "train",
    *,
    columns: Iterable[Any] | None = None,
    on_invalid: OnInvalid = "raise",
    options: Options | None = None,
    **fields: Any,
) -> Dataset:
    """Batches of raw TFRecord files: the records that the job writes to the split, validated by the same rules.

    An epoch has every valid sequence of the split once. The values are the same as in prepared data; which sequences
    share a batch differs, as between any two layouts.

    Args:
        source: a job's configuration, as `load_config` accepts it: a YAML file's path, a mapping, or a `JobConfig`. Its
            inputs, columns, sequences, splits, boundaries and limits of records apply. T is rounded up to
            `buckets.boundaries`; without these, it is the batch's longest sequence. With `columns`: paths, glob
            patterns or folders of raw files, one or a list, and the job's defaults for everything else.
        split: one of the job's splits. Without `inputs.by_split`, every file is read for each split, and the records
            of other splits are skipped: by their bytes before parsing, by `splits.key` after parsing.
        columns: the definition of a sequence: columns, or `tf.feature_column` objects.
        on_invalid: the handling of invalid records: an error that names the first, or they are skipped (`skip`) and
            their number is reported on standard error. `count_raw` counts them by reason. If `splits.key` divides the
            records, those of all splits are validated. Records that TensorFlow's parser refuses are re-encoded by
            protobuf and parsed again, so that valid records in an unusual encoding are read.
            The parser does not refuse three kinds of unusual records. If a length inside a record exceeds the record's
            end, it uses the available data, if each of the features is complete; the job rejects the record as
            unparsable. Of a flat list (in a tf.Example, or in the context) in several packed chunks, it uses the first
            only, even if that is empty; the job uses all. And it ignores the features of a tf.Example, or one of them,
            whose field's tag is encoded in more bytes than necessary, as if they were absent; the job reads them.
        options: an `Options`; `batch_steps` or `batch_size` is required. With `on_damage="raise"`, only the first
            record of an uncompressed file is compared with the file's size before TensorFlow reads it, which allocates
            as much memory as a header states, and crashes if there is not enough; all later headers are compared with
            `skip`, which reads files twice (remote files that TensorFlow reads itself are not compared).
        **fields: fields of `Options`, instead of `options` or in addition, where they take precedence.

    Returns:
        A `tf.data.Dataset`, as `read_prepared` returns it.

    Raises:
        ConfigError: the configuration or an option is wrong, no file is found, the files that this worker reads
            contain no record, or over-long sequences are to become windows, which only the job supports. If an epoch
            has no batch because all records were skipped, iterating fails.
        DataLimitError: the first records are all rejected for one reason (`limits.stop_after_rejected`), as with a
            wrong key; or the first record of an uncompressed file is larger than the file, according to its header,
            and `on_damage` is `raise`.

    Example:
        >>> train = read_raw("job.yaml", "train", batch_steps=8192, labels="y", seed=1)
        >>> again = read_raw("raw/*.tfrecord", columns=columns, batch_steps=8192, labels="y", seed=1)
        >>> model.fit(train, epochs=3)
    """
    chosen = for_service(options_of(options, fields))
    if chosen.verify:
        raise ConfigError("verify: expected False: raw files have no manifest with checksums")
    job = RawJob.of(source, columns, split)
    if chosen.pack is None:
        checked_limits(job.config.buckets.boundaries, chosen)
    paths = job.find_files()[chosen.index :: chosen.num_shards]
    chunks = _RawFiles(paths, job, chosen)
    window = RawWindow(job, chosen, paths, on_invalid)
    look = job.look_ahead(paths)
    window.measure(look, chunks.size, chunks.small_chunks)
    copied = [path for path in paths if is_copied(path, chosen.chosen_cache)]
    remotes = list(file_system.map_files(current_state, copied))
    with reading_copies(remotes, chosen.chosen_cache, here=chosen.service is None):
        return _dataset(chunks, window, chosen)


def _dataset(source: "_RawFiles", window: RawWindow, chosen: Options) -> Dataset:
    targets = targets_of(window.features, chosen, window.mean, window.segments)
    service = service_of(chosen)
    if service is not None:
        return read_through(
            service,
            shared=lambda seed: window.windows(source.shared_chunks(seed), seed, shared=True),
            epoch=lambda seed: window.windows(source.chunks(seed), seed),
            batches=window.batches,
            finish=targets.apply,
            options=chosen,
            length_keys=window.features.length_keys,
            expected=None,
        )
    epochs = Epochs(chosen)
    windows = epochs.repeat(lambda seed: window.windows(source.chunks(seed), seed))
    dataset = targets.apply(window.batches(windows))
    return with_batch_count(divided_by(epochs.keep(dataset.prefetch(BATCHES)), chosen), window.batches_per_epoch)


class _RawFiles:
    """Raw files as chunks of records."""

    def __init__(self, paths: Sequence[str], job: RawJob, options: Options) -> None:
        if not paths:
            raise ConfigError(
                f"num_shards: expected at most as many workers as files, received {options.num_shards}; "
                "write more files, or read through a tf.data service"
            )
        self._paths = list(paths)
        self._options = options
        listing = partial(list_file, compression=job.config.inputs.compression, on_damage=options.on_damage)
        self._listed = list(file_system.map_files(listing, paths))
        refuse_files_without_records(self._listed, options)
        self._size = chunk_size(options)
        self._large = sum(file.end for file in self._listed) >= _LARGE_BYTES * len(paths)

    @property
    def size(self) -> int:
        """The approximate bytes of all records: gzip files state theirs modulo 2**32."""
        return sum(file.end for file in self._listed)

    @property
    def small_chunks(self) -> int:
        """The approximate number of small chunks: the last of each file."""
        return len(self._paths) if self._large else 0

    def chunks(self, seed: Tensor) -> Dataset:
        """One epoch: chunks of records."""
        order = tf.range(len(self._paths))
        if self._options.shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed)
        return self._read(tf.data.Dataset.from_tensor_slices(order))

    def shared_chunks(self, seed: Tensor) -> Dataset:
        """One epoch for a tf.data service: its source is the list of files."""
        return self._read(tf.data.Dataset.from_tensor_slices(file_order(len(self._paths), self._options, seed)))

    def _read(self, numbers: Dataset) -> Dataset:
        dtypes = (tf.string, tf.string, tf.int64, tf.int64)
        columns = zip(*self._listed, strict=True)
        table = [tf.constant(column, dtype) for column, dtype in zip(columns, dtypes, strict=True)]

        def read(number: Tensor) -> Dataset:
            file = ListedFile(*(tf.gather(column, number) for column in table))
            return read_chunks(file, number, self._options.on_damage, self._size)

        numbers = copy_ahead(numbers, lambda number: tf.gather(self._paths, number))
        if not self._options.shuffle or len(self._paths) == 1:
            chunks = flat_mapped(numbers, read).prefetch(_AHEAD)
        else:
            cycle = min(_CYCLE, len(self._paths))
            chunks = interleaved(numbers, read, cycle)
        # Small files have small chunks, with too few records for a window.
        return chunks if self._large else chunks.rebatch(self._size)
