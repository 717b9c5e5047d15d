"""Which raw records belong to the split that is read, on tensors. Offline: `lengthwise.records.rows.splits`."""

from typing import Any

import tensorflow as tf

from lengthwise.columns import raw_context, raw_values
from lengthwise.config import JobConfig
from lengthwise.feed.parsing.record_parser import Parsed
from lengthwise.feed.rows.feed_features import Flat, Rows
from lengthwise.records.rows.splits import split_places, split_starts
from lengthwise.rules.validation import context_values
from lengthwise.tensor.tensor_arrays import TENSORS


class OwnSplit:
    """The division of a job's records, as one split's reader sees it. Records of other splits are no invalid ones.

    Attributes:
        share: of all records, about: from 0 to 1.
    """

    def __init__(self, config: JobConfig, split: str) -> None:
        fractions = config.splits.fractions
        self._is_divided = not config.inputs.by_split and len(fractions) > 1
        self.share = fractions[split] if self._is_divided else 1.0
        self._number = config.split_names.index(split)
        self._starts = split_starts(list(fractions.values()))
        self._seed = config.splits.seed
        keys = {one.key: raw_values(one) for one in raw_context(config.columns)}
        self._key = keys[config.splits.key] if self._is_divided and config.splits.key is not None else None

    def of_records(self, records: Any) -> Any | None:
        """Which serialized records `[n]` are its own, bool `[n]`; None where their bytes do not say it."""
        if not self._is_divided or self._key is not None:
            return None
        return self._is_own(_fingerprints(records))

    def rows(self, rows: Rows, parsed: Parsed) -> Rows:
        """Its own rows, where a raw context value says which these are; invalid ones among them.

        Args:
            rows: of all splits.
            parsed: what they were made of.
        """
        if self._key is None:
            return rows
        values = context_values(TENSORS, self._key, parsed[self._key.key])
        return _rows_at(rows, tf.where(self._is_own(_hash_values(values)))[:, 0])

    def _is_own(self, hashes: Any) -> Any:
        places = split_places(hashes, self._seed, tf.bitwise.right_shift)
        number = tf.reduce_sum(tf.cast(places[:, None] >= self._starts, tf.int32), axis=1)
        return number == self._number


def _fingerprints(texts: Any) -> Any:
    """uint64 `[n]`: FarmHash's Fingerprint64 of each."""
    return tf.bitcast(tf.raw_ops.Fingerprint(data=texts, method="farmhash64"), tf.uint64)


def _hash_values(values: Any) -> Any:
    if values.dtype == tf.string:
        return _fingerprints(values)
    return tf.bitcast(tf.cast(values, tf.float64 if values.dtype.is_floating else tf.int64), tf.uint64)


def _rows_at(rows: Rows, places: Any) -> Rows:
    context = {key: tf.gather(values, places) for key, values in rows.context.items()}
    keep = None if rows.keep is None else tf.gather(rows.keep, places)
    sequences = {key: _flat_at(flat, places) for key, flat in rows.sequences.items()}
    return Rows(sequences, tf.gather(rows.lengths, places), context, keep)


def _flat_at(flat: Flat, places: Any) -> Flat:
    gathered = tf.raw_ops.RaggedGather(
        params_nested_splits=[flat.splits], params_dense_values=flat.values, indices=places, OUTPUT_RAGGED_RANK=1
    )
    return Flat(gathered.output_dense_values, gathered.output_nested_splits[0])
