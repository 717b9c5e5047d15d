"""Epochs: each gets a seed of its own, so that each has another order, and the same seed gives the same epochs."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lengthwise.feed.datasets.transformations import interleaved, mapped
from lengthwise.feed.options.reader_options import Options

_ANY_SEED = 87654321  # TensorFlow's own where no global seed is set; 0 and 0 would mean: at random


class Epochs:
    """The epochs of one reader, by its options `seed`, `shuffle` and `epochs`.

    Each iteration of a dataset (as Keras makes one for each epoch of `fit`) takes seeds not used before, from a
    generator that all iterations share. What a saved iterator knows of it stands beside the batches: the source of the
    seeds may be used up long before the last batch is taken, and what is used up is not saved.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        if options.shuffle:
            self._numbers = _shared_numbers(options.seed)

    def repeat(self, make: Callable[[Any], Any]) -> Any:
        """The epochs one after the other.

        Args:
            make: from a seed, int64 `[2]`, to the dataset of one epoch. The next epoch's is opened, and its first
                element made, while this one's last elements are taken.
        """
        if self._options.shuffle:
            seeds = _pairs(self._numbers, self._options.epochs)
        else:
            seeds = tf.data.Dataset.from_tensors(tf.zeros([2], tf.int64)).repeat(self._options.epochs)
        return interleaved(seeds, make, 1, ahead=1)

    def keep(self, batches: Any) -> Any:
        """The batches that were made of it all; an iterator saved among them knows which seeds come next."""
        if not self._options.shuffle:
            return batches
        return mapped(tf.data.Dataset.zip((batches, self._numbers)), lambda batch, _: batch)


def seeds_of_epochs(seed: int | None, epochs: int | None) -> Any:
    """Seeds, int64 `[2]`, others in each iteration of the dataset; random where `seed` is None."""
    return _pairs(_numbers(seed, tf.raw_ops.DummySeedGenerator()), epochs)


def seeds_of_windows(seed: int | None) -> Any:
    """Seeds without end, int64 `[2]`, others in each iteration of the dataset; random where `seed` is None."""
    return _pairs(_shared_numbers(seed), None)


def _shared_numbers(seed: int | None) -> Any:
    """Random numbers without end, int64; the iterations of the dataset share a generator."""
    generator = tf.raw_ops.AnonymousSeedGenerator(
        seed=tf.constant(0 if seed is None else _ANY_SEED, tf.int64),
        seed2=tf.constant(seed or 0, tf.int64),
        reshuffle=True,
    )
    return _numbers(seed, generator.handle)


def _pairs(numbers: Any, count: int | None) -> Any:
    pairs = numbers.batch(2, drop_remainder=True)
    return pairs if count is None else pairs.take(count)


def _numbers(seed: int | None, generator: Any) -> Any:
    """Random numbers without end, int64, others in each iteration."""
    # `Dataset.random` mixes the global seed in: another for each trainer, or one for all where none is wanted.
    variant = tf.raw_ops.RandomDatasetV2(
        seed=tf.constant(0 if seed is None else _ANY_SEED, tf.int64),
        seed2=tf.constant(seed or 0, tf.int64),
        seed_generator=generator,
        rerandomize_each_iteration=True,
        output_types=[tf.int64],
        output_shapes=[tf.TensorShape([])],
    )
    return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.int64))


def shuffled(dataset: Any, reach: Any, seed: Any) -> Any:
    """`dataset.shuffle`, the same in each iteration.

    Args:
        dataset: of anything.
        reach: how many elements are shuffled at once.
        seed: int64 `[]`.
    """
    # `Dataset.shuffle` mixes the global seed in, and fails where there is one and `seed` is a tensor of a graph.
    variant = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=tf.cast(reach, tf.int64),
        seed=tf.constant(_ANY_SEED, tf.int64),
        seed2=seed,
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        reshuffle_each_iteration=False,
        output_types=[spec.dtype for spec in tf.nest.flatten(dataset.element_spec)],
        output_shapes=[spec.shape for spec in tf.nest.flatten(dataset.element_spec)],
    )
    return tf.data.experimental.from_variant(variant, dataset.element_spec)


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to be traced as it is: there is no Python control flow on tensors in this package."""
    converted: Callable[..., Any] = tf.autograph.experimental.do_not_convert(function)
    return converted


def divided_by(dataset: Any, options: Options) -> Any:
    """The dataset with what `tf.distribute` needs to know: who divides the data among the workers.

    Its own guess is wrong: it takes the dataset of seeds, whose elements are epochs, for one of files. So it deals out
    batches, or nothing where `num_shards` has divided the data already.
    """
    policy = tf.data.experimental.AutoShardPolicy
    distribution = tf.data.Options()
    distribution.experimental_distribute.auto_shard_policy = policy.OFF if options.num_shards > 1 else policy.DATA
    return with_options(dataset).with_options(distribution)


def with_options(dataset: Any) -> Any:
    """The dataset with what all of ours need: order is kept, iterators can be saved, and no element is timed.

    Seed generators inside an epoch count as state that cannot be saved. They hold none: their seeds are given. Tuning
    would time every element of every dataset, records too, which costs a tenth to a third of the time in order to find
    out how many threads the parallel maps take. Reading starts with the iterator, not when its first batch is wanted.
    """
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.experimental_warm_start = True
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return dataset.with_options(options)
