"""Batches for training, by tf.data: dense, with as little padding as possible, in operations over many records.

    prepared data set ─ read_prepared ─┐                                     ┌─ Targets: labels, weights
    raw TFRecords ──── read_raw ───────┴─ dict of [rows, T] ... and lengths ─┴─ serving_fn: the same for one request

- budget: the maximum number of padded steps (rows times T) of a batch.
- window: the rows that are shuffled, and sorted by length, together.
- portion: the part of a file that one worker reads.

`BatchStats`, which measures padding and throughput during training, needs Keras and is loaded at its first use.
"""

from typing import TYPE_CHECKING

from lengthwise.feed.element_batching import batch_by_steps
from lengthwise.feed.epoch_size import steps_per_epoch
from lengthwise.feed.options.cache_options import Cache
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.options.service_options import Service
from lengthwise.feed.outputs.serving_function import ServingFunction, serving_fn
from lengthwise.feed.prepared_reader import read_prepared
from lengthwise.feed.raw_counts import count_raw
from lengthwise.feed.raw_reader import read_raw

if TYPE_CHECKING:
    from lengthwise.feed.batch_stats import BatchStats

__all__ = [
    "BatchStats",
    "Cache",
    "Options",
    "Service",
    "ServingFunction",
    "batch_by_steps",
    "count_raw",
    "read_prepared",
    "read_raw",
    "serving_fn",
    "steps_per_epoch",
]


def __getattr__(name: str) -> "type[BatchStats]":
    if name != "BatchStats":
        raise AttributeError(f"module 'lengthwise.feed' has no attribute {name!r}")
    from lengthwise.feed.batch_stats import BatchStats

    return BatchStats
