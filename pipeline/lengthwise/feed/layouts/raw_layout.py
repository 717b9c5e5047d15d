"""A window of serialized raw records -> sorted and padded rows; bad records are an error, or left out."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
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
from lengthwise.feed.options.random_crops import cropped
from lengthwise.feed.options.raw_job import RawJob
from lengthwise.feed.options.reader_options import Options, check_choice
from lengthwise.feed.parsing.canonical_records import canonical
from lengthwise.feed.parsing.raw_rows import Refiner
from lengthwise.feed.parsing.record_parser import Parsed
from lengthwise.feed.parsing.split_filter import OwnSplit
from lengthwise.feed.reading.damaged_files import FRAME_BYTES
from lengthwise.feed.reading.raw_chunks import RawChunk
from lengthwise.feed.rows.feed_features import Features, Rows
from lengthwise.feed.rows.row_chunks import END, SEED, ChunkFormat
from lengthwise.feed.service.service_reader import with_seed_of_content
from lengthwise.printable_text import visible
from lengthwise.rules.record_rules import VALID
from lengthwise.tensor.tensor_types import Tensor

if TYPE_CHECKING:
    from lengthwise.config import JobConfig, Sequences
    from lengthwise.records.samples.first_records import FirstRecords

_CHUNK = 2048  # records parsed at once
_UNKNOWN = 64  # steps of a record, where none could be looked at
_MARGIN = 1.03  # by which a few records may mislead about how many there are
_MORE = 2**10  # windows, should there be more records than expected

OnInvalid = Literal["raise", "skip"]


def chunk_size(options: Options) -> int:
    """How many records are parsed at once."""
    return min(_CHUNK, options.window or _CHUNK)


class RawWindow:
    """Turns windows of raw records into windows of rows.

    Attributes:
        features: what the rows hold.
        mean: what a batch holds on average, as far as is known.
        batches_per_epoch: how many batches an epoch has, about; 0 where nothing is known of the lengths.
    """

    def __init__(
        self,
        job: RawJob,
        options: Options,
        paths: Sequence[str],
        on_invalid: OnInvalid,
    ) -> None:
        check_choice("on_invalid", on_invalid, OnInvalid)
        config = job.config
        if config.sequences.over_long == "window":
            raise ConfigError(
                "sequences.over_long: read_raw cannot split sequences into windows; `lengthwise prepare` can"
            )
        self.features = Features.of(config.columns)
        self._own = OwnSplit(config, job.split)
        check_groups(self.features, options)
        rules = config.sequences_within(config.longest)
        self._refiner = Refiner(config.columns, config.inputs.format, rules, _longest(config, rules, options))
        self._format = ChunkFormat(self.features)
        boundaries = None if self.features.has_groups else job.boundaries
        largest = (
            () if boundaries is None else largest_steps(cropped(boundaries, options.crop_of(RESERVED_KEY)), options)
        )
        self._windows = windows_of(self.features, options, self._format, boundaries, lambda: self.segments, largest)
        self._options = options
        self._boundaries = boundaries
        self._steps_per_row, self._chunks = float(_UNKNOWN), 0
        unknown = np.array([_UNKNOWN if boundaries is None else min(_UNKNOWN, boundaries[-1])])
        self.mean = self._mean_of(dict.fromkeys(self.features.length_keys, unknown))
        self.batches_per_epoch = 0.0
        self._paths = list(map(visible, paths))  # in messages only
        self._on_invalid = on_invalid
        self._max_record_bytes = config.limits.max_record_bytes

    @property
    def segments(self) -> int:
        """How many sequences a packed row holds at most."""
        return segments_of(self._options, self._steps_per_row)

    def measure(self, look: "FirstRecords", size: int, small_chunks: int) -> None:
        """Chooses the windows by the lengths of some records, and what is known of all together.

        Args:
            look: the first records.
            size: the bytes of all records.
            small_chunks: how many of their chunks are small.
        """
        lengths = look.lengths[self.features.length_key]
        if any(own.any() for own in look.lengths.values()):
            self.mean = self._mean_of(look.lengths)
            histograms = {key: LengthHistogram.from_lengths(own) for key, own in look.lengths.items()}
            self._steps_per_row = max(steps_per_row(histograms, self._options), 1.0)
            records = size / (look.record_bytes / look.records + FRAME_BYTES)
            self._chunks = math.ceil(records / chunk_size(self._options) * _MARGIN) + small_chunks
            self.batches_per_epoch = records * len(lengths) / look.records * self._own.share / self.mean.rows

    def _mean_of(self, lengths: Mapping[str, Any]) -> MeanBatch:
        counted = {key: (own, np.ones(len(own))) for key, own in lengths.items()}
        return MeanBatch.of(counted, self._options, self._boundaries)

    def _sizes(self) -> list[int]:
        """How many chunks each window takes; more records than expected are read by whole windows."""
        return [*chunks_of_windows(self._chunks + 1, self._per_window), *[self._per_window] * _MORE]

    @property
    def _per_window(self) -> int:
        records = rows_of_window(self._options, self._steps_per_row) / self._own.share
        return max(int(records) // chunk_size(self._options), 1)

    def windows(self, chunks: Any, seed: Any, *, shared: bool = False) -> Any:
        """One epoch of windows.

        Args:
            chunks: a dataset of `RawChunk`.
            seed: int64 `[2]`, of the epoch.
            shared: whether windows have seeds by what is in them, for a tf.data service.
        """
        parallel = threads()
        parsed = interleaved(chunks, self.parse, parallel)

        def refine(chunk: RawChunk, parsed: Parsed) -> dict[str, Any]:
            packed = self._refine(chunk, parsed)
            return {**packed, SEED: self._seed_of(chunk, seed)} if shared else packed

        rows = mapped(parsed, refine, parallel)
        return (
            self._windows.apart(rows, self._per_window, seed) if shared else self._windows.of(rows, self._sizes(), seed)
        )

    def batches(self, windows: Any) -> Any:
        """From windows, of any number of epochs, to batches."""
        return self._windows.batches(refuse_empty_epochs(windows) if END in windows.element_spec else windows)

    def _refine(self, chunk: RawChunk, parsed: Parsed) -> dict[str, Any]:
        """The chunk's rows, packed."""
        rows, verdicts = self._refiner.refine(parsed)
        with tf.control_dependencies([self._report(verdicts.codes, verdicts.names, chunk)]):
            lengths = tf.identity(rows.lengths)
        return self._format.pack(self._own.rows(Rows(rows.sequences, lengths, rows.context, rows.keep), parsed))

    def _seed_of(self, chunk: RawChunk, seed: Any) -> Any:
        """int64 `[1, 2]`; of a chunk whose records are all left out, the epoch's."""
        some = tf.size(chunk.records) > 0
        return tf.cond(some, lambda: with_seed_of_content(chunk.records[0], seed), lambda: seed)[None]

    def parse(self, chunk: RawChunk) -> Any:
        """The records that can be parsed, parsed: a dataset of one (chunk, parsed).

        TensorFlow's ops fail for all records at once, and an op's failure is no value that others could act upon. But a
        dataset that ignores errors turns it into one element less: then the next dataset's element is taken, for
        which the records were tried one by one.
        """
        own = self._own.of_records(chunk.records)
        chunk = chunk if own is None else RawChunk(*(tf.boolean_mask(part, own) for part in chunk))
        small = tf.strings.length(chunk.records) <= self._max_record_bytes
        whole = tf.data.Dataset.from_tensors(self._without(chunk, small, "too_large"))
        fast = mapped(whole, lambda chunk: (chunk, self._refiner.parser.parse(chunk.records))).ignore_errors()
        return fast.concatenate(mapped(whole, self._parse_parsable)).take(1)

    def _parse_parsable(self, chunk: RawChunk) -> tuple[RawChunk, Parsed]:
        records, good = self._repaired(chunk.records)
        chunk = self._without(chunk._replace(records=records), good, "unparsable, or a feature of another dtype")
        return chunk, self._refiner.parser.parse(chunk.records)

    def _repaired(self, records: Any) -> tuple[Any, Any]:
        """The records, those that are refused alone written anew, and which can be parsed now, bool `[n]`."""
        places, _ = self._try_alone(records)
        good = tf.scatter_nd(places[:, None], tf.fill(tf.shape(places), True), [tf.size(records, tf.int64)])
        refused = tf.where(~good)
        repaired, anew = self._try_alone(tf.gather(records, refused[:, 0]), canonically=True)
        places = tf.gather(refused, repaired)
        records = tf.tensor_scatter_nd_update(records, places, anew)
        return records, tf.tensor_scatter_nd_update(good, places, tf.fill(tf.shape(repaired), True))

    def _try_alone(self, records: Any, *, canonically: bool = False) -> tuple[Any, Any]:
        """The places of the records that can be parsed, int64 `[m]`, and their bytes, string `[m]`."""
        count = tf.size(records, tf.int64)
        parser = self._refiner.parser

        def attempt(row: Any) -> tuple[Any, Any]:
            record = records[row : row + 1]
            record = canonical(record, parser.container) if canonically else record
            # The row must depend on all of it: TensorFlow drops an op whose result nobody uses, its error with it.
            used = [
                tf.size(raw.values, tf.int64) + tf.math.count_nonzero(raw.present)
                for raw in parser.parse(record).values()
            ]
            return tf.maximum(row, tf.minimum(tf.add_n(used), 0)), record[0]

        tried = mapped(tf.data.Dataset.range(count), attempt).ignore_errors().batch(tf.maximum(count, 1))
        none = tf.data.Dataset.from_tensors((tf.zeros([0], tf.int64), tf.zeros([0], tf.string)))
        places, parsable = tried.concatenate(none).take(1).get_single_element()
        return places, parsable

    def _without(self, chunk: RawChunk, good: Any, reason: str) -> RawChunk:
        with tf.control_dependencies([self._report(tf.where(good, VALID, 0), [reason], chunk)]):
            good = tf.identity(good)
        return tf.cond(
            tf.reduce_all(good), lambda: chunk, lambda: RawChunk(*(tf.boolean_mask(part, good) for part in chunk))
        )

    def _report(self, codes: Tensor, names: Sequence[str], chunk: RawChunk) -> Tensor:
        """An op that fails at the first invalid record, or says how many are left out."""
        bad = codes != VALID
        return tf.cond(tf.reduce_any(bad), lambda: self._complain(codes, names, chunk, bad), lambda: tf.constant(True))

    def _complain(self, codes: Tensor, names: Sequence[str], chunk: RawChunk, bad: Tensor) -> Tensor:
        first = tf.argmax(tf.cast(bad, tf.int32))
        reason = tf.gather(tf.constant(list(map(visible, names))), codes[first])
        place = (reason, tf.gather(self._paths, chunk.file[first]), "record", chunk.index[first])
        if self._on_invalid == "raise":
            message = "invalid record; on_invalid='skip' leaves it out. Reason, file and record:"
            done = tf.debugging.Assert(False, [message, *place])
        else:
            number = tf.math.count_nonzero(bad)
            done = tf.print("lengthwise: left out", number, "invalid records, the first:", *place)
        with tf.control_dependencies([done]):
            return tf.constant(False)


def _longest(config: "JobConfig", rules: "Sequences", options: Options) -> dict[str, int | None]:
    """The most steps of a sequence, by group.

    Raises:
        ConfigError: packed rows would have to hold sequences without a step.
    """
    leading, *others = groups(config.columns) or ("",)
    longest = {leading: config.buckets.longest} | {group: rules.of(group).max_length for group in others}
    if options.pack is None:
        return longest
    for group, most in longest.items():
        if rules.of(group).empty == "keep":
            raise ConfigError(
                f"sequences{f'.groups.{group}' * bool(group)}.empty: expected 'reject' with pack: a packed row has no "
                "place for no step"
            )
        key = length_key(group)
        if options.crop_of(key) is None:  # a crop is taken of the whole sequence
            longest[group] = min(most or options.pack_of(key), options.pack_of(key))
    return longest
