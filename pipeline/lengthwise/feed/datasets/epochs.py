"""Epochs: each gets a separate seed and so a different order; the same seed reproduces the same epochs."""

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from lengthwise.feed.datasets.transformations import dataset_of, interleaved, mapped
from lengthwise.feed.options.reader_options import Options
from lengthwise.tensor.tensor_types import Dataset, Tensor

_Function = TypeVar("_Function", bound=Callable[..., object])

_ANY_SEED = 87654321  # TensorFlow's default if no global seed is set; 0 and 0 would mean a random seed


class Epochs:
    """The epochs of one reader, by its options `seed`, `shuffle` and `epochs`.

    Each iteration of a dataset (Keras starts one for each epoch of `fit`) uses new seeds, from a generator that all
    iterations share. The state of a saved iterator is kept next to the batches: the source of the seeds may be
    exhausted long before the last batch is taken, and an exhausted source is not saved.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        if options.shuffle:
            self._numbers = _shared_numbers(options.seed)

    def repeat(self, make: Callable[[Tensor], Dataset]) -> Dataset:
        """The epochs in sequence.

        Args:
            make: from a seed, int64 `[2]`, to the dataset of one epoch. The next epoch's dataset is opened, and its
                first element computed, while the last elements of this epoch are consumed.
        """
        if self._options.shuffle:
            seeds = _pairs(self._numbers, self._options.epochs)
        else:
            seeds = tf.data.Dataset.from_tensors(tf.zeros([2], tf.int64)).repeat(self._options.epochs)
        return interleaved(seeds, make, 1, ahead=1)

    def keep(self, batches: Dataset) -> Dataset:
        """The batches, such that an iterator saved at any batch also saves which seeds come next."""
        if not self._options.shuffle:
            return batches
        return mapped(tf.data.Dataset.zip((batches, self._numbers)), lambda batch, _: batch)


def seeds_of_epochs(seed: int | None, epochs: int | None) -> Dataset:
    """Seeds, int64 `[2]`, different in each iteration of the dataset; random if `seed` is None."""
    return _pairs(_numbers(seed, tf.raw_ops.DummySeedGenerator()), epochs)


def seeds_of_windows(seed: int | None) -> Dataset:
    """An endless dataset of seeds, int64 `[2]`, different in each iteration; random if `seed` is None."""
    return _pairs(_shared_numbers(seed), None)


def _shared_numbers(seed: int | None) -> Dataset:
    """An endless dataset of random int64 numbers; its iterations share a generator."""
    generator = tf.raw_ops.AnonymousSeedGenerator(
        seed=tf.constant(0 if seed is None else _ANY_SEED, tf.int64),
        seed2=tf.constant(seed or 0, tf.int64),
        reshuffle=True,
    )
    return _numbers(seed, generator.handle)


def _pairs(numbers: Dataset, count: int | None) -> Dataset:
    pairs = numbers.batch(2, drop_remainder=True)
    return pairs if count is None else pairs.take(count)


def _numbers(seed: int | None, generator: Tensor) -> Dataset:
    """An endless dataset of random int64 numbers, different in each iteration."""
    # `Dataset.random` mixes in the global seed, which may differ between trainers, or be set despite `seed=None`.
    variant = tf.raw_ops.RandomDatasetV2(
        seed=tf.constant(0 if seed is None else _ANY_SEED, tf.int64),
        seed2=tf.constant(seed or 0, tf.int64),
        seed_generator=generator,
        rerandomize_each_iteration=True,
        output_types=[tf.int64],
        output_shapes=[tf.TensorShape([])],
    )
    return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.int64))


def shuffled_dataset(dataset: Dataset, reach: Tensor | int, seed: Tensor) -> Dataset:
    """`dataset.shuffle`, the same in each iteration.

    Args:
        dataset: any dataset.
        reach: the size of the shuffle buffer, in elements.
        seed: int64 `[]`.
    """
    # `Dataset.shuffle` mixes in the global seed, and fails if there is one and `seed` is a tensor of a graph.
    return dataset_of(
        tf.raw_ops.ShuffleDatasetV3,
        dataset,
        dataset.element_spec,
        buffer_size=tf.cast(reach, tf.int64),
        seed=tf.constant(_ANY_SEED, tf.int64),
        seed2=seed,
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        reshuffle_each_iteration=False,
    )


def without_autograph(function: _Function) -> _Function:
    """The function, traced without AutoGraph: this package has no Python control flow on tensors."""
    converted: _Function = tf.autograph.experimental.do_not_convert(function)
    return converted


def divided_by(dataset: Dataset, options: Options) -> Dataset:
    """The dataset with the sharding policy for `tf.distribute`.

    Its automatic choice is wrong: it mistakes the dataset of seeds, whose elements are epochs, for a dataset of files.
    So it distributes batches, or nothing if `num_shards` has divided the data already.
    """
    policy = tf.data.experimental.AutoShardPolicy
    distribution = tf.data.Options()
    distribution.experimental_distribute.auto_shard_policy = policy.OFF if options.num_shards > 1 else policy.DATA
    return with_options(dataset).with_options(distribution)


def with_options(dataset: Dataset) -> Dataset:
    """The dataset with the options of all readers: order is kept, iterators can be saved, and autotuning is off.

    TensorFlow counts seed generators inside an epoch as state that cannot be saved, but they have none: their seeds are
    given. Autotuning would time every element of every dataset, records too, which costs a tenth to a third of the time
    to find the number of threads of the parallel maps.

    No warm start: an iterator would read while it is created, and a parallel map holds a lock while its input is
    created. If a dataset of the next epoch is created while the iterator is deleted, the cancellation waits for that
    lock, the threads that execute functions wait for the cancellation, and reading waits for these threads, forever.
    """
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return dataset.with_options(options)
