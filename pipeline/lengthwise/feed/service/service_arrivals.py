"""What arrives from a tf.data service: counted against the manifest, and not waited for without end.

    batches, end ──────┐
                       ├─ whichever is there ─ counted ─> batches, or an error with the number of missing rows
    ticks, without end ┘

tf.data service ends an epoch silently when a worker died with records in hand and came back, and waits for one
that does not come back. Ticks tell the silence: they come at a steady pace, and only while something is waited for.
"""

import math
from typing import Any

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY, packed_keys
from lengthwise.feed.datasets.epochs import plain
from lengthwise.feed.options.service_options import Service
from lengthwise.feed.rows.feed_features import Batch
from lengthwise.feed.service.consumer_ledger import exchange

_BATCH, _TICK, _END = range(3)
_TICK_S = 0.1  # an epoch's end waits for three ticks: TensorFlow's interleaving does not interrupt the pause


def watch(
    batches: Any,
    service: Service,
    job_name: Any = "",
    expected: int | None = None,
    length_key: str = RESERVED_KEY,
) -> Any:
    """The batches, with an error where nothing came for `service.timeout_s`, or if rows are missing in the end.

    Args:
        batches: from the service.
        service: several consumers write their numbers of rows into its ledger; the last to end compares the sum.
        job_name: of this epoch, a string tensor.
        expected: how many rows all the consumers should get; None if that is unknown, or if there is no end.
        length_key: the feature that has the lengths of the sequences of a group.
    """
    spec = (batches.element_spec, tf.TensorSpec([], tf.int32))
    nothing = tf.nest.map_structure(lambda part: tf.zeros([size or 0 for size in part.shape], part.dtype), spec[0])

    def signal(event: int) -> Any:
        return _as(spec, tf.data.Dataset.from_tensors((nothing, event)))

    events = _as(spec, batches.map(plain(lambda batch: (batch, _BATCH)))).concatenate(signal(_END))
    patience = 0
    if service.timeout_s is not None:
        patience = math.ceil(service.timeout_s / _TICK_S)
        events = _whichever_first(spec, events, _paced(spec, signal(_TICK).repeat()))

    def follow(state: tuple[Any, Any], element: tuple[Batch, Any]) -> tuple[tuple[Any, Any], tuple[Batch, Any]]:
        (rows, silence), (batch, event) = state, element
        silence = tf.where(event == _TICK, silence + 1, 0)
        silent = silence > patience
        over = silent | (event == _END)
        check = tf.cond(over, lambda: _check(rows, silent, service, job_name, expected), lambda: tf.constant(True))
        with tf.control_dependencies([check]):
            event = tf.where(over, _END, event)
        rows += tf.where(event == _BATCH, _sequences(batch, length_key), 0)
        return (rows, silence), (batch, event)

    followed = events.scan((tf.constant(0, tf.int64), 0), plain(follow))
    arrived = followed.take_while(plain(lambda _, event: event != _END)).filter(plain(lambda _, event: event == _BATCH))
    options = tf.data.Options()  # sharding these once more would lose records
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return arrived.map(plain(lambda batch, _: batch)).with_options(options)


def _sequences(batch: Batch, length_key: str) -> Any:
    """How many sequences a batch holds, int64; packed rows have places left, of length 0."""
    lengths = batch[length_key]
    return tf.math.count_nonzero(lengths) if packed_keys(length_key)[0] in batch else tf.size(lengths, tf.int64)


def _whichever_first(spec: Any, one: Any, other: Any) -> Any:
    """The elements of both, in the order of their arrival."""
    both = tf.data.Dataset.from_tensor_slices(
        tf.stack([tf.data.experimental.to_variant(part) for part in (one, other)])
    )
    return both.interleave(
        plain(lambda variant: tf.data.experimental.from_variant(variant, spec)),
        cycle_length=2,
        num_parallel_calls=2,
        deterministic=False,
    )


def _paced(spec: Any, dataset: Any) -> Any:
    """The elements, each after a pause."""
    parts = tf.nest.flatten(spec)
    slow = tf.raw_ops.SleepDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        sleep_microseconds=int(_TICK_S * 1e6),
        output_types=[part.dtype for part in parts],
        output_shapes=[part.shape for part in parts],
    )
    return tf.data.experimental.from_variant(slow, spec)


def _as(spec: Any, dataset: Any) -> Any:
    """The dataset, with shapes that are less precise."""
    return tf.data.experimental.from_variant(tf.data.experimental.to_variant(dataset), spec)


def _check(rows: Any, silent: Any, service: Service, job_name: Any, expected: int | None) -> Any:
    """Whether all rows came. Silence is an error, unless they did."""
    where = f"the tf.data service at {service.address}"
    advice = "start the workers that are gone, and train the epoch again or go back to the last checkpoint"
    quiet = f"nothing came from {where} for {service.timeout_s} s (its timeout_s): a worker died or froze, or none runs"
    lost = f"{where} lost records: a worker died with records in hand, and the rest went on without them; {advice}"
    nothing = (
        f"no row came from {where} in an epoch: all records were left out (invalid, damaged, or of other "
        "splits: count_raw says which), or drop_remainder dropped the few that were left"
    )

    def expect(condition: Any, **numbers: Any) -> Any:
        fault = tf.where(silent, f"{quiet}; {advice}", nothing if expected is None else lost)
        message = fault + f". Rows {', '.join(numbers)}:"
        with tf.control_dependencies([tf.debugging.Assert(condition, [message, *numbers.values()])]):
            return tf.constant(True)

    def expect_all(rows: Any) -> Any:
        return expect(rows == expected, expected=expected, missing=expected - rows)

    if expected is not None and service.num_consumers == 1:
        return expect_all(rows)
    if expected is None or service.ledger is None:
        return expect(~silent & ((rows > 0) | (service.num_consumers > 1)), received=rows)  # others may have got it all
    numbers = exchange(rows, service, job_name)
    return tf.cond(
        tf.size(numbers) == service.num_consumers,
        lambda: expect_all(tf.reduce_sum(numbers)),
        lambda: expect(~silent, received=rows),
    )
