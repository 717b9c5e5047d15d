"""Input from code written for TF 1.x and tf_keras: tensor values, initializers with a partition, shapes."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import ConcatenateContext

v1, fc = tf.compat.v1, tf.feature_column
IDS = fc.sequence_categorical_column_with_identity("k", 3)
WORDS = fc.sequence_categorical_column_with_vocabulary_list("k", ["a", "b"])

# ---------------------------------------------------------------------------------------------------- tensor values

FLAT = ((0, 0), (0, 1), (1, 0))
NESTED = ((0, 0, 0), (0, 1, 0), (0, 1, 1), (1, 0, 0))
SPARSE = {
    "numbers": (fc.sequence_numeric_column("k"), FLAT, (0.0, 1.0, 10.0), (2, 2)),
    "numbers of arrays": (fc.sequence_numeric_column("k", 2), NESTED, (1.0, 2.0, 3.0, 4.0), (2, 2, 2)),
    "integers": (fc.sequence_numeric_column("k", dtype=tf.int64), FLAT, (2**40, 1, 10), (2, 2)),
    "ids": (fc.indicator_column(IDS), FLAT, (2, 0, 1), (2, 2)),
    "several ids": (fc.indicator_column(IDS), NESTED, (2, 0, 1, 1), (2, 2, 2)),
    "words": (fc.indicator_column(WORDS), FLAT, (b"a", b"?", b"b"), (2, 2)),
    "nothing": (fc.indicator_column(IDS), np.zeros((0, 2), "int64"), np.zeros(0, "int64"), (2, 0)),
}


def in_graph(columns, features):
    with tf.Graph().as_default(), v1.Session() as session:
        outputs = lw.sequence_input_layer(features, columns)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        return session.run(outputs)


CALLS = {
    "layer": lambda columns, features: lw.SequenceFeatures(columns, return_lengths=True)(features),
    "function": lambda columns, features: lw.sequence_input_layer(features, columns),
    "graph": in_graph,
}


@pytest.mark.parametrize("case", SPARSE)
def test_sparse_tensor_values_are_sparse_tensors(case):
    column, indices, values, shape = SPARSE[case]
    expected, lengths = lw.SequenceFeatures([column], return_lengths=True)(
        {"k": tf.SparseTensor(indices, values, shape)}
    )
    for as_list in (tuple, np.asarray) if len(values) else (np.asarray,):
        value = v1.SparseTensorValue(as_list(indices), as_list(values), as_list(shape))
        for name, call in CALLS.items():
            actual, actual_lengths = (np.asarray(part) for part in call([column], {"k": value}))
            np.testing.assert_array_equal(actual, expected, name)
            np.testing.assert_array_equal(actual_lengths, lengths, name)


def test_a_single_value_needs_no_dict_and_weights_may_be_values_too():
    value = v1.SparseTensorValue(FLAT, (2, 0, 1), (2, 2))
    column = lw.sequence_categorical_column_with_identity("k", 3)
    alone = lw.SequenceFeatures([lw.indicator_column(column)])(value)
    named = lw.SequenceFeatures([lw.indicator_column(column)])({"k": value})
    np.testing.assert_array_equal(alone, named)
    weighted = lw.sequence_categorical_column_with_identity("k", 3, weight_key="w")
    given = {"k": value, "w": v1.SparseTensorValue(FLAT, (0.5, 2.0, 3.0), (2, 2))}
    inputs = lw.SequenceFeatures([lw.indicator_column(weighted)])(given)
    assert inputs.numpy().tolist() == [[[0, 0, 0.5], [2, 0, 0]], [[0, 3, 0], [0, 0, 0]]]


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [3.0]], [[[1.0], [2.0]], [[3.0]]]], ids=["flat", "nested"])
def test_ragged_tensor_values_are_ragged_tensors(rows):
    value = v1.ragged.constant_value(rows, dtype="float32")
    for name, call in CALLS.items():
        inputs, lengths = (np.asarray(part) for part in call([lw.sequence_numeric_column("k")], {"k": value}))
        assert (name, inputs.tolist(), lengths.tolist()) == (name, [[[1], [2]], [[3], [0]]], [2, 1])


# ----------------------------------------------------------------------------------------------------- initializers

TABLE = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def of_contrib(shape, dtype, partition_info):
    assert (shape, dtype, partition_info) == ([3, 2], tf.float32, None)
    return TABLE


def of_contrib_by_default(shape, dtype=tf.float32, partition_info=None):
    return tf.constant(of_contrib(shape, dtype, partition_info), dtype)


class Initializer:
    def __call__(self, shape, dtype=None, partition_info=None):
        return np.asarray(of_contrib(shape, dtype, partition_info))


INITIALIZERS = {
    "function": of_contrib,
    "defaults": of_contrib_by_default,
    "object": Initializer(),
    "partial": functools.partial(of_contrib),
    "lambda": lambda shape, dtype, partition_info: of_contrib(shape, dtype, partition_info),
    "two arguments": lambda shape, dtype: tf.constant(TABLE, dtype),
    "keywords": lambda shape, dtype=None, **_: tf.constant(TABLE, dtype),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_may_take_a_partition(name):
    initializer = INITIALIZERS[name]
    ours = lw.sequence_categorical_column_with_identity("k", 3)
    columns = {
        "TensorFlow's": [fc.embedding_column(IDS, 2, initializer=initializer)],
        "ours": [lw.embedding_column(ours, 2, initializer=initializer)],
        "shared": lw.shared_embedding_columns([ours], 2, initializer=initializer),
    }
    features = {"k": v1.SparseTensorValue(FLAT, (2, 0, 1), (2, 2))}
    for wrapped in columns.values():
        for call in (CALLS["layer"], CALLS["graph"]):
            assert np.asarray(call(wrapped, features)[0]).tolist() == [[[5, 6], [1, 2]], [[3, 4], [0, 0]]]


# ----------------------------------------------------------------------------------------------------------- shapes

PAIR = [lw.sequence_numeric_column("a", shape=2), lw.sequence_numeric_column("b")]
SHAPES = {
    "dict": (PAIR, {"a": (None, None, 2), "b": (None, None)}, (None, None, 3)),
    "known": (PAIR, {"a": (4, 7, 2), "b": (4, 7)}, (4, 7, 3)),
    "flat": (PAIR[:1], {"a": (4, 7)}, (4, 4, 2)),
    "lists": (PAIR, {"a": [4, None, 2], "b": [4, 7], "sequence_length": [4]}, (4, 7, 3)),
    "one for all": (PAIR, (None, None), (None, None, 3)),
    "one feature": (PAIR[1:], (5, 6), (5, 6, 1)),
    "tensor shapes": (PAIR, {"a": tf.TensorShape([None, 3, 2]), "b": tf.TensorShape([None, 3])}, (None, 3, 3)),
    "embedding": ([lw.embedding_column(lw.sequence_categorical_column_with_identity("k", 9), 5)], (2, 3), (2, 3, 5)),
    "empty": (PAIR[1:], {"b": (0, 0)}, (0, 0, 1)),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_output_shape_follows_from_the_features_shapes(case):
    columns, shapes, expected = SHAPES[case]
    assert lw.SequenceFeatures(columns, return_lengths=True).compute_output_shape(shapes) == (expected, expected[:1])
    assert lw.SequenceFeatures(columns, return_lengths=False).compute_output_shape(shapes) == expected


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"a": (None, None, 2)}, r"expected the keys \['a', 'b'\], received \['a'\]"),
        ({"a": (None, None, 2), "b": (3,)}, r"shape of 'b': expected \[batch, T, ...\], received \(3,\)"),
        ((3,), r"shape of 'features_shape': expected \[batch, T, ...\], received \(3,\)"),
        (None, r"shape of 'features_shape': expected \[batch, T, ...\], received None"),
        ({"a": (1, 2, 2), "b": tf.TensorShape(None)}, "shape of 'b': expected"),
    ],
)
def test_shapes_that_fit_no_features_are_refused(shapes, message):
    with pytest.raises(ConfigError, match=message):
        lw.SequenceFeatures(PAIR, return_lengths=True).compute_output_shape(shapes)


def test_a_context_has_an_output_shape():
    assert ConcatenateContext().compute_output_shape((None, None, 4), (None, 2)) == (None, None, 6)
    assert ConcatenateContext().compute_output_shape((3, 5, None), (3, 2), (3,)) == (3, 5, None)


@pytest.mark.parametrize(
    ("context", "sequence"),
    [
        (tf.ones([1, 1], tf.int32), tf.ones([1, 2, 1])),
        (tf.ones([1, 1]), tf.ones([1, 2, 1], tf.int64)),
        (tf.ones([1, 1], tf.float64), tf.ones([1, 2, 1])),
        (tf.constant([["a"]]), tf.ones([1, 2, 1])),
    ],
)
def test_wrong_dtypes_of_a_context_are_type_errors_and_value_errors(context, sequence):
    with pytest.raises(TypeError, match="concatenate_context_input: expected inputs of one float dtype") as caught:
        lw.concatenate_context_input(context, sequence)
    assert isinstance(caught.value, ValueError)
