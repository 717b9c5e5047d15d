"""Counting what arrives from a tf.data service against what the manifest promises."""

from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.feed.epochs import plain
from lengthwise.feed.features import Batch
from lengthwise.feed.service_options import Service


def count_rows(batches: Any, expected: int, service: Service, job_name: str) -> Any:
    """The batches, with an error behind the last one if there were not `expected` rows in all.

    Several consumers write their numbers into the service's ledger; the last to end finds all and compares the sum.
    """
    end = {key: _none(spec) for key, spec in batches.element_spec.items()}

    def count(seen: Any, batch: Batch) -> tuple[Any, Batch]:
        rows = tf.size(batch[RESERVED_KEY], tf.int64)
        check = tf.cond(rows == 0, lambda: _check(seen, service, job_name, expected), lambda: tf.constant(True))
        with tf.control_dependencies([check]):
            return seen + rows, {**batch, RESERVED_KEY: tf.identity(batch[RESERVED_KEY])}

    followed = batches.concatenate(tf.data.Dataset.from_tensors(end)).scan(tf.constant(0, tf.int64), plain(count))
    return followed.filter(plain(lambda batch: tf.size(batch[RESERVED_KEY]) > 0))


def _none(spec: Any) -> Any:
    return tf.zeros([0, *(size or 0 for size in spec.shape[1:])], spec.dtype)


def _check(seen: Any, service: Service, job_name: str, expected: int) -> Any:
    if service.num_consumers == 1:
        return _compare(seen, expected)
    if service.ledger is None:
        return tf.constant(True)
    folder = f"{service.ledger.rstrip('/')}/{job_name}-"
    text = tf.strings.as_string(seen)
    with tf.control_dependencies([tf.io.write_file(f"{folder}{service.consumer_index}", text)]):
        # Of a constant pattern TensorFlow's optimizer would list the files beforehand.
        entries = tf.io.matching_files(tf.strings.join([f"{folder}[0-9]*", tf.strings.substr(text, 0, 0)]))
    counts = tf.map_fn(_read_number, entries, fn_output_signature=tf.int64)
    complete = tf.size(entries) == service.num_consumers
    return tf.cond(complete, lambda: _compare(tf.reduce_sum(counts), expected), lambda: tf.constant(True))


def _read_number(path: Any) -> Any:
    return tf.strings.to_number(tf.io.read_file(path), tf.int64)


def _compare(seen: Any, expected: int) -> Any:
    message = (
        "the tf.data service lost records: a worker died or was replaced in the middle of the epoch, with records in "
        "hand. Train the epoch again from its start, or go back to the last checkpoint. Rows expected, rows missing:"
    )
    with tf.control_dependencies([tf.debugging.Assert(seen == expected, [message, expected, expected - seen])]):
        return tf.constant(True)
