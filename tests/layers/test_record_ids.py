"""Ids of the whole record next to the steps: the same as a sequence of one step, for each layout."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.errors import ConfigError

ITEM = lw.sequence_categorical_column_with_identity("item", 10)
LAST = lw.categorical_column_with_identity("last", 10, oov="zero")
DEVICE = lw.categorical_column_with_vocabulary_list("device", ["phone", "tv"])
TOPICS = lw.categorical_column_with_identity("topics", 5, oov="zero", values_per_step=3)
AGE = lw.context_column("age")
COLUMNS = [*lw.shared_embedding_columns([ITEM, LAST], 2), DEVICE, lw.indicator_column(TOPICS), AGE]
KEYS = ["age", "topics", "last", "device"]
FEATURES: dict[str, Any] = {
    "item": np.array([[1, 2, 0], [3, 0, 0]]),
    "sequence_length": np.array([2, 1]),
    "device": tf.constant(["tv", "?"]),
    "topics": np.array([[1, 1, -1], [4, -1, -1]]),
    "topics_count": np.array([2, 1]),
    "last": np.array([2, -1]),
    "age": np.array([5.0, 6.0], np.float32),
}


def make_layer(columns: Any = COLUMNS, **options: Any) -> Any:
    keras.utils.set_random_seed(1)
    return lw.SequenceFeatures(columns, context=KEYS, embedding_dim=4, **options)


def test_vectors_of_the_record_are_next_to_each_step_in_the_order_of_the_keys() -> None:
    layer = make_layer()
    device, items = (layer.tables[name].numpy() for name in ("device_embedding", "item_last_shared_embedding"))
    assert [tuple(weight.shape) for weight in layer.weights] == [(10, 2), (2, 4)]  # one table for both columns of items
    zero = np.zeros
    first = [5.0, 0, 2, 0, 0, 0, *items[2], *device[1]]
    second = [6.0, 0, 0, 0, 0, 1, *zero(2), *zero(4)]  # no item, and a device outside the vocabulary
    expected = [
        [[*items[1], *first], [*items[2], *first], zero(14)],
        [[*items[3], *second], zero(14), zero(14)],
    ]
    np.testing.assert_allclose(layer(FEATURES), expected, rtol=1e-6)
    assert layer.compute_output_shape({"item": (2, 3)}) == (2, 3, 14)


@pytest.mark.parametrize("kind", ["ragged", "sparse", "empty slots first"])
def test_the_layout_of_several_values_makes_no_difference(kind) -> None:
    layer = make_layer()
    topics: Any = tf.ragged.constant([[1, 1], [4]], dtype=tf.int64)
    if kind == "sparse":
        topics = topics.to_sparse()
    elif kind != "ragged":
        topics = np.array([[-1, 1, 1], [-1, -1, 4]])
    np.testing.assert_allclose(layer({**FEATURES, "topics": topics}), layer(FEATURES))


@pytest.mark.parametrize(("combiner", "expected"), [("sum", 9.0), ("mean", 3.0), ("sqrtn", 9.0 / 3**0.5)])
def test_a_combiner_joins_the_values_of_a_record(combiner, expected) -> None:
    topics = lw.embedding_column(TOPICS, 1, combiner=combiner, initializer="ones")
    layer = lw.SequenceFeatures([lw.embedding_column(ITEM, 1), topics], context=["topics"])
    layer.tables["topics_embedding"].assign([[1.0], [2.0], [3.0], [4.0], [5.0]])
    features = {**FEATURES, "topics": np.array([[0, 2, 4], [-1, -1, -1]])}
    np.testing.assert_allclose(layer(features)[:, 0, 1], [expected, 0.0], rtol=1e-6)


def test_weights_count() -> None:
    topics = lw.categorical_column_with_identity("topics", 5, values_per_step=3, weight_key="w", oov="zero")
    layer = lw.SequenceFeatures([ITEM, lw.indicator_column(topics)], context=["topics"])
    weights = np.array([[0.5, 2.0, 7.0], [3.0, 0.0, 0.0]], np.float32)
    joined = layer({**FEATURES, "w": weights})[:, 0, -5:]
    np.testing.assert_allclose(joined, [[0, 2.5, 0, 0, 0], [0, 0, 0, 0, 3.0]])


def test_looked_up_features_give_the_same_in_a_model_that_is_saved_and_compiled(tmp_path) -> None:
    raw, layer = make_layer(), make_layer(lw.looked_up(COLUMNS))
    layer.set_weights(raw.get_weights())
    features = {key: tf.constant(value) for key, value in {**FEATURES, "device": np.array([1, -1])}.items()}
    np.testing.assert_allclose(layer(features), raw(FEATURES))
    assert layer.supports_jit
    assert not raw.supports_jit
    inputs = lw.inputs(lw.looked_up(COLUMNS))
    assert {key: value.shape for key, value in inputs.items() if key != "item"} == {
        "topics": (None, 3),
        **dict.fromkeys(("topics_count", "sequence_length", "device", "last", "age"), (None,)),
    }
    steps = keras.layers.GRU(3)(layer(inputs))
    model = keras.Model(list(inputs.values()), keras.layers.Dense(1)(steps))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(features), model(features), rtol=1e-6)
    model.compile("sgd", "mse", jit_compile=True)
    model.fit(features, np.array([1.0, 0.0]), verbose=0)
    assert not np.allclose(loaded(features), model(features), rtol=1e-6)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"item": FEATURES["item"]}, r"received none for \['age', 'device', 'last', 'topics'\]"),
        ({**FEATURES, "topics": np.zeros([2, 1, 3], "int64")}, r"'topics': expected shape \[batch\] or \[batch, K\]"),
        ({**FEATURES, "device": np.array([1, 2])}, "'device': a value has none of the column's 2 ids"),
    ],
)
def test_wrong_features_are_named(features, message) -> None:
    with pytest.raises((ConfigError, tf.errors.InvalidArgumentError), match=message):
        make_layer()(features)


def test_ids_of_the_record_are_not_steps() -> None:
    assert lw.SequenceFeatures([ITEM, DEVICE])(FEATURES).shape == (2, 3, 8)  # ignored
    with pytest.raises(ConfigError, match="join a feature of the whole record by `context=`"):
        lw.sequence_input_layer(FEATURES, [lw.indicator_column(TOPICS)])
    with pytest.raises(ConfigError, match=r"received context columns only \(device\)"):
        lw.SequenceFeatures([DEVICE])


def test_context_features_are_the_vectors_next_to_the_steps_once_per_record(tmp_path) -> None:
    beside = make_layer()
    alone = lw.ContextFeatures(COLUMNS, KEYS, embedding_dim=4)
    alone.set_weights([beside.tables[name] for name in alone.tables])
    np.testing.assert_allclose(alone(FEATURES), beside(FEATURES)[:, 0, 2:])
    inputs = lw.inputs(lw.looked_up(COLUMNS))
    layer = lw.ContextFeatures(lw.looked_up(COLUMNS), KEYS, embedding_dim=4)
    layer.set_weights(alone.get_weights())
    model = keras.Model(list(inputs.values()), layer(inputs))
    assert model.output.shape == (None, 12)
    model.save(tmp_path / "model.keras")
    features = {**FEATURES, "device": np.array([1, -1])}
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(features), alone(FEATURES))
    assert (layer.supports_jit, alone.supports_jit) == (True, False)


def test_a_size_for_an_unknown_key_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"embedding_dim: .*\(device, last\), received 'devices'"):
        lw.ContextFeatures([LAST, DEVICE, AGE], ["device"], embedding_dim={"devices": 4})


@pytest.mark.parametrize("kind", [lw.SequenceFeatures, lw.ContextFeatures])
def test_an_export_contains_the_lookups_of_the_record(kind, tmp_path) -> None:
    inputs = lw.inputs(lw.looked_up([ITEM])) | {"device": keras.Input((), dtype="string", name="device")}
    model = keras.Model(inputs, kind([ITEM, DEVICE], context=["device"])(inputs))
    model.export(str(tmp_path / "served"), format="tf_saved_model", verbose=False)
    batch = {key: tf.convert_to_tensor(FEATURES[key]) for key in inputs}
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(batch), model(batch), rtol=1e-6)


@pytest.mark.parametrize(
    ("context", "features", "message"),
    [
        ([], FEATURES, "expected the key of at least one feature"),
        (["item"], FEATURES, r"context: expected the keys of .* \(last, device, topics, age\), received 'item'"),
        (["age"], {**FEATURES, "segment_ids": np.ones([2, 3])}, "received packed rows"),
        (["age"], {}, r"received none for \['age'\]"),
    ],
)
def test_context_features_name_what_is_wrong(context, features, message) -> None:
    with pytest.raises(ConfigError, match=message):
        lw.ContextFeatures(COLUMNS, context)(features)
