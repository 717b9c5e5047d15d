"""`even_weights`: the gradients of an epoch's batches add up to the gradient of the mean over all data."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import BOUNDARIES, Data, make_source
from lengthwise.errors import ConfigError

KEYS = ("value", "record", "sequence_length")
FILLED = {"max_shapes": 4, "window": 200}


class Unmasked(keras.layers.Layer):
    """Does not pass the mask on, like `+`."""

    def call(self, steps: Any) -> Any:
        return steps + 0.0

    def compute_mask(self, steps: Any, previous: Any) -> None:
        return None


class Case(NamedTuple):
    """A source and its options, and the layers and the loss of a model."""

    source: str
    options: dict[str, Any]
    layers: Callable[[], list[Any]]
    loss: str = "mse"


def rows() -> list[Any]:
    return [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)]


def steps() -> list[Any]:
    return [keras.layers.Dense(1)]


def unmasked_steps() -> list[Any]:
    return [keras.layers.Dense(1), Unmasked()]


def items() -> list[Any]:
    return [keras.layers.Dense(1000, activation="softmax")]


CASES = {
    "rows": Case("block", {"labels": "y"}, rows),
    "rows of an example layout": Case("example", {"labels": "y", "sample_weight": "w"}, rows),
    "rows of raw files": Case("raw", {"labels": "y", "boundaries": BOUNDARIES, **FILLED}, rows),
    "steps": Case("block", {"labels": "count", "sample_weight": "w", **FILLED}, steps),
    "steps without mask": Case("example", {"labels": "count", "output_mask": False}, unmasked_steps),
    "next steps": Case("block", {"next_step": "item"}, items, "sparse_categorical_crossentropy"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_row_or_step_has_the_same_influence(name: str, data: Data) -> None:
    source, options, layers, loss = CASES[name]
    read = make_source(source, data).read
    batches = list(read(batch_steps=256, even_weights=True, features=KEYS, **options))
    assert len({features["record"].shape for features, *_ in batches}) > 3
    keras.utils.set_random_seed(0)
    model = keras.Sequential([lw.SequenceFeatures([lw.sequence_numeric_column("value")]), *layers()])
    model.compile("sgd", loss)
    fed = _gradient(model, lambda: tf.add_n([model.compute_loss(x, y, model(x), weights) for x, y, weights in batches]))
    whole = _gradient(model, lambda: _mean(model, batches, weighted="sample_weight" in options))
    scale = np.linalg.norm(fed) / np.linalg.norm(whole)
    np.testing.assert_allclose(fed / scale, whole, rtol=1e-4, atol=1e-6 * np.abs(whole).max())
    assert scale == pytest.approx(len(batches), rel=0.1)  # so learning rates have their usual meaning


def _gradient(model: Any, loss: Callable[[], Any]) -> np.ndarray:
    model(tf.nest.map_structure(tf.identity, {"value": tf.zeros([1, 1]), "sequence_length": tf.ones([1], tf.int64)}))
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
    return np.concatenate([tf.reshape(tf.convert_to_tensor(gradient), [-1]) for gradient in gradients])


def _mean(model: Any, batches: list[Any], *, weighted: bool) -> Any:
    """The mean loss of all rows, or of all steps with a label, without batches, masks or filler rows."""
    losses, count = [], 0
    for features, labels, weights in batches:
        real = np.asarray(weights) > 0
        labels = labels[:, None] if real.ndim == 1 else labels
        each = keras.losses.get(model.loss)(labels, tf.identity(model(features)))
        row_weights = np.where(features["record"].numpy() % 5, 0.5, 1.0) if weighted else np.ones(len(real))
        row_weights = row_weights.reshape(-1, *[1] * (real.ndim - 1))
        losses.append(tf.reduce_sum(each * (real * row_weights).astype(np.float32)))
        count += np.count_nonzero(real)
    return tf.add_n(losses) / count


def test_they_are_refused_without_labels(data: Data) -> None:
    with pytest.raises(ConfigError, match="even_weights requires labels or next_step"):
        make_source("example", data).read(batch_size=8, even_weights=True)
