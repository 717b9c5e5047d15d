"""Which numbers are ids: dtypes, floats, empty slots of a step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.layers import SequenceFeatures

identity = lw.sequence_categorical_column_with_identity
hashed = lw.sequence_categorical_column_with_hash_bucket
vocabulary = lw.sequence_categorical_column_with_vocabulary_list


def hot(column, values, lengths=None):
    """The ids of each step, from the column's indicator."""
    given = {"k": values}
    if lengths is not None:
        given["sequence_length"] = tf.constant(lengths)
    inputs = SequenceFeatures([lw.indicator_column(column)])(given)
    return [[np.flatnonzero(step).tolist() for step in row] for row in inputs.numpy()]


INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
KINDS = {
    "identity": identity("k", 1000),
    "identity, zero": identity("k", 1000, oov="zero"),
    "identity, default": identity("k", 1000, default_value=1),
    "ids of hashes": hashed("k", 1000),
    "words": vocabulary("k", [7, 8, 2, 3]),
}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("kind", KINDS)
def test_ids_may_be_integers_of_any_size(dtype, kind):
    expected = [[[2], [3]]]
    values = tf.cast([[2, 3]], dtype)
    for given, lengths in ((values, [2]), (values[..., None], [2]), (tf.RaggedTensor.from_tensor(values), None)):
        assert hot(KINDS[kind], given, lengths) == expected
    layer = SequenceFeatures([lw.embedding_column(KINDS[kind], 1, initializer="ones")], return_lengths=True)
    sparse = tf.SparseTensor([[0, 0], [0, 1]], tf.reshape(values, [-1]), [1, 2])
    assert layer({"k": sparse})[0].numpy().tolist() == [[[1.0], [1.0]]]


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_empty_slots_may_be_of_any_signed_dtype(dtype):
    assert hot(identity("k", 9), tf.cast([[[2, -1], [3, 4]]], dtype), [2]) == [[[2], [3, 4]]]


# ------------------------------------------------------------------------------------------------------------- floats

ROUNDED = {
    "hash": (hashed("u", 1000, dtype="int64"), "float32"),
    "vocabulary": (vocabulary("u", [16777217, 5]), "float32"),
    "hash of doubles": (hashed("u", 1000, dtype="int64"), "float64"),
    "many ids": (identity("u", 2**24 + 2, oov="zero"), "float32"),
    "many ids of words": (hashed("u", 2**24 + 2), "float32"),
    "half": (identity("u", 3000), "float16"),
}


@pytest.mark.parametrize("case", ROUNDED)
def test_floats_that_round_a_columns_integers_are_a_value_error(case):
    column, dtype = ROUNDED[case]
    features = {"u": tf.cast([[5, 7]], dtype), "sequence_length": tf.constant([2])}
    layer = SequenceFeatures([lw.embedding_column(column, 1, initializer="zeros")], return_lengths=True)
    with pytest.raises(ValueError, match=f"feature 'u': expected integers, received {dtype}, .*Input dtype='int64'"):
        layer(features)


def of_user(dtype):
    inputs = {
        "u": keras.Input((None,), dtype=dtype, name="u"),
        "sequence_length": keras.Input((), dtype="int64", name="sequence_length"),
    }
    column = hashed("u", 1000, dtype="int64")
    return keras.Model(inputs, SequenceFeatures([lw.indicator_column(column)])(inputs))


USERS = {"u": np.array([[16777217, 123456789]]), "sequence_length": np.array([2])}


def test_an_input_without_dtype_cannot_give_users_another_bucket():
    with pytest.raises(ValueError, match="feature 'u': expected integers, received float32"):
        of_user(None)(USERS)
    with pytest.raises(tf.errors.InvalidArgumentError, match="(?s)feature .*expected integers, received float32"):
        of_user(None).predict(USERS, verbose=0)


def test_an_input_of_integers_gives_the_buckets_of_tensorflow(tmp_path):
    model, path = of_user("int64"), str(tmp_path / "model.keras")
    expected = tf.strings.to_hash_bucket_fast(tf.as_string(USERS["u"]), 1000).numpy()
    model.save(path)
    for loaded in (model, keras.saving.load_model(path)):
        np.testing.assert_array_equal(loaded.predict(USERS, verbose=0).argmax(-1), expected)


@pytest.mark.parametrize("bad", [1.7, -0.5, float("nan"), float("inf")])
def test_fractions_are_not_ids(bad):
    values, lengths = tf.constant([[1.0, bad]]), [2]
    assert hot(identity("k", 3, oov="zero"), values, lengths) == [[[1], []]]
    assert hot(identity("k", 3, default_value=2), values, lengths) == [[[1], [2]]]
    for column in (identity("k", 3), hashed("k", 3)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="feature 'k': a value has none of the column's 3 ids"):
            hot(column, values, lengths)
        assert hot(column, values, [1])[0][0] == [1]  # in the padding


# -------------------------------------------------------------------------------------------------------- empty slots

SLOTS = [[["a", ""], ["b", "c"]]]
UNIFORM = {
    "outer ragged": lambda dense: tf.RaggedTensor.from_tensor(dense),
    "both ragged": lambda dense: tf.RaggedTensor.from_tensor(dense, ragged_rank=2),
}


@pytest.mark.parametrize("make", UNIFORM)
@pytest.mark.parametrize(
    ("column", "values"), [(hashed("k", 1000), SLOTS), (identity("k", 9), [[[3, -1], [4, 5]]])], ids=["strings", "ids"]
)
def test_empty_slots_of_uniform_ragged_steps_are_those_of_dense_steps(make, column, values):
    dense = tf.constant(values)
    expected = hot(column, dense, [2])
    assert [len(step) for step in expected[0]] == [1, 2]
    assert hot(column, UNIFORM[make](dense)) == expected


def test_empty_slots_need_no_known_size():
    layer = SequenceFeatures([lw.indicator_column(hashed("k", 1000))], return_lengths=True)
    signature = [{"k": tf.RaggedTensorSpec([None, None, None], tf.string, ragged_rank=1)}]
    inputs, _ = tf.function(layer, input_signature=signature)({"k": UNIFORM["outer ragged"](tf.constant(SLOTS))})
    assert inputs.numpy().sum(-1).tolist() == [[1, 2]]


def test_in_ragged_steps_every_value_counts():
    inputs = SequenceFeatures([lw.indicator_column(hashed("k", 1000))])({"k": tf.ragged.constant([[["a", ""], ["b"]]])})
    assert inputs.numpy().sum(-1).tolist() == [[2, 1]]
