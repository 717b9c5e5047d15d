"""Lookups as TensorFlow ops: equal to TensorFlow's tables and hashes, for every policy, in every mode."""

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise.columns import sequence_categorical_column_with_hash_bucket as hash_column
from lengthwise.columns import sequence_categorical_column_with_identity as identity_column
from lengthwise.columns import sequence_categorical_column_with_vocabulary_file as file_column
from lengthwise.columns import sequence_categorical_column_with_vocabulary_list as list_column
from lengthwise.errors import ConfigError
from lengthwise.tensor.tensor_lookup import IdLookup

WORDS = ["R", "G", "ü", "", "9"]
NUMBERS = [7, -3, 0, 2**40]

CASES = {
    "identity, out of range is refused": (identity_column("k", 3), [0, 2, 3, -1], [0, 2, -2, -2]),
    "identity, out of range is missing": (identity_column("k", 3, oov="zero"), [0, 2, 3, -1], [0, 2, -1, -1]),
    "identity, out of range has a default": (identity_column("k", 3, 1), [0, 2, 3, -1], [0, 2, 1, 1]),
    "vocabulary, unknown is missing": (list_column("k", WORDS), ["ü", "x", "R", ""], [2, -1, 0, 3]),
    "vocabulary, unknown has a default": (list_column("k", WORDS, default_value=4), ["ü", "x"], [2, 4]),
    "vocabulary, unknown is refused": (list_column("k", WORDS, oov="error"), ["ü", "x"], [2, -2]),
    "integer vocabulary": (list_column("k", NUMBERS), [2**40, 5, -3], [3, -1, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_ids_follow_the_policy(name):
    column, values, ids = CASES[name]
    assert IdLookup(column)(tf.constant(values)).numpy().tolist() == ids


@settings(max_examples=40)
@given(values=st.lists(st.text(max_size=8).filter(lambda text: "\0" not in text), max_size=20))
def test_strings_get_the_ids_of_tensorflow(values):
    values = tf.constant(values + WORDS, tf.string)
    buckets = IdLookup(list_column("k", WORDS, num_oov_buckets=3))(values)
    initializer = tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(5, dtype=tf.int64))
    assert tf.reduce_all(buckets == tf.lookup.StaticVocabularyTable(initializer, 3).lookup(values))
    hashed = IdLookup(hash_column("k", 11))(values)
    assert tf.reduce_all(hashed == tf.strings.to_hash_bucket_fast(values, 11))


@settings(max_examples=40)
@given(values=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_integers_get_the_ids_of_tensorflow(values):
    values = tf.constant(values + NUMBERS, tf.int64)
    buckets = IdLookup(list_column("k", NUMBERS, num_oov_buckets=3))(values)
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(NUMBERS, tf.int64), tf.range(4, dtype=tf.int64))
    assert tf.reduce_all(buckets == tf.lookup.StaticVocabularyTable(initializer, 3).lookup(values))
    hashed = IdLookup(hash_column("k", 11, dtype="int64"))(values)
    assert tf.reduce_all(hashed == tf.strings.to_hash_bucket_fast(tf.strings.as_string(values), 11))


def test_a_vocabulary_file_gives_the_ids_of_tensorflow(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"R\nG\r\nB\nunused\n")
    column = file_column("k", str(path), vocabulary_size=3, num_oov_buckets=2)
    values = tf.constant(["G", "unused", "R", "x", ""])
    initializer = tf.lookup.TextFileInitializer(str(path), tf.string, -2, tf.int64, -1, vocab_size=3)
    assert tf.reduce_all(IdLookup(column)(values) == tf.lookup.StaticVocabularyTable(initializer, 2).lookup(values))


def test_the_lookup_works_in_a_tf_data_map_and_in_a_function():
    lookup = IdLookup(list_column("k", ["a", "b"]))
    data = tf.data.Dataset.from_tensors(["b", "z"]).map(lookup)
    assert next(iter(data)).numpy().tolist() == [1, -1]
    assert tf.function(lookup)(tf.constant([["a"]])).numpy().tolist() == [[0]]


def test_in_a_graph_the_table_is_initialised_by_the_tables_initializer():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ids = IdLookup(list_column("k", ["a", "b"]))(tf.constant(["b"]))
        session.run(tf.compat.v1.tables_initializer())
        assert session.run(ids).tolist() == [1]


def test_an_exported_module_contains_its_table(tmp_path):
    class Model(tf.Module):
        def __init__(self):
            self.lookup = IdLookup(list_column("k", ["a", "b"]))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, values):
            return self.lookup(values)

    tf.saved_model.save(Model(), str(tmp_path))
    assert tf.saved_model.load(str(tmp_path))(tf.constant(["b", "z"])).numpy().tolist() == [1, -1]


@pytest.mark.parametrize(
    ("column", "values"),
    [(hash_column("k", 5), [1]), (identity_column("k", 5), ["1"]), (identity_column("k", 5), [1.0])],
)
def test_values_of_another_dtype_are_refused(column, values):
    with pytest.raises(ConfigError, match=f"feature 'k': expected values of dtype {column.dtype}"):
        IdLookup(column)(tf.constant(values))
