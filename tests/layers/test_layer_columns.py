"""`SequenceFeatures` on a data set's columns: embeddings of ids, context, standardised numbers, inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.columns import ColumnList, Moments
from lengthwise.errors import ConfigError
from lengthwise.layers import Standardize, embedding_size

ITEMS = lw.sequence_categorical_column_with_identity("items", 1000)
PRICE = lw.sequence_numeric_column("price")
TIME = lw.sequence_numeric_column("time", dtype="int64")
USER, AGE = lw.context_column("user", dtype="string"), lw.context_column("age", dtype="int64")
COLUMNS = ColumnList([ITEMS, PRICE, TIME, USER, AGE], {"price": Moments(2.0, 4.0), "time": Moments(2**40 + 0.5, 2.0)})


def batch() -> dict[str, tf.Tensor]:
    return {
        "items": tf.constant([[1, 2, 3], [4, 0, 0]], tf.int64),
        "price": tf.constant([[2.0, 6.0, 10.0], [-2.0, 0.0, 0.0]]),
        "time": tf.constant([[0, 1, 3], [5, 0, 0]], tf.int64) + 2**40,
        "user": tf.constant(["a", "b"]),
        "age": tf.constant([30, 40], tf.int64),
        "sequence_length": tf.constant([3, 1], tf.int64),
    }


@pytest.mark.parametrize(
    ("ids", "size"), [(1, 8), (2, 8), (16, 8), (17, 16), (100, 16), (1000, 24), (100_000, 72), (2**62, 256)]
)
def test_the_size_of_an_embedding_follows_from_the_number_of_ids(ids: int, size: int) -> None:
    assert embedding_size(ids) == size


@pytest.mark.parametrize(
    ("given", "dimension"), [({}, 24), ({"embedding_dim": 5}, 5), ({"embedding_dim": {"items": 7}}, 7)]
)
def test_plain_ids_get_an_embedding_and_context_is_ignored(given, dimension) -> None:
    layer = lw.SequenceFeatures(COLUMNS, **given)
    steps = layer(batch())
    assert steps.shape == (2, 3, dimension + 2)
    assert layer.tables["items_embedding"].shape == (1000, dimension)
    assert keras.src.backend.get_keras_mask(steps).numpy().tolist() == [[True] * 3, [True, False, False]]


def test_wrapped_columns_are_not_changed() -> None:
    layer = lw.SequenceFeatures([lw.embedding_column(ITEMS, 3), PRICE], embedding_dim=50)
    assert layer(batch()).shape == (2, 3, 4)


def test_context_is_repeated_for_every_step_and_not_on_padding() -> None:
    steps = lw.SequenceFeatures(COLUMNS.only("price", "age"), context=["age"])(batch()).numpy()
    assert steps[:, :, 1].tolist() == [[30, 30, 30], [40, 0, 0]]


@pytest.mark.parametrize("name", ["functional", "sequential"])
def test_numbers_are_standardised_also_by_the_model_that_is_loaded(name, tmp_path) -> None:
    layer = lw.SequenceFeatures(COLUMNS.without("items"), standardize=True, context=["age"])
    if name == "sequential":
        model = keras.Sequential([layer])
    else:
        given = lw.inputs(COLUMNS.without("items", "user"))
        model = keras.Model(list(given.values()), layer(given))
    expected = [
        [[0.0, -0.25, 30], [1.0, 0.25, 30], [2.0, 1.25, 30]],
        [[-1.0, 2.25, 40], [0, 0, 0], [0, 0, 0]],
    ]
    assert model(batch()).numpy().tolist() == expected
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras")(batch()).numpy().tolist() == expected


def test_statistics_may_be_given_and_constant_numbers_stay_finite() -> None:
    layer = lw.SequenceFeatures([PRICE], standardize={"price": (2.0, 0.0)})
    assert layer(batch()).numpy()[0, :, 0].tolist() == [0.0, 4.0, 8.0]


def test_the_normalizer_of_a_column_is_kept() -> None:
    price = lw.sequence_numeric_column("price", normalizer_fn=Standardize(0.0, 2.0))
    layer = lw.SequenceFeatures(ColumnList([price], COLUMNS.moments), standardize=True)
    assert layer(batch()).numpy()[0, :, 0].tolist() == [1.0, 3.0, 5.0]


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        ([PRICE], {"standardize": True}, r"standardize: expected columns of .*nothing is known of \['price'\]"),
        ([PRICE], {"standardize": {"cost": (0, 1)}}, r"standardize: expected the keys of .*\(price\), received 'cost'"),
        (COLUMNS, {"embedding_dim": {"word": 4}}, r"embedding_dim: .*plain id columns \(items\), received 'word'"),
        (COLUMNS, {"embedding_dim": 0}, "dimension: expected"),
        (COLUMNS, {"embedding_dim": {"items": 0}}, "dimension: expected"),
        (COLUMNS, {"context": ["item"]}, r"context: expected .*numbers or of ids \(age\), received 'item'"),
        (COLUMNS, {"context": ["user"]}, r"context: expected .*numbers or of ids \(age\), received 'user'"),
        ([AGE], {}, r"columns: expected at least one sequence column, received context columns only \(age\)"),
        ([], {}, "expected at least one column, received an empty list"),
    ],
)
def test_mistakes_are_named(columns, given, message) -> None:
    with pytest.raises(ConfigError, match=message):
        lw.SequenceFeatures(columns, **given)


def test_a_batch_without_the_context_is_named() -> None:
    layer = lw.SequenceFeatures(COLUMNS.only("price", "age"), context=["age"])
    with pytest.raises(ConfigError, match=r"expected the keys of the context columns, received none for \['age'\]"):
        layer({key: value for key, value in batch().items() if key != "age"})


def test_a_model_of_inputs_matches_features_by_name_in_batches_with_more_keys() -> None:
    given = lw.inputs([PRICE, AGE])
    assert {key: (value.shape, value.dtype) for key, value in given.items()} == {
        "price": ((None, None), "float32"),
        "age": ((None,), "int64"),
        "sequence_length": ((None,), "int64"),
    }
    steps = lw.SequenceFeatures([PRICE, AGE], context=["age"])(given)
    model = keras.Model(list(given.values()), steps)
    np.testing.assert_array_equal(model(batch()), model({key: batch()[key] for key in given}))
    np.testing.assert_array_equal(model.predict(tf.data.Dataset.from_tensors(batch()), verbose=0), model(batch()))
