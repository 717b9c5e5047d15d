"""The batches from a tf.data service: compared with the manifest's counts, and with a time limit for waiting.

    batches, end ───┐
                    ├─ in order of arrival ─ counted ─> batches, or an error with the number of missing rows
    ticks, endless ─┘

tf.data service ends an epoch silently when a worker died during reading and was restarted, and waits forever for a
worker that is not restarted. Ticks measure the silence: they come at a steady rate, only while the reader waits.
"""

import math

import tensorflow as tf

from lengthwise.columns import RESERVED_KEY, packed_keys
from lengthwise.feed.datasets.epochs import without_autograph
from lengthwise.feed.datasets.transformations import dataset_of
from lengthwise.feed.options.service_options import Service
from lengthwise.feed.rows.feed_features import Batch
from lengthwise.feed.service.consumer_ledger import exchange
from lengthwise.tensor.tensor_types import Dataset, StructureSpec, Tensor, TensorLike

_BATCH, _TICK, _END = range(3)
_TICK_S = 0.1  # an epoch's end waits up to three ticks: TensorFlow's interleaving does not interrupt the pause


def watch(
    batches: Dataset,
    service: Service,
    job_name: Tensor | str = "",
    expected: int | None = None,
    length_key: str = RESERVED_KEY,
) -> Dataset:
    """The batches, with an error if none arrives for `service.timeout_s`, or if rows are missing at the end.

    Args:
        batches: from the service.
        service: several consumers write their numbers of rows to its ledger; the last one checks the sum.
        job_name: of this epoch, a string tensor.
        expected: the number of rows for all consumers; None if it is unknown, or without an end.
        length_key: the feature that has the lengths of the sequences of a group.
    """
    spec = (batches.element_spec, tf.TensorSpec([], tf.int32))
    nothing = tf.nest.map_structure(lambda part: tf.zeros([size or 0 for size in part.shape], part.dtype), spec[0])

    def signal(event: int) -> Dataset:
        return _relaxed(spec, tf.data.Dataset.from_tensors((nothing, event)))

    events = _relaxed(spec, batches.map(without_autograph(lambda batch: (batch, _BATCH)))).concatenate(signal(_END))
    patience = 0
    if service.timeout_s is not None:
        patience = math.ceil(service.timeout_s / _TICK_S)
        events = _in_order_of_arrival(spec, events, _paced(spec, signal(_TICK).repeat()))

    def follow(
        state: tuple[Tensor, Tensor], element: tuple[Batch, Tensor]
    ) -> tuple[tuple[Tensor, Tensor], tuple[Batch, Tensor]]:
        (rows, silence), (batch, event) = state, element
        silence = tf.where(event == _TICK, silence + 1, 0)
        silent = silence > patience
        is_end = silent | (event == _END)
        check = tf.cond(is_end, lambda: _check(rows, silent, service, job_name, expected), lambda: tf.constant(True))
        with tf.control_dependencies([check]):
            event = tf.where(is_end, _END, event)
        rows += tf.where(event == _BATCH, _sequences(batch, length_key), 0)
        return (rows, silence), (batch, event)

    followed = events.scan((tf.constant(0, tf.int64), 0), without_autograph(follow))
    arrived = followed.take_while(without_autograph(lambda _, event: event != _END)).filter(
        without_autograph(lambda _, event: event == _BATCH)
    )
    options = tf.data.Options()  # sharding again would lose records
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return arrived.map(without_autograph(lambda batch, _: batch)).with_options(options)


def _sequences(batch: Batch, length_key: str) -> Tensor:
    """The number of sequences of a batch, int64; free segments of packed rows have length 0."""
    lengths = batch[length_key]
    return tf.math.count_nonzero(lengths) if packed_keys(length_key)[0] in batch else tf.size(lengths, tf.int64)


def _in_order_of_arrival(spec: StructureSpec, first: Dataset, second: Dataset) -> Dataset:
    """The elements of both datasets, in the order of their arrival."""
    both = tf.data.Dataset.from_tensor_slices(
        tf.stack([tf.data.experimental.to_variant(part) for part in (first, second)])
    )
    return both.interleave(
        without_autograph(lambda variant: tf.data.experimental.from_variant(variant, spec)),
        cycle_length=2,
        num_parallel_calls=2,
        deterministic=False,
    )


def _paced(spec: StructureSpec, dataset: Dataset) -> Dataset:
    """The elements of the dataset, each after a pause."""
    return dataset_of(tf.raw_ops.SleepDataset, dataset, spec, sleep_microseconds=int(_TICK_S * 1e6))


def _relaxed(spec: StructureSpec, dataset: Dataset) -> Dataset:
    """The dataset with less precise shapes."""
    return tf.data.experimental.from_variant(tf.data.experimental.to_variant(dataset), spec)


def _check(rows: Tensor, silent: Tensor, service: Service, job_name: Tensor | str, expected: int | None) -> Tensor:
    """Asserts that all rows arrived. Silence is an error, unless they have."""
    source = f"the tf.data service at {service.address}"
    advice = "restart the missing workers, and repeat the epoch or resume from the last checkpoint"
    timeout = f"{service.timeout_s} s (its timeout_s)"
    quiet = f"nothing arrived from {source} for {timeout}: a worker died or hangs, or none is running"
    lost = f"{source} lost records: a worker died while it had records, and the others continued without them; {advice}"
    nothing = (
        f"no row arrived from {source} in an epoch: all records were skipped (invalid, damaged, or of other "
        "splits: count_raw counts them), or drop_remainder dropped the few that were left"
    )

    def expect(condition: Tensor, **numbers: TensorLike) -> Tensor:
        fault = tf.where(silent, f"{quiet}; {advice}", nothing if expected is None else lost)
        message = fault + f". Rows {', '.join(numbers)}:"
        with tf.control_dependencies([tf.debugging.Assert(condition, [message, *numbers.values()])]):
            return tf.constant(True)

    def expect_all(rows: Tensor) -> Tensor:
        return expect(rows == expected, expected=expected, missing=expected - rows)

    if expected is not None and service.num_consumers == 1:
        return expect_all(rows)
    if expected is None or service.ledger is None:
        return expect(
            ~silent & ((rows > 0) | (service.num_consumers > 1)), received=rows
        )  # others may have received all rows
    numbers = exchange(rows, service, job_name)
    return tf.cond(
        tf.size(numbers) == service.num_consumers,
        lambda: expect_all(tf.reduce_sum(numbers)),
        lambda: expect(~silent, received=rows),
    )
