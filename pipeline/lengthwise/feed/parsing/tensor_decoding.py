"""Steps that are stored as bytes -> numbers, on tensors: the twin of `lengthwise.records.rows.stored_bytes`."""

from typing import Any

import tensorflow as tf

from lengthwise.columns import NumericColumn
from lengthwise.columns.numeric_columns import Decode
from lengthwise.feed.parsing.record_parser import RawSteps
from lengthwise.feed.parsing.tensor_rules import Faults, rows_with, value_splits
from lengthwise.reject_reasons import RejectReason


def numbers_of(faults: Faults, column: NumericColumn, decode: Decode, raw: RawSteps) -> RawSteps:
    """The steps with numbers of the column's dtype in place of strings; strings of a wrong size are faults."""
    width, stored = column.num_elements, tf.as_dtype(decode.dtype)
    size = width * stored.size
    sound = tf.strings.length(raw.values) == size
    faults.add(RejectReason.VALUE_COUNT, column.key, rows_with(~sound, value_splits(raw)))
    strings = tf.cond(
        tf.reduce_all(sound), lambda: raw.values, lambda: tf.where(sound, raw.values, tf.constant(bytes(size)))
    )
    numbers = decoded(tf.io.decode_raw(strings, stored), decode, tf.int64 if column.is_integer else tf.float32)
    rows = raw.row_splits * width if raw.step_splits is None else raw.row_splits
    steps = None if raw.step_splits is None else raw.step_splits * width
    return RawSteps(tf.reshape(numbers, [-1]), rows, steps, raw.present)


def decoded(values: Any, decode: Decode, dtype: Any) -> Any:
    """Stored numbers as numbers of `dtype`, as `records.features.decoded` makes them."""
    numbers = tf.cast(values, dtype)
    return numbers if decode.is_plain else numbers * decode.scale + decode.offset
