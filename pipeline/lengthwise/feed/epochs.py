"""Epochs: each gets a seed of its own, so that each has another order, and the same seed gives the same epochs."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lengthwise.feed.options import Options

_ANY_SEED = 87654321  # TensorFlow's own where no global seed is set; 0 and 0 would mean: at random


def repeat_epochs(make: Callable[[Any], Any], options: Options) -> Any:
    """The epochs one after the other.

    Args:
        make: from a seed, int64 `[2]`, to the dataset of one epoch. Traced once, but TensorFlow prepares the functions
            inside anew for each epoch, which takes a millisecond or more for each: the large ones belong behind this.
        options: `seed`, `shuffle` and `epochs`. Iterating again (as Keras does for each epoch of `fit`) goes on with
            seeds not used before.
    """
    if options.shuffle:
        seeds = seeds_of_epochs(options.seed, options.epochs)
    else:
        seeds = tf.data.Dataset.from_tensors(tf.zeros([2], tf.int64)).repeat(options.epochs)
    return seeds.flat_map(plain(make))


def seeds_of_epochs(seed: int | None, epochs: int | None) -> Any:
    """Seeds, int64 `[2]`, others in each iteration of the dataset; random where `seed` is None."""
    # `Dataset.random` mixes the global seed in: another for each trainer, or one for all where none is wanted.
    numbers = tf.data.experimental.from_variant(
        tf.raw_ops.RandomDatasetV2(
            seed=tf.constant(0 if seed is None else _ANY_SEED, tf.int64),
            seed2=tf.constant(seed or 0, tf.int64),
            seed_generator=tf.raw_ops.DummySeedGenerator(),
            rerandomize_each_iteration=True,
            output_types=[tf.int64],
            output_shapes=[tf.TensorShape([])],
        ),
        tf.TensorSpec([], tf.int64),
    )
    seeds = numbers.batch(2, drop_remainder=True)
    return seeds if epochs is None else seeds.take(epochs)


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
    out how many threads the parallel maps take: without it they take one for each core, 16 at most.
    """
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return dataset.with_options(options)
