"""Empty input is an error: files without a record, and epochs without a batch.

Files are checked before reading. While reading, the last window of each epoch is marked, so that after parsing and
validation, where epochs are one stream, it shows whether the epoch had a batch.
"""

from collections.abc import Sequence

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.batching.length_windows import VALID_ROWS
from lengthwise.feed.batching.window_gathering import BATCH_ROWS, Window
from lengthwise.feed.datasets.transformations import scanned
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.reading.damaged_files import GZIP
from lengthwise.feed.reading.raw_chunks import ListedFile
from lengthwise.feed.rows.row_chunks import END
from lengthwise.records.container.decompression import decompressed_size
from lengthwise.storage import files as file_system
from lengthwise.tensor.tensor_types import Dataset, Tensor


def refuse_files_without_records(listed: Sequence[ListedFile], options: Options) -> None:
    """Raises `ConfigError` if these files contain no record, not even a damaged one."""
    if not all(map(_is_empty, listed)):
        return
    names = ", ".join(repr(file.path) for file in listed[:3]) + (", ..." if len(listed) > 3 else "")
    whose = f" of worker {options.index} of {options.num_shards} (num_shards)" if options.num_shards > 1 else ""
    raise ConfigError(no_records_message(f"the {len(listed)} files{whose}", names))


def no_records_message(what: str, names: str) -> str:
    """The message about files without records."""
    return f"files: expected records, found none in {what}: {names}; check that they are the raw data"


def _is_empty(file: ListedFile) -> bool:
    if file.end or file.compression != GZIP:
        return not file.end
    with file_system.open_binary(file.path) as stream:  # the last of several gzip members may be empty
        return decompressed_size(stream, "gzip") == 0


def refuse_empty_epochs(windows: Dataset) -> Dataset:
    """The windows of `Windows.of`, with an error at the end of an epoch that has no batch."""
    zero = tf.constant(0, tf.int64)

    def follow(counts: tuple[Tensor, Tensor], window: Window) -> tuple[tuple[Tensor, Tensor], Window]:
        (batches, rows), over = counts, window[END]
        batches, rows = batches + tf.size(window[BATCH_ROWS], tf.int64), rows + window[VALID_ROWS]
        message = (
            "expected at least one batch in an epoch, received none: all records were skipped (invalid, damaged, or of "
            "other splits: count_raw counts them), or drop_remainder dropped the few that were left. Valid sequences:"
        )
        done = tf.debugging.Assert((batches > 0) | ~over, [message, rows])
        with tf.control_dependencies([done]):
            window = {**window, VALID_ROWS: tf.identity(window[VALID_ROWS])}
        return tuple(tf.where(over, zero, count) for count in (batches, rows)), window

    return scanned(windows, (zero, zero), follow)
