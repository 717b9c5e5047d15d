"""Training on nothing is an error: files without a record, and epochs of which nothing is left.

Before reading, the files are looked at. While reading, the last window of each epoch is marked,
so that behind parsing and validation, where epochs are one stream, it shows whether the epoch had a batch.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lengthwise.errors import ConfigError
from lengthwise.feed.batching.length_windows import BATCH_ROWS, VALID
from lengthwise.feed.datasets.transformations import scanned
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.reading.damaged_files import GZIP
from lengthwise.feed.reading.raw_chunks import ListedFile
from lengthwise.feed.rows.row_chunks import END
from lengthwise.records.container.decompression import decompressed_size
from lengthwise.storage import files as file_system


def refuse_files_without_records(listed: Sequence[ListedFile], options: Options) -> None:
    """Raises `ConfigError` if these files hold no record, damaged ones included."""
    if not all(map(_is_empty, listed)):
        return
    names = ", ".join(repr(file.path) for file in listed[:3]) + (", ..." if len(listed) > 3 else "")
    whose = f" of worker {options.index} of {options.num_shards} (num_shards)" if options.num_shards > 1 else ""
    raise ConfigError(no_record(f"the {len(listed)} files{whose}", names))


def no_record(what: str, names: str) -> str:
    """The message about files that hold nothing."""
    return f"files: expected records, found none in {what}: {names}; check that they are the raw data"


def _is_empty(file: ListedFile) -> bool:
    if file.end or file.compression != GZIP:
        return not file.end
    with file_system.open_binary(file.path) as stream:  # of several gzip members, the last may be empty
        return decompressed_size(stream, "gzip") == 0


def refuse_empty_epochs(windows: Any) -> Any:
    """The windows, with an error at the end of an epoch that has no batch; they are what `Windows.of` gives."""
    zero = tf.constant(0, tf.int64)

    def follow(seen: tuple[Any, Any], window: Any) -> Any:
        (batches, rows), over = seen, window[END]
        batches, rows = batches + tf.size(window[BATCH_ROWS], tf.int64), rows + window[VALID]
        message = (
            "expected at least one batch in an epoch, found none: all records were left out (invalid, damaged, or of "
            "other splits: count_raw says which), or drop_remainder dropped the few that were left. Valid sequences:"
        )
        done = tf.debugging.Assert((batches > 0) | ~over, [message, rows])
        with tf.control_dependencies([done]):
            window = {**window, VALID: tf.identity(window[VALID])}
        return tuple(tf.where(over, zero, count) for count in (batches, rows)), window

    return scanned(windows, (zero, zero), follow)
