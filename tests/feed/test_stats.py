"""`BatchStats`: its figures for an epoch equal those that numpy computes."""

import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import Data, make_source
from lengthwise.errors import ConfigError
from lengthwise.feed.accelerator_waits import idle_seconds

KEPT = ["item", "value", "sequence_length"]


class Pace(keras.callbacks.Callback):
    """Records the duration of the training part of each epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.monotonic() - self.began


def make_model() -> keras.Model:
    inputs = {
        "item": keras.Input([None], dtype="int64", name="item"),
        "value": keras.Input([None], name="value"),
        "sequence_length": keras.Input([], dtype="int64", name="sequence_length"),
    }
    mean = keras.layers.GlobalAveragePooling1D()(keras.layers.Reshape([-1, 1])(inputs["value"]))
    model = keras.Model(inputs, keras.layers.Dense(1)(mean))
    model.compile("sgd", "mse")
    return model


def by_hand(batches) -> dict[str, float]:
    shapes = [batch[0]["item"].shape for batch in batches]
    real = sum(int(np.sum(batch[0]["sequence_length"])) for batch in batches)
    padded = sum(rows * steps for rows, steps in shapes)
    return {
        "padding_share": 1 - real / padded,
        "ratio": padded / real,
        "distinct_shapes": len(set(shapes)),
        "distinct_lengths": len({steps for _, steps in shapes}),
    }


@pytest.mark.parametrize("name", ["example", "block", "raw"])
def test_the_figures_of_each_epoch_equal_those_of_numpy(name: str, data: Data, capsys, tmp_path) -> None:
    source, epochs = make_source(name, data), 2
    options = {"batch_steps": 256, "labels": "y", "features": KEPT, "seed": 3, "window": 200}
    unwatched = source.read(**options)
    # If an epoch's length is known, Keras creates an iterator at its end that it never reads, and that uses a seed.
    iterations = [0, 2] if unwatched.cardinality() > 0 else [0, 1]
    read = [by_hand(list(unwatched.as_numpy_iterator())) for _ in range(max(iterations) + 1)]
    expected = [read[iteration] for iteration in iterations]
    stats = lw.BatchStats()
    history = make_model().fit(
        stats.watch(source.read(**options)),
        epochs=epochs,
        verbose=0,
        callbacks=[stats, keras.callbacks.TensorBoard(str(tmp_path))],
        validation_data=stats.watch(unwatched.take(2)),
    )
    for epoch, figures in enumerate(expected):
        got = {name: values[epoch] for name, values in history.history.items()}
        assert got["padding_share"] == pytest.approx(figures["padding_share"], abs=1e-6)
        assert got["padded_steps_per_second"] / got["real_steps_per_second"] == pytest.approx(figures["ratio"])
        assert 0 <= got["input_bound_share"] <= 1
    assert history.history["distinct_shapes"][0] == expected[0]["distinct_shapes"]
    assert history.history["distinct_lengths"][0] == expected[0]["distinct_lengths"]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert lines[0].startswith(f"epoch 1: {expected[0]['padding_share']:.1%} padding, ")
    assert len(lines) == epochs
    assert written(tmp_path / "train")["epoch_padding_share"] == pytest.approx(
        [figures["padding_share"] for figures in expected], abs=1e-6
    )


def written(folder) -> dict[str, list[float]]:
    """The values that the TensorBoard callback wrote, by tag."""
    found: dict[str, list[float]] = {}
    for path in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            for value in tf.compat.v1.Event.FromString(record).summary.value:
                if value.HasField("tensor") and value.tensor.dtype == tf.float32:
                    found.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    return found


def test_batches_are_the_same_as_unwatched(data: Data) -> None:
    options = {"batch_steps": 256, "labels": "y", "seed": 3}
    unwatched, watched = (make_source("block", data).read(**options) for _ in range(2))
    watched = lw.BatchStats().watch(watched)
    assert watched.element_spec == unwatched.element_spec
    for batch, other in zip(unwatched, watched, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, batch, other)
    example = make_source("example", data).read(batch_steps=256)
    assert len(lw.BatchStats().watch(example)) == len(example)


@pytest.mark.parametrize("slow", ["input", "training"])
def test_waiting_is_the_time_in_which_training_waits_for_input(slow: str) -> None:
    naps: list[float] = []

    def nap() -> None:
        began = time.monotonic()
        time.sleep(0.03)
        naps.append(time.monotonic() - began)

    def late(features, labels):
        with tf.control_dependencies([tf.py_function(nap, [], [])] if slow == "input" else []):
            return tf.nest.map_structure(tf.identity, (features, labels))

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if slow == "training":
                nap()

    features = {"item": tf.zeros([80, 5], tf.int64), "value": tf.zeros([80, 5]), "sequence_length": tf.fill([80], 4)}
    dataset = tf.data.Dataset.from_tensor_slices((features, tf.zeros([80]))).batch(4).map(late)
    stats, pace, model = lw.BatchStats(key="item", verbose=False), Pace(), make_model()
    model.fit(dataset.take(1), verbose=0)  # builds and compiles
    naps.clear()
    history = model.fit(stats.watch(dataset), verbose=0, callbacks=[pace, stats, Slow()]).history
    waited = history["input_bound_share"][0] * pace.seconds
    if slow == "input":
        assert waited >= 0.99 * sum(naps[-20:])
    else:
        assert waited <= pace.seconds - sum(naps)
    assert history["padding_share"] == [pytest.approx(0.2)]


@pytest.mark.parametrize(
    ("waits", "begun", "finished", "seconds"),
    [
        ([], [], [], 0.0),
        ([(0, 2)], [0], [3], 2.0),  # no step was dispatched
        ([(0, 1), (2, 5)], [0, 2], [1.5, 6], 1 + 3),  # the first step was finished before
        ([(0, 1), (2, 5)], [0, 2], [4, 6], 1 + 1),  # it finished meanwhile
        ([(0, 1), (2, 5)], [0, 2], [5.5, 6], 1.0),  # it ran longer
        ([(0, 1), (2, 5)], [0, 2], [], 1.0),  # it is not known to be finished
        ([(0, 1), (1, 2), (3, 9)], [2, 5], [7], 1 + 1 + 2),  # two batches were prefetched
        ([(0, 1), (2, 5)], [1, 5], [2, 6], 1 + 3),  # fetched before the step begins
    ],
)
def test_the_accelerator_waits_where_all_its_steps_are_finished(waits, begun, finished, seconds) -> None:
    assert idle_seconds(waits, begun, finished) == seconds


def test_steps_per_epoch_on_an_endless_dataset_counts_exactly_those_steps(data: Data) -> None:
    source = make_source("raw", data)
    options = {"batch_steps": 256, "labels": "y", "features": KEPT, "seed": 3, "epochs": None}
    expected = list(source.read(**options).take(6).as_numpy_iterator())
    stats = lw.BatchStats(verbose=False)
    history = make_model().fit(
        stats.watch(source.read(**options)), epochs=2, steps_per_epoch=3, verbose=0, callbacks=[stats]
    )
    shares = [by_hand(expected[:3])["padding_share"], by_hand(expected[3:])["padding_share"]]
    assert history.history["padding_share"] == pytest.approx(shares, abs=1e-6)
    assert history.history["distinct_shapes"][1] == by_hand(expected)["distinct_shapes"]


@pytest.mark.parametrize(
    ("features", "key", "message"),
    [
        (["item"], None, "expected batches with 'sequence_length'.*name it in `features`"),
        (["y", "sequence_length"], None, "cannot determine which of \\[\\] is a sequence"),
        (["item", "sequence_length"], "itme", "expected one of \\['item'\\], received 'itme'"),
    ],
)
def test_batches_that_cannot_be_counted_are_refused(data: Data, features, key, message) -> None:
    dataset = make_source("example", data).read(batch_steps=256, features=features)
    with pytest.raises(ConfigError, match=message):
        lw.BatchStats(key=key).watch(dataset)


def test_a_callback_that_watches_nothing_is_an_error(data: Data) -> None:
    dataset = make_source("example", data).read(batch_steps=256, labels="y", features=KEPT)
    with pytest.raises(ConfigError, match="nothing is watched"):
        make_model().fit(dataset, verbose=0, callbacks=[lw.BatchStats()])


def test_it_is_loaded_at_its_first_use() -> None:
    program = (
        "import sys, lengthwise.feed as feed; print('lengthwise.feed.batch_stats' in sys.modules, hasattr(feed, 'No'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
