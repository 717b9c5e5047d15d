"""A window of serialized raw records -> sorted and padded rows; invalid records are an error, or skipped."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.buckets import LengthHistogram
from lengthwise.columns import RESERVED_KEY, groups, length_key
from lengthwise.errors import ConfigError
from lengthwise.feed.batching.group_checks import check_groups
from lengthwise.feed.batching.largest_first import largest_steps
from lengthwise.feed.batching.mean_batch import MeanBatch
from lengthwise.feed.batching.packed_windows import segments_of, windows_of
from lengthwise.feed.batching.window_sizes import chunks_of_windows, rows_of_window, steps_per_row
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.datasets.transformations import interleaved, mapped
from lengthwise.feed.layouts.empty_input import refuse_empty_epochs
from lengthwise.feed.options.random_crops import cropped_boundaries
from lengthwise.feed.options.raw_job import RawJob
from lengthwise.feed.options.reader_options import Options, check_choice
from lengthwise.feed.parsing.canonical_records import reencode_records
from lengthwise.feed.parsing.raw_rows import WindowRefiner
from lengthwise.feed.parsing.record_parser import Parsed
from lengthwise.feed.parsing.split_filter import SplitFilter
from lengthwise.feed.reading.frame_claims import FRAME_BYTES
from lengthwise.feed.reading.raw_chunks import RawChunk
from lengthwise.feed.rows.feed_features import Features, Rows
from lengthwise.feed.rows.row_chunks import END, SEED, ChunkFormat
from lengthwise.feed.service.service_reader import seed_of_content
from lengthwise.printable_text import visible
from lengthwise.rules.record_rules import VALID
from lengthwise.tensor.tensor_types import Dataset, Tensor

if TYPE_CHECKING:
    from lengthwise.config import JobConfig, Sequences
    from lengthwise.records.samples.first_records import FirstRecords

_CHUNK = 2048  # records parsed at once
_UNKNOWN_STEPS = 64  # assumed steps of a record if no record was measured
_MARGIN = 1.03  # the estimated number of records may be too low by this factor
_SPARE_WINDOWS = 2**10  # in case there are more records than estimated

OnInvalid = Literal["raise", "skip"]


def chunk_size(options: Options) -> int:
    """The number of records that are parsed at once."""
    return min(_CHUNK, options.window or _CHUNK)


class RawWindow:
    """Turns windows of raw records into windows of rows.

    Attributes:
        features: of the rows.
        mean: the average size of a batch, as far as it is known.
        batches_per_epoch: the estimated number of batches of an epoch; 0 if the lengths are unknown.
    """

    def __init__(
        self,
        job: RawJob,
        options: Options,
        paths: Sequence[str],
        on_invalid: OnInvalid,
    ) -> None:
        check_choice("on_invalid", on_invalid, get_args(OnInvalid))
        config = job.config
        if config.sequences.over_long == "window":
            raise ConfigError(
                "sequences.over_long: read_raw cannot split sequences into windows; `lengthwise prepare` can"
            )
        self.features = Features.of(config.columns)
        self._split_filter = SplitFilter(config, job.split)
        check_groups(self.features, options)
        rules = config.sequences_within(config.longest)
        self._refiner = WindowRefiner(config.columns, config.inputs.format, rules, _longest(config, rules, options))
        self._format = ChunkFormat(self.features)
        boundaries = None if self.features.has_groups else config.buckets.boundaries
        largest: tuple[int, ...] = ()
        if boundaries is not None:
            largest = largest_steps(cropped_boundaries(boundaries, options.crop_of(RESERVED_KEY)), options)
        self._windows = windows_of(self.features, options, self._format, boundaries, lambda: self.segments, largest)
        self._options = options
        self._boundaries = boundaries
        self._steps_per_row, self._chunks = float(_UNKNOWN_STEPS), 0
        unknown = np.array([_UNKNOWN_STEPS if boundaries is None else min(_UNKNOWN_STEPS, boundaries[-1])])
        self.mean = self._mean_of(dict.fromkeys(self.features.length_keys, unknown))
        self.batches_per_epoch = 0.0
        self._paths = list(map(visible, paths))  # in messages only
        self._on_invalid = on_invalid
        self._max_record_bytes = config.limits.max_record_bytes

    @property
    def segments(self) -> int:
        """The maximum number of sequences of a packed row."""
        return segments_of(self._options, self._steps_per_row)

    def measure(self, look: "FirstRecords", size: int, small_chunks: int) -> None:
        """Estimates the sizes of windows, batches and epochs from the lengths of some records.

        Args:
            look: the first records.
            size: the bytes of all records.
            small_chunks: the number of small chunks.
        """
        lengths = look.lengths[self.features.length_key]
        if any(values.any() for values in look.lengths.values()):
            self.mean = self._mean_of(look.lengths)
            histograms = {key: LengthHistogram.from_lengths(values) for key, values in look.lengths.items()}
            self._steps_per_row = max(steps_per_row(histograms, self._options), 1.0)
            records = size / (look.record_bytes / look.records + FRAME_BYTES)
            self._chunks = math.ceil(records / chunk_size(self._options) * _MARGIN) + small_chunks
            self.batches_per_epoch = records * len(lengths) / look.records * self._split_filter.share / self.mean.rows

    def _mean_of(self, lengths: Mapping[str, npt.NDArray[np.int64]]) -> MeanBatch:
        counted = {key: (values, np.ones(len(values))) for key, values in lengths.items()}
        return MeanBatch.of(counted, self._options, self._boundaries)

    def _sizes(self) -> list[int]:
        """The number of chunks of each window; more records than estimated are read in windows of full size."""
        return [*chunks_of_windows(self._chunks + 1, self._per_window), *[self._per_window] * _SPARE_WINDOWS]

    @property
    def _per_window(self) -> int:
        records = rows_of_window(self._options, self._steps_per_row) / self._split_filter.share
        return max(int(records) // chunk_size(self._options), 1)

    def windows(self, chunks: Dataset, seed: Tensor, *, shared: bool = False) -> Dataset:
        """One epoch of windows.

        Args:
            chunks: a dataset of `RawChunk`.
            seed: int64 `[2]`, of the epoch.
            shared: whether the seeds of windows depend on their content, for a tf.data service.
        """
        parallel = threads()
        parsed = interleaved(chunks, self.parse, parallel)

        def refine(chunk: RawChunk, parsed: Parsed) -> dict[str, Tensor]:
            packed = self._refine(chunk, parsed)
            return {**packed, SEED: self._seed_of(chunk, seed)} if shared else packed

        rows = mapped(parsed, refine, parallel)
        if shared:
            return self._windows.independent(rows, self._per_window, seed)
        return self._windows.of(rows, self._sizes(), seed)

    def batches(self, windows: Dataset) -> Dataset:
        """From windows, of any number of epochs, to batches."""
        return self._windows.batches(refuse_empty_epochs(windows) if END in windows.element_spec else windows)

    def _refine(self, chunk: RawChunk, parsed: Parsed) -> dict[str, Tensor]:
        """The chunk's rows, packed."""
        rows, verdicts = self._refiner.refine(parsed)
        with tf.control_dependencies([self._report(verdicts.codes, verdicts.names, chunk)]):
            lengths = tf.identity(rows.lengths)
        return self._format.pack(
            self._split_filter.rows(Rows(rows.sequences, lengths, rows.context, rows.keep), parsed)
        )

    def _seed_of(self, chunk: RawChunk, seed: Tensor) -> Tensor:
        """int64 `[1, 2]`; for a chunk whose records are all skipped, the seed of the epoch."""
        some = tf.size(chunk.records) > 0
        return tf.cond(some, lambda: seed_of_content(chunk.records[0], seed), lambda: seed)[None]

    def parse(self, chunk: RawChunk) -> Dataset:
        """The parsable records, parsed: a dataset of a single (chunk, parsed).

        TensorFlow's ops fail for all records at once, and no op can react to another op's failure. But a dataset that
        ignores errors then has no element, and the element of the next dataset is used, for which the records are
        parsed one by one.
        """
        in_split = self._split_filter.of_records(chunk.records)
        if in_split is not None:
            chunk = RawChunk(*(tf.boolean_mask(part, in_split) for part in chunk))
        small = tf.strings.length(chunk.records) <= self._max_record_bytes
        whole = tf.data.Dataset.from_tensors(self._without(chunk, small, "too_large"))
        fast = mapped(whole, lambda chunk: (chunk, self._refiner.parser.parse(chunk.records))).ignore_errors()
        return fast.concatenate(mapped(whole, self._parse_parsable)).take(1)

    def _parse_parsable(self, chunk: RawChunk) -> tuple[RawChunk, Parsed]:
        records, good = self._reencode_refused(chunk.records)
        chunk = self._without(chunk._replace(records=records), good, "unparsable, or a feature of another dtype")
        return chunk, self._refiner.parser.parse(chunk.records)

    def _reencode_refused(self, records: Tensor) -> tuple[Tensor, Tensor]:
        """The records, with refused records re-encoded, and which of all can be parsed now, bool `[n]`."""
        positions, _ = self._try_alone(records)
        good = tf.scatter_nd(positions[:, None], tf.fill(tf.shape(positions), True), [tf.size(records, tf.int64)])
        refused = tf.where(~good)
        parsable, new_records = self._try_alone(tf.gather(records, refused[:, 0]), reencoded=True)
        positions = tf.gather(refused, parsable)
        records = tf.tensor_scatter_nd_update(records, positions, new_records)
        return records, tf.tensor_scatter_nd_update(good, positions, tf.fill(tf.shape(parsable), True))

    def _try_alone(self, records: Tensor, *, reencoded: bool = False) -> tuple[Tensor, Tensor]:
        """The positions of the records that can be parsed, int64 `[m]`, and their bytes, string `[m]`."""
        count = tf.size(records, tf.int64)
        parser = self._refiner.parser

        def attempt(row: Tensor) -> tuple[Tensor, Tensor]:
            record = records[row : row + 1]
            record = reencode_records(record, parser.container) if reencoded else record
            # The row must depend on all results: TensorFlow prunes unused ops, and with them their errors.
            sizes = [
                tf.size(raw.values, tf.int64) + tf.math.count_nonzero(raw.present)
                for raw in parser.parse(record).values()
            ]
            return tf.maximum(row, tf.minimum(tf.add_n(sizes), 0)), record[0]

        tried = mapped(tf.data.Dataset.range(count), attempt).ignore_errors().batch(tf.maximum(count, 1))
        empty = tf.data.Dataset.from_tensors((tf.zeros([0], tf.int64), tf.zeros([0], tf.string)))
        positions, parsable = tried.concatenate(empty).take(1).get_single_element()
        return positions, parsable

    def _without(self, chunk: RawChunk, good: Tensor, reason: str) -> RawChunk:
        with tf.control_dependencies([self._report(tf.where(good, VALID, 0), [reason], chunk)]):
            good = tf.identity(good)
        return tf.cond(
            tf.reduce_all(good), lambda: chunk, lambda: RawChunk(*(tf.boolean_mask(part, good) for part in chunk))
        )

    def _report(self, codes: Tensor, names: Sequence[str], chunk: RawChunk) -> Tensor:
        """An op that fails at the first invalid record, or reports the number of skipped records."""
        bad = codes != VALID
        return tf.cond(
            tf.reduce_any(bad), lambda: self._report_invalid(codes, names, chunk, bad), lambda: tf.constant(True)
        )

    def _report_invalid(self, codes: Tensor, names: Sequence[str], chunk: RawChunk, bad: Tensor) -> Tensor:
        first = tf.argmax(tf.cast(bad, tf.int32))
        reason = tf.gather(tf.constant(list(map(visible, names))), codes[first])
        location = (reason, tf.gather(self._paths, chunk.file[first]), "record", chunk.index[first])
        if self._on_invalid == "raise":
            message = "invalid record; on_invalid='skip' skips it. Reason, file and record:"
            done = tf.debugging.Assert(False, [message, *location])
        else:
            number = tf.math.count_nonzero(bad)
            done = tf.print("lengthwise: skipped", number, "invalid records, the first:", *location)
        with tf.control_dependencies([done]):
            return tf.constant(False)


def _longest(config: "JobConfig", rules: "Sequences", options: Options) -> dict[str, int | None]:
    """The maximum number of steps of a sequence, by group.

    Raises:
        ConfigError: packed rows would have to contain sequences without a step.
    """
    leading, *others = groups(config.columns) or ("",)
    longest = {leading: config.buckets.longest} | {group: rules.of(group).max_length for group in others}
    if options.pack is None:
        return longest
    for group, max_steps in longest.items():
        if rules.of(group).empty == "keep":
            raise ConfigError(
                f"sequences{f'.groups.{group}' * bool(group)}.empty: expected 'reject' with pack: a packed row "
                "cannot contain sequences without a step"
            )
        key = length_key(group)
        if options.crop_of(key) is None:  # crops need the whole sequence
            longest[group] = min(max_steps or options.pack_of(key), options.pack_of(key))
    return longest
