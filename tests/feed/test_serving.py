"""Serving: raw records get the same predictions as batches of these records in training."""

import os
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from feed.conftest import BOUNDARIES, Data, make_source
from feed.samples import all_columns
from lengthwise.config import Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed import serving_fn


class Sums(tf.Module):
    """Replaces a model: sums that change with each id, number, padding and length."""

    weights: tuple[Any, ...] = ()

    def __call__(self, batch: dict[str, Any], training: bool = False) -> Any:
        batch = {key: tf.cast(value, tf.float64) for key, value in batch.items() if key != "name"}
        rows = [tf.reduce_sum(tf.reshape(batch[key], [tf.shape(batch[key])[0], -1]), 1) for key in sorted(batch)]
        return tf.stack(rows, axis=1)


def keras_model() -> Any:
    import keras

    item = keras.Input([None], dtype="int64", name="item")
    word = keras.Input([None], dtype="int64", name="word")
    both = keras.layers.Concatenate()([keras.layers.Embedding(1000, 4)(item), keras.layers.Embedding(6, 2)(word)])
    return keras.Model({"item": item, "word": word}, keras.layers.Dense(1)(keras.layers.LSTM(3)(both)))


@pytest.mark.parametrize("container", ["sequence_example", "example"])
def test_features_are_those_of_training(data: Data, container: Any) -> None:
    serving = serving_fn(Sums(), all_columns(), format=container, boundaries=BOUNDARIES)
    batches = make_source("example", data).read(batch_steps=256)
    for batch in batches.take(4):
        numbers = batch["record"].numpy().tolist()
        records = tf.constant([getattr(data.samples[number], container)() for number in numbers])
        served = serving.features(records)
        assert set(served) == set(batch) - {"name"}  # the model does not read it
        for key in served:
            np.testing.assert_array_equal(served[key], batch[key], err_msg=key)
        np.testing.assert_array_equal(serving(records), Sums()(batch))


def test_an_exported_model_predicts_what_the_model_does(data: Data, tmp_path: Any) -> None:
    model = keras_model()
    path = os.path.join(tmp_path, "served")
    serving_fn(model, all_columns()).export(path)
    batch = next(iter(make_source("raw", data).read(batch_steps=256)))
    numbers = batch["record"].numpy().tolist()
    records = tf.constant([data.samples[number].sequence_example() for number in numbers])
    loaded = tf.saved_model.load(path)
    [served] = loaded.signatures["serving_default"](records=records).values()
    np.testing.assert_allclose(served, model({key: batch[key] for key in ("item", "word")}), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(loaded(records), served)


def test_an_invalid_record_of_a_request_is_named(data: Data) -> None:
    serving = serving_fn(keras_model(), all_columns())
    records = [data.samples[0].sequence_example(), b""]
    with pytest.raises(tf.errors.InvalidArgumentError, match="missing_feature"):
        serving(tf.constant(records))


def test_features_that_no_column_reads_are_named() -> None:
    with pytest.raises(ConfigError, match=r"received none for \['word'\]"):
        serving_fn(keras_model(), all_columns()[:2])


def test_requests_cannot_become_windows() -> None:
    with pytest.raises(ConfigError, match="sequences.over_long: a request cannot become several windows"):
        serving_fn(Sums(), all_columns(), boundaries=[2, 4], sequences=Sequences(over_long="window"))
