"""Saved iterators continue at their position; replicas get equal work."""

import os
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import tensorflow as tf

from feed.conftest import Data, Source

BUDGET = 256


def signature(batch: Any) -> list[Any]:
    return [batch["record"].numpy().tolist(), batch["item"].numpy().tolist()]


def test_a_saved_iterator_continues_with_the_next_batch(source: Source, tmp_path: Any) -> None:
    dataset = source.read(batch_steps=BUDGET, window=200, seed=5, epochs=2)
    iterator = iter(dataset)
    for _ in range(9):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(os.path.join(tmp_path, "iterator"))
    rest = [signature(batch) for batch in iterator]

    again = iter(source.read(batch_steps=BUDGET, window=200, seed=5, epochs=2))
    tf.train.Checkpoint(iterator=again).restore(path)
    assert [signature(batch) for batch in again] == rest
    assert len(rest) > 20


def test_iterations_after_a_restored_one_are_those_of_an_uninterrupted_run(source: Source, tmp_path: Any) -> None:
    """At a late batch the seeds of the iteration are exhausted, and prefetching has ended."""

    def dataset() -> Any:
        return source.read(batch_steps=BUDGET, window=200, seed=5, epochs=2, features=["record", "item"])

    undisturbed = dataset()
    iterations = [[signature(batch) for batch in undisturbed] for _ in range(3)]
    saved = dataset()
    list(saved)
    iterator = iter(saved)
    late = len(iterations[1]) - 3
    assert [signature(next(iterator)) for _ in range(late)] == iterations[1][:late]
    path = tf.train.Checkpoint(iterator=iterator).save(os.path.join(tmp_path, "iterator"))

    fresh = dataset()
    again = iter(fresh)
    tf.train.Checkpoint(iterator=again).restore(path)
    assert [signature(batch) for batch in again] == iterations[1][late:]
    assert [signature(batch) for batch in fresh] == iterations[2]


MIRRORED = """
    import sys
    import tensorflow as tf
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    from lengthwise.feed import read_prepared
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    dataset = read_prepared(sys.argv[1], "train", batch_steps=256, drop_remainder=True)
    total = 0
    for batch in strategy.experimental_distribute_dataset(dataset):
        rows = [part.shape[0] for part in strategy.experimental_local_results(batch["item"])]
        assert len(rows) == 2 and rows[0] == rows[1], rows
        total += sum(rows)
    whole = sum(batch["item"].shape[0] for batch in dataset)
    assert total == whole, (total, whole)
    print("equal", total)
"""


def test_two_replicas_get_equal_work(data: Data) -> None:
    command = [sys.executable, "-c", textwrap.dedent(MIRRORED), data.folders["example"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("equal")


def test_fit_trains_on_the_batches(source: Source) -> None:
    import keras

    item = keras.Input([None], dtype="int64", name="item")
    value = keras.Input([None], name="value")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(1000, 4)(item))
    mean = keras.layers.Lambda(lambda x: keras.ops.mean(x, axis=1, keepdims=True))(value)
    outputs = keras.layers.Dense(1)(keras.layers.Concatenate()([pooled, mean]))
    model = keras.Model({"item": item, "value": value}, outputs)
    model.compile("adam", "mse")
    dataset = source.read(batch_steps=BUDGET, features=["item", "value"], labels="y", sample_weight="w")
    losses = model.fit(dataset, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
