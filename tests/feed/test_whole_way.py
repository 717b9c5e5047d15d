"""Raw records -> prepared -> fed -> layer -> fit -> exported -> served, and the same from the raw records alone."""

import os
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import Data, make_source
from feed.samples import all_columns


def make_model(folder: str) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    spec = lw.read_prepared(folder, "train", batch_size=8).element_spec
    inputs = {
        key: keras.Input(tensor.shape[1:], dtype=tensor.dtype.name, name=key)
        for key, tensor in spec.items()
        if key not in ("record", "y", "w", "name")
    }
    columns = [
        lw.indicator_column(column) if column.kind == "identity" and column.key != "device" else column
        for column in lw.load_manifest(folder).model_columns
        if column.kind != "context"
    ]
    sequence, _ = lw.SequenceFeatures(columns, context=["device", "topics"], return_lengths=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.LSTM(8)(sequence)))
    model.compile("adam", "mse", jit_compile=False)
    return model


def predictions(model: Any, batches: Any) -> dict[int, float]:
    """By the record's number."""
    found: dict[int, float] = {}
    for batch in batches:
        chosen = {key: batch[key] for key in model.input}
        found |= dict(zip(batch["record"].numpy().tolist(), model(chosen).numpy()[:, 0].tolist(), strict=True))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("trained_on", ["example", "block", "raw"])
def test_a_model_predicts_the_same_from_every_source(data: Data, tmp_path: Any, trained_on: str) -> None:
    model = make_model(data.folders["example"])
    untrained = predictions(model, make_source("example", data).read(batch_steps=256))
    train = make_source(trained_on, data).read(batch_steps=256, labels="y", features=list(model.input), seed=1)
    history = model.fit(train, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    sources = ("example", "block", "raw", "flat")
    expected, *others = (predictions(model, make_source(name, data).read(batch_steps=256)) for name in sources)
    assert expected.keys() == set(range(len(data.samples)))
    assert (
        max(abs(expected[number] - untrained[number]) for number in expected) > 1e-3
    )  # the model has learned something
    records = tf.constant([data.samples[number].sequence_example() for number in expected])
    path = os.path.join(tmp_path, "served")
    lw.serving_fn(model, all_columns()).export(path)
    [served] = tf.saved_model.load(path).signatures["serving_default"](records=records).values()
    others.append(dict(zip(expected, served.numpy()[:, 0].tolist(), strict=True)))
    for other in others:
        np.testing.assert_allclose(
            [other[number] for number in expected], list(expected.values()), rtol=1e-4, atol=1e-5
        )
