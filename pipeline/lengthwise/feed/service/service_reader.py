"""Reading through a tf.data service: many trainers, one data set, the work of reading on other machines.

    dispatcher ── assigns files ───> workers ── batches ──> trainers (`read_prepared(..., service=...)`)

- dynamic: each file goes to one worker, so each record to one trainer, once per epoch. If a worker dies, tf.data
  service continues without its records, or waits for it forever; so rows are counted here, with a time limit.
- coordinated: the data has no end, every worker reads all of it in a separate order, and in each step all trainers get
  batches of similar lengths.
"""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lengthwise.columns import packed_keys
from lengthwise.dispatcher import wait_for_dispatcher
from lengthwise.errors import ConfigError
from lengthwise.feed.datasets.epochs import Epochs, seeds_of_epochs, without_autograph
from lengthwise.feed.datasets.parallelism import BATCHES
from lengthwise.feed.datasets.transformations import flat_mapped
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.options.service_options import Service
from lengthwise.feed.rows.feed_features import Batch
from lengthwise.feed.service.service_arrivals import watch
from lengthwise.feed.service.service_registration import read_job
from lengthwise.tensor.tensor_types import Dataset, Tensor

_GROUPS_PER_OCTAVE = 4  # ranges of lengths that count as one bucket if T may have any value


def service_of(options: Options) -> Service | None:
    """The service that the options name."""
    service = options.service
    return Service.make(address=service) if isinstance(service, str) else service


def for_service(options: Options) -> Options:
    """The options with the settings that reading through a service implies.

    Raises:
        ConfigError: epochs are given for coordinated reads, which have no end.
    """
    service = service_of(options)
    if service is None or service.mode == "dynamic":
        return options
    if options.epochs not in (None, 1):
        raise ConfigError(
            f"epochs: coordinated reads have no end, received {options.epochs}; "
            "leave it out, and pass steps_per_epoch to fit"
        )
    return options.model_copy(update={"epochs": None, "seed": None, "shuffle": True, "drop_remainder": True})


def file_order(count: int, options: Options, seed: Tensor) -> Tensor:
    """The order in which files are assigned in an epoch, int32 `[count]`.

    The order is computed here, not by a shuffle after the source, which would load all files into one worker.
    """
    order = tf.range(count)
    return tf.random.experimental.stateless_shuffle(order, seed) if options.shuffle else order


def seed_of_content(record: Tensor, seed: Tensor) -> Tensor:
    """A seed, int64 `[2]`, for data that starts with this record: the same in an epoch for any worker."""
    return tf.stack([tf.strings.to_hash_bucket_fast(record, 2**31 - 1), seed[0]])


def read_through(
    service: Service,
    *,
    shared: Callable[[Tensor], Dataset],
    epoch: Callable[[Tensor], Dataset],
    batches: Callable[[Dataset], Dataset],
    finish: Callable[[Dataset], Dataset],
    options: Options,
    length_keys: Sequence[str],
    expected: int | None,
) -> Dataset:
    """Batches from a tf.data service.

    Args:
        service: the service, and how it is shared.
        shared: from an epoch's seed to the input of its batches, a dataset whose source is a list of files, which the
            dispatcher assigns.
        epoch: the same for reading without a service.
        batches: from this input to batches.
        finish: from batches to elements for `fit`.
        options: see `Options`.
        length_keys: the features that have the lengths of each group.
        expected: the number of rows of an epoch; None if it is unknown.

    Raises:
        ConfigError: the service's address is invalid.
        EnvironmentFailure: no dispatcher answers.
    """
    wait_for_dispatcher(service.address, service.timeout_s)
    if service.mode == "coordinated":
        grouped = _grouped(batches(Epochs(options).repeat(epoch)), service.num_consumers, length_keys)
        name = service.job_name or "lengthwise"
        return finish(watch(read_job(grouped, service, name), service, length_key=length_keys[0]))

    def read(seed: Tensor) -> Dataset:
        # All consumers have the same seeds in the same order, so the seed identifies the epoch.
        suffix = tf.strings.reduce_join(tf.strings.as_string(seed), separator="-")
        name = tf.strings.join([service.job_name, suffix], "-") if service.job_name else ""
        job = read_job(batches(shared(seed)), service, name)
        return watch(job, service, name, expected, length_keys[0])

    seeds = seeds_of_epochs(_seed_of_job(service, options), options.epochs)
    return finish(flat_mapped(seeds, read)).prefetch(BATCHES)


def _seed_of_job(service: Service, options: Options) -> int | None:
    if options.seed is None and service.job_name is not None:
        return zlib.crc32(service.job_name.encode())  # the same for all consumers
    return options.seed


def _grouped(batches: Dataset, consumers: int, length_keys: Sequence[str]) -> Dataset:
    """Batches in sequences of `consumers` batches of similar T, summed over groups: one for each trainer per step."""

    def group(batch: Batch) -> Tensor:
        if packed_keys(length_keys[0])[0] in batch:  # packed rows all have the same T
            return tf.constant(0, tf.int64)
        longest = tf.add_n([tf.reduce_max(batch[key]) for key in length_keys])
        steps = tf.cast(tf.maximum(longest, 1), tf.float64)
        return tf.cast(tf.math.floor(_GROUPS_PER_OCTAVE * tf.math.log(steps) / np.log(2.0)), tf.int64)

    return batches.group_by_window(
        without_autograph(group), without_autograph(lambda _, window: window), window_size=consumers
    )
