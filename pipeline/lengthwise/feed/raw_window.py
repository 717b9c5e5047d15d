"""A window of serialized raw records -> sorted and padded rows; bad records are an error, or left out."""

from collections.abc import Sequence
from typing import Any, Literal

import tensorflow as tf

from lengthwise.columns import AnyColumn
from lengthwise.config.model import Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed.canonical import canonical
from lengthwise.feed.emit import emit_batches
from lengthwise.feed.epochs import plain
from lengthwise.feed.features import Features
from lengthwise.feed.no_record import is_end_of_epoch, refuse_empty_epochs
from lengthwise.feed.options import Options, check_choice
from lengthwise.feed.parse import Container, Parsed
from lengthwise.feed.raw_files import Chunk
from lengthwise.feed.refine import Refiner, Verdicts
from lengthwise.feed.window import arrange
from lengthwise.visible import visible

OnInvalid = Literal["raise", "skip"]


class RawWindow:
    """Turns windows of raw records into windows of rows.

    Attributes:
        features: what the rows hold.
    """

    def __init__(
        self,
        columns: Sequence[AnyColumn],
        container: Container,
        rules: Sequences,
        boundaries: tuple[int, ...] | None,
        options: Options,
        paths: Sequence[str],
        on_invalid: OnInvalid,
        max_record_bytes: int,
    ) -> None:
        check_choice("on_invalid", on_invalid, OnInvalid)
        if rules.over_long == "window":
            raise ConfigError(
                "sequences.over_long: read_raw cannot split sequences into windows; `lengthwise prepare` can"
            )
        self.features = Features.of(columns)
        self._refiner = Refiner(columns, container, rules, None if boundaries is None else boundaries[-1])
        self._boundaries = boundaries
        self._options = options
        self._paths = list(map(visible, paths))  # in messages only
        self._on_invalid = on_invalid
        self._max_record_bytes = max_record_bytes

    def batches(self, windows: Any) -> Any:
        """From windows of (records, file, index, seed), of any number of epochs, to batches."""
        parsed = windows.interleave(plain(self.parse), num_parallel_calls=tf.data.AUTOTUNE)
        arranged = parsed.map(plain(self._arrange), num_parallel_calls=tf.data.AUTOTUNE)
        return emit_batches(refuse_empty_epochs(arranged), self.features)

    def _arrange(
        self, chunk: Chunk, parsed: Parsed, seed: Any, over: Any
    ) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """The window's batches, as `window.arrange` gives them, and whether its epoch is over."""
        rows, verdicts = self._refiner.refine(parsed)
        with tf.control_dependencies([self._report(verdicts, chunk)]):
            seed = tf.identity(seed)
        return *arrange(rows, seed, self.features, self._options, self._boundaries), over

    def parse(self, records: Any, file: Any, index: Any, seed: Any) -> Any:
        """The records that can be parsed, parsed: a dataset of one (chunk, parsed, seed, whether an epoch is over).

        TensorFlow's ops fail for all records at once, and an op's failure is no value that others could act upon. But a
        dataset that ignores errors turns it into one element less: then the next dataset's element is taken, for
        which the records were tried one by one.
        """
        small = tf.strings.length(records) <= self._max_record_bytes
        chunk = self._without(Chunk(records, file, index), small, "too_large")
        whole = tf.data.Dataset.from_tensors((chunk, seed))
        fast = whole.map(lambda chunk, seed: (chunk, self._refiner.parser.parse(chunk.records), seed)).ignore_errors()
        over = is_end_of_epoch(records)
        return fast.concatenate(whole.map(self._parse_parsable)).take(1).map(lambda *element: (*element, over))

    def _parse_parsable(self, chunk: Chunk, seed: Any) -> tuple[Chunk, Parsed, Any]:
        records, good = self._repaired(chunk.records)
        chunk = self._without(chunk._replace(records=records), good, "unparsable, or a feature of another dtype")
        return chunk, self._refiner.parser.parse(chunk.records), seed

    def _repaired(self, records: Any) -> tuple[Any, Any]:
        """The records, those that are refused alone written anew, and which can be parsed now, bool `[n]`."""
        places, _ = self._try_alone(records)
        good = tf.scatter_nd(places[:, None], tf.fill(tf.shape(places), True), [tf.size(records, tf.int64)])
        refused = tf.where(~good)
        mended, anew = self._try_alone(tf.gather(records, refused[:, 0]), canonically=True)
        places = tf.gather(refused, mended)
        records = tf.tensor_scatter_nd_update(records, places, anew)
        return records, tf.tensor_scatter_nd_update(good, places, tf.fill(tf.shape(mended), True))

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
                for group in parser.parse(record)
                for raw in group.values()
            ]
            return tf.maximum(row, tf.minimum(tf.add_n(used), 0)), record[0]

        tried = tf.data.Dataset.range(count).map(attempt).ignore_errors().batch(tf.maximum(count, 1))
        none = tf.data.Dataset.from_tensors((tf.zeros([0], tf.int64), tf.zeros([0], tf.string)))
        places, parsable = tried.concatenate(none).take(1).get_single_element()
        return places, parsable

    def _without(self, chunk: Chunk, good: Any, reason: str) -> Chunk:
        codes = Verdicts(tf.where(good, -1, 0), [reason])
        with tf.control_dependencies([self._report(codes, chunk)]):
            good = tf.identity(good)
        return tf.cond(
            tf.reduce_all(good), lambda: chunk, lambda: Chunk(*(tf.boolean_mask(part, good) for part in chunk))
        )

    def _report(self, verdicts: Verdicts, chunk: Chunk) -> Any:
        """An op that fails at the first invalid record, or says how many are left out."""
        bad = verdicts.codes >= 0
        return tf.cond(tf.reduce_any(bad), lambda: self._complain(verdicts, chunk, bad), lambda: tf.constant(True))

    def _complain(self, verdicts: Verdicts, chunk: Chunk, bad: Any) -> Any:
        first = tf.argmax(tf.cast(bad, tf.int32))
        reason = tf.gather(tf.constant(list(map(visible, verdicts.names))), verdicts.codes[first])
        place = (reason, tf.gather(self._paths, chunk.file[first]), "record", chunk.index[first])
        if self._on_invalid == "raise":
            message = "invalid record; on_invalid='skip' leaves it out. Reason, file and record:"
            done = tf.debugging.Assert(False, [message, *place])
        else:
            number = tf.math.count_nonzero(bad)
            done = tf.print("lengthwise: left out", number, "invalid records, the first:", *place)
        with tf.control_dependencies([done]):
            return tf.constant(False)
