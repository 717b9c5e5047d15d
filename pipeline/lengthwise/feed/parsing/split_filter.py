"""Which raw records belong to the split that is read, on tensors. Offline: `lengthwise.records.rows.splits`."""

import tensorflow as tf

from lengthwise.columns import raw_context, raw_values
from lengthwise.config import JobConfig
from lengthwise.feed.parsing.record_parser import Parsed
from lengthwise.feed.rows.feed_features import Rows
from lengthwise.records.rows.splits import split_places, split_starts
from lengthwise.rules.validation import context_values
from lengthwise.tensor.tensor_arrays import TENSORS
from lengthwise.tensor.tensor_types import Tensor


class SplitFilter:
    """Selects the records of one split of a job. Records of other splits do not count as invalid.

    Attributes:
        share: the approximate share of all records, from 0 to 1.
    """

    def __init__(self, config: JobConfig, split: str) -> None:
        fractions = config.splits.fractions
        self._is_divided = not config.inputs.by_split and len(fractions) > 1
        self.share = fractions[split] if self._is_divided else 1.0
        self._number = config.split_names.index(split)
        self._starts = split_starts(list(fractions.values()))
        self._seed = config.splits.seed
        keys = {column.key: raw_values(column) for column in raw_context(config.columns)}
        self._key = keys[config.splits.key] if self._is_divided and config.splits.key is not None else None

    def of_records(self, records: Tensor) -> Tensor | None:
        """Which serialized records `[n]` belong to the split, bool `[n]`; None if their bytes do not determine it."""
        if not self._is_divided or self._key is not None:
            return None
        return self._is_in_split(_fingerprints(records))

    def rows(self, rows: Rows, parsed: Parsed) -> Rows:
        """The rows of the split, if a raw context value determines it; including invalid rows.

        Args:
            rows: of all splits.
            parsed: the records of these rows.
        """
        if self._key is None:
            return rows
        values = context_values(TENSORS, self._key, parsed[self._key.key])
        return _rows_at(rows, tf.where(self._is_in_split(_hash_values(values)))[:, 0])

    def _is_in_split(self, hashes: Tensor) -> Tensor:
        positions = split_places(hashes, self._seed, tf.bitwise.right_shift)
        number = tf.reduce_sum(tf.cast(positions[:, None] >= self._starts, tf.int32), axis=1)
        return number == self._number


def _fingerprints(strings: Tensor) -> Tensor:
    """uint64 `[n]`: FarmHash's Fingerprint64 of each."""
    return tf.bitcast(tf.raw_ops.Fingerprint(data=strings, method="farmhash64"), tf.uint64)


def _hash_values(values: Tensor) -> Tensor:
    if values.dtype == tf.string:
        return _fingerprints(values)
    return tf.bitcast(tf.cast(values, tf.float64 if values.dtype.is_floating else tf.int64), tf.uint64)


def _rows_at(rows: Rows, positions: Tensor) -> Rows:
    context = {key: tf.gather(values, positions) for key, values in rows.context.items()}
    keep = None if rows.keep is None else tf.gather(rows.keep, positions)
    sequences = {key: flat.at(positions) for key, flat in rows.sequences.items()}
    return Rows(sequences, tf.gather(rows.lengths, positions), context, keep)
