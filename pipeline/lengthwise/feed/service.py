"""Reading through a tf.data service: many trainers, one data set, the work of reading on other machines.

    dispatcher ── hands out files ──> workers ── batches ──> trainers (`read_prepared(..., service=...)`)

- dynamic: each file goes to one worker, so each record to one trainer, once an epoch. If a worker dies, tf.data service
  goes on without the records that it held, or waits for it without end; so they are counted here, and watched.
- coordinated: the data has no end, every worker reads all of it in an order of its own, and in each step all trainers
  get batches of about one length.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.errors import ConfigError
from lengthwise.feed.arrivals import watch
from lengthwise.feed.epochs import plain, repeat_epochs, with_options
from lengthwise.feed.features import Batch
from lengthwise.feed.options import Options
from lengthwise.feed.service_options import Service

_GROUPS_PER_OCTAVE = 4  # of lengths that count as one bucket where T may have any value


def service_of(options: Options) -> Service | None:
    """The service that the options name."""
    service = options.service
    return Service.make(address=service) if isinstance(service, str) else service


def for_service(options: Options) -> Options:
    """The options with what reading through a service implies.

    Raises:
        ConfigError: epochs cannot be counted in coordinated reads, which have no end.
    """
    service = service_of(options)
    if service is None or service.mode == "dynamic":
        return options
    if options.epochs not in (None, 1):
        raise ConfigError(
            f"epochs: coordinated reads have no end, received {options.epochs}; "
            "leave it out, and give steps_per_epoch to fit"
        )
    return options.model_copy(update={"epochs": None, "seed": None, "shuffle": True, "drop_remainder": True})


def file_order(count: int, options: Options, epoch: int) -> tuple[list[int], int]:
    """The order in which files are handed out in an epoch, and a seed for what happens in them.

    The order is made here, not by a shuffle behind the source: that would draw all files into one worker.
    """
    generator = np.random.default_rng(None if options.seed is None else [options.seed, epoch])
    order = generator.permutation(count) if options.shuffle else np.arange(count)
    return order.tolist(), int(generator.integers(1, 2**31))


def with_seed_of_content(records: Any, seed: int) -> Any:
    """A seed, int64 `[2]`, for a window of records: whichever worker reads it, and whenever, the same."""
    return tf.stack([tf.strings.to_hash_bucket_fast(records[0], 2**31 - 1), tf.constant(seed, tf.int64)])


def read_through(
    service: Service,
    *,
    shared: Callable[[int], Any],
    epoch: Callable[[Any], Any],
    batches: Callable[[Any], Any],
    finish: Callable[[Any], Any],
    options: Options,
    expected: int | None,
) -> Any:
    """Batches from a tf.data service.

    Args:
        service: which, and how it is shared.
        shared: from an epoch's number to what its batches are made of, a dataset whose source is a list of files, for
            the dispatcher to hand out.
        epoch: from a seed to what an epoch's batches are made of, as for reading alone.
        batches: makes them.
        finish: from batches to what `fit` takes.
        options: see `Options`.
        expected: how many rows an epoch has; None if that is unknown.
    """
    if service.mode == "coordinated":
        grouped = _grouped(batches(repeat_epochs(epoch, options)), service.num_consumers)
        return finish(watch(_distribute(grouped, service, service.job_name or "lengthwise"), service))
    numbers = range(options.epochs or 1)
    parts = [_dynamic_epoch(batches(shared(number)), service, number, expected) for number in numbers]
    dataset = parts[0]
    for part in parts[1:]:
        dataset = dataset.concatenate(part)
    dataset = dataset if options.epochs is not None else dataset.repeat()
    return finish(dataset).prefetch(tf.data.AUTOTUNE)


def _dynamic_epoch(batches: Any, service: Service, number: int, expected: int | None) -> Any:
    job_name = None if service.job_name is None else f"{service.job_name}-{number}"
    return watch(_distribute(batches, service, job_name), service, job_name or "", expected)


def _grouped(batches: Any, consumers: int) -> Any:
    """Batches in runs of `consumers` of about the same T: one for each trainer in a step."""

    def group(batch: Batch) -> Any:
        steps = tf.cast(tf.maximum(tf.reduce_max(batch[RESERVED_KEY]), 1), tf.float64)
        return tf.cast(tf.math.floor(_GROUPS_PER_OCTAVE * tf.math.log(steps) / np.log(2.0)), tf.int64)

    return batches.group_by_window(plain(group), plain(lambda _, window: window), window_size=consumers)


def _distribute(dataset: Any, service: Service, job_name: str | None) -> Any:
    policy = tf.data.experimental.service.ShardingPolicy
    coordinated = service.mode == "coordinated"
    distribute = tf.data.experimental.service.distribute(
        processing_mode=policy.OFF if coordinated else policy.DYNAMIC,
        service=service.target,
        job_name=job_name,
        consumer_index=service.consumer_index if coordinated else None,
        num_consumers=service.num_consumers if coordinated else None,
    )
    return with_options(dataset).apply(distribute)
