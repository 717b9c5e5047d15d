"""Whether Keras compiles a model with XLA: its decision on machines with a GPU, which is simulated here."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import SequenceFeatures

IDENTITY = lw.sequence_categorical_column_with_identity("k", 9)
HASH = lw.sequence_categorical_column_with_hash_bucket("k", 9)
NUMBERS_HASHED = lw.sequence_categorical_column_with_hash_bucket("k", 9, dtype="int64")
WORDS = lw.sequence_categorical_column_with_vocabulary_list("k", ["a", "b"])
NUMBERS_KNOWN = lw.sequence_categorical_column_with_vocabulary_list("k", [5, 6])
IDS, NUMBERS, STRINGS = [[5, 6], [5]], [[5.0, 6.0], [5.0]], [["a", "b"], ["a"]]

CASES = {  # column, layout, rows, whether XLA can compile it
    "ids": (IDENTITY, "dense", IDS, True),
    "ids of words": (lw.sequence_categorical_column_with_vocabulary_list("k", list("abcdefg")), "dense", IDS, True),
    "ids of hashed strings": (HASH, "dense", IDS, True),
    "numbers": (lw.sequence_numeric_column("k"), "dense", NUMBERS, True),
    "buckets": (lw.sequence_bucketized_column(lw.sequence_numeric_column("k"), [5.5]), "dense", NUMBERS, True),
    "hashed strings": (HASH, "dense", STRINGS, False),
    "words": (WORDS, "dense", STRINGS, False),
    "hashed integers": (NUMBERS_HASHED, "dense", IDS, False),
    "known integers": (NUMBERS_KNOWN, "dense", IDS, False),
    "ragged ids": (IDENTITY, "ragged", IDS, False),
    "sparse ids": (IDENTITY, "sparse", IDS, False),
    "ragged numbers": (lw.sequence_numeric_column("k"), "ragged", NUMBERS, False),
    "sparse numbers": (lw.sequence_numeric_column("k"), "sparse", NUMBERS, False),
    "ragged words": (WORDS, "ragged", STRINGS, False),
}


def features_of(layout, rows):
    ragged = tf.ragged.constant(rows)
    if layout == "dense":
        return {"k": ragged.to_tensor(), "sequence_length": tf.constant([2, 1], tf.int64)}
    return {"k": ragged if layout == "ragged" else ragged.to_sparse()}


def wrapped(column):
    return column if isinstance(column, lw.NumericColumn) else lw.embedding_column(column, 2)


def functional(column, layout, features):
    kind = {} if layout == "dense" else {layout: True}
    given = {"k": keras.Input((None,), dtype=features["k"].dtype.name, name="k", **kind)}
    if layout == "dense":
        given["sequence_length"] = keras.Input((), dtype="int64", name="sequence_length")
    steps = SequenceFeatures([wrapped(column)])(given)
    return keras.Model(given, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(steps)))


def sequential(column):
    layers = [SequenceFeatures([wrapped(column)]), keras.layers.GlobalAveragePooling1D()]
    return keras.Sequential([*layers, keras.layers.Dense(1)])


def fit(model, features):
    return model.fit(tf.data.Dataset.from_tensors((features, tf.ones([2, 1]))), verbose=0).history["loss"]


@pytest.fixture
def gpu(monkeypatch):
    """A GPU in the list of devices, by which Keras decides; the code still runs on the CPU, with the same XLA."""
    listed = tf.config.list_physical_devices
    gpus = [types.SimpleNamespace(device_type="GPU")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: listed(kind) + ([] if kind else gpus))


@pytest.mark.parametrize("name", CASES)
def test_on_a_gpu_a_model_is_compiled_by_xla_if_its_input_can_be(name, gpu):
    column, layout, rows, can = CASES[name]
    features = features_of(layout, rows)
    model = functional(column, layout, features)
    model.compile("sgd", "mse")
    assert model.jit_compile is can
    assert np.isfinite(fit(model, features)).all()


@pytest.mark.parametrize("name", ["ids", "hashed strings", "words", "known integers"])
def test_on_a_gpu_a_model_that_was_never_called_fits_too(name, gpu):
    column, layout, rows, can = CASES[name]
    model = sequential(column)
    model.compile("sgd", "mse")
    assert model.jit_compile is can
    assert np.isfinite(fit(model, features_of(layout, rows))).all()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case[3]])
def test_on_a_gpu_a_model_that_was_called_fits_on_any_input(name, gpu):
    column, layout, rows, _ = CASES[name]
    model, features = sequential(column), features_of(layout, rows)
    model(features)
    model.compile("sgd", "mse")
    assert model.jit_compile is False
    assert np.isfinite(fit(model, features)).all()


def test_a_layer_called_on_ragged_and_on_dense_input_is_not_compiled():
    layer = SequenceFeatures([wrapped(IDENTITY)], return_lengths=True)
    layer(features_of("ragged", IDS))
    layer(features_of("dense", IDS))
    assert layer.supports_jit is False


def test_ids_as_floats_work_in_xla():
    """Keras passes floats if an Input has no dtype."""
    layer = SequenceFeatures([wrapped(CASES["ids of words"][0])], return_lengths=True)
    features = features_of("dense", NUMBERS)
    np.testing.assert_array_equal(tf.function(layer, jit_compile=True)(features)[0], layer(features)[0])


def test_xla_that_cannot_compile_is_refused_with_advice():
    """Nothing is known about a model's input before it is called, as here at `compile`."""
    model = sequential(IDENTITY)
    model.compile("sgd", "mse", jit_compile=True)
    with pytest.raises(ConfigError, match=r"expected dense numbers and ids .*received ragged 'k'; pass jit_compile=F"):
        fit(model, features_of("ragged", IDS))


def test_a_loaded_model_of_strings_is_not_compiled(gpu, tmp_path):
    model, features = sequential(WORDS), features_of("dense", STRINGS)
    model(features)
    model.save(str(tmp_path / "model.keras"))
    loaded = keras.saving.load_model(str(tmp_path / "model.keras"))
    loaded.compile("sgd", "mse")
    assert loaded.jit_compile is False
    assert np.isfinite(fit(loaded, features)).all()
