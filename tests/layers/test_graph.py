"""`sequence_input_layer` in a `tf.Graph`: variables, scopes, collections and checkpoints of TF 1.15."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras.src.layers.rnn.legacy_cells import BasicRNNCell  # not in Keras 3, so not in tf.compat.v1.nn

from layers.contrib_input_layer import contrib_sequence_input_layer
from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import SequenceFeatures, sequence_input_layer

v1, fc = tf.compat.v1, tf.feature_column


def sparse_features():
    return {
        key: tf.SparseTensor([[0, 0], [0, 1], [1, 0]], tf.constant([2, 0, 1], tf.int64), [2, 2])
        for key in ("aaa", "bbb", "ccc")
    }


def their_columns():
    """An embedding and a shared embedding, of the classes of version 1. To be called in a graph."""
    aaa, bbb, ccc = (fc.sequence_categorical_column_with_identity(key, 3) for key in ("aaa", "bbb", "ccc"))
    shared = v1.feature_column.shared_embedding_columns([bbb, aaa], dimension=2)
    return [*shared, fc.embedding_column(ccc, dimension=4)]


def our_columns():
    aaa, bbb, ccc = (lw.sequence_categorical_column_with_identity(key, 3) for key in ("aaa", "bbb", "ccc"))
    return [*lw.shared_embedding_columns([bbb, aaa], dimension=2), lw.embedding_column(ccc, dimension=4)]


def call_once(layer, columns):
    layer(sparse_features(), columns)


def call_twice(layer, columns):
    layer(sparse_features(), columns)
    layer(sparse_features(), columns)


def call_in_a_scope(layer, columns):
    with v1.variable_scope("tower"):
        layer(sparse_features(), columns)


def call_again_with_reuse(layer, columns):
    with v1.variable_scope("tower"):
        layer(sparse_features(), columns)
    with v1.variable_scope("tower", reuse=True):
        layer(sparse_features(), columns)


def call_with_collections(layer, columns):
    layer(sparse_features(), columns[-1:], weight_collections=["mine", "other"])


def call_untrainable(layer, columns):
    layer(sparse_features(), columns, trainable=False)


def collections_of(call, layer, columns):
    """The names of the variables in every collection of a graph in which the call was made."""
    with tf.Graph().as_default() as graph:
        call(layer, columns())
        return {
            name: [variable.name for variable in graph.get_collection(name)]
            for name in graph.collections
            if isinstance(name, str) and all(hasattr(item, "initializer") for item in graph.get_collection(name))
        }


@pytest.mark.parametrize(
    "call",
    [call_once, call_twice, call_in_a_scope, call_again_with_reuse, call_with_collections, call_untrainable],
)
def test_variables_and_collections_are_those_of_tf_1_15(call):
    expected = collections_of(call, contrib_sequence_input_layer, their_columns)
    assert expected[v1.GraphKeys.GLOBAL_VARIABLES]
    assert collections_of(call, sequence_input_layer, our_columns) == expected
    assert collections_of(call, sequence_input_layer, their_columns) == expected


def test_variables_have_the_documented_names():
    with tf.Graph().as_default():
        call_twice(sequence_input_layer, our_columns())
        assert [variable.name for variable in v1.global_variables()] == [
            "sequence_input_layer/aaa_bbb_shared_embedding/embedding_weights:0",
            "sequence_input_layer/ccc_embedding/embedding_weights:0",
            "sequence_input_layer_1/ccc_embedding/embedding_weights:0",
        ]


def test_the_callers_list_of_collections_is_not_changed():
    mine = ["mine"]
    with tf.Graph().as_default():
        sequence_input_layer(sparse_features(), our_columns(), weight_collections=mine)
        assert len(v1.get_collection("mine")) == 2
        # TensorFlow omitted shared embeddings here, so that nothing initialised them.
        assert len(v1.global_variables()) == 2
    assert mine == ["mine"]


def test_a_shared_embedding_of_another_shape_in_the_graph_is_refused():
    ids = lw.sequence_categorical_column_with_identity("aaa", 3)
    with tf.Graph().as_default():
        for dimension in (2, 2):
            columns = lw.shared_embedding_columns([ids], dimension, shared_embedding_collection_name="one")
            sequence_input_layer(sparse_features(), columns)
        columns = lw.shared_embedding_columns([ids], 3, shared_embedding_collection_name="one")
        with pytest.raises(ValueError, match="shared embedding 'one': expected the graph's collection"):
            sequence_input_layer(sparse_features(), columns)


def first_tables(layer, columns, seed):
    """All tables' initial weights in a graph of that seed."""
    with tf.Graph().as_default():
        v1.set_random_seed(seed)
        layer(sparse_features(), columns())
        return run(v1.global_variables())


@pytest.mark.parametrize("layer", [contrib_sequence_input_layer, sequence_input_layer])
def test_the_seed_of_the_graph_is_that_of_the_tables(layer):
    ours, again, other = (first_tables(layer, their_columns, seed) for seed in (7, 7, 8))
    assert len(ours) == 2
    for table, same, different in zip(ours, again, other, strict=True):
        np.testing.assert_array_equal(table, same)
        assert not np.isclose(table, different).any()


def test_the_tables_of_a_graph_are_truncated_normals_with_tensorflows_deviation():
    ids = lw.sequence_categorical_column_with_identity("aaa", 5000)
    with tf.Graph().as_default():
        sequence_input_layer(sparse_features(), [lw.embedding_column(ids, 16)])
        [table] = run(v1.global_variables())
    assert np.abs(table).max() <= 2 / 4  # two standard deviations of 1 / sqrt(16)
    assert np.isclose(table.std(), 0.88 / 4, rtol=0.02)


PRETRAINED = np.arange(6, dtype="float32").reshape(3, 2)


@pytest.mark.parametrize(
    "give",
    [
        tf.constant_initializer,
        v1.constant_initializer,
        tf_keras.initializers.Constant,
        keras.initializers.Constant,
        lambda table: v1.constant_initializer(table.tolist()),
        lambda table: v1.constant_initializer(table.ravel().tolist()),
        lambda table: tf.constant_initializer(table.ravel().astype("float64")),
    ],
    ids=["2", "1", "tf_keras", "keras", "lists", "a flat list", "a flat array"],
)
def test_pretrained_tables_in_constant_initializers(give):
    with tf.Graph().as_default():
        aaa, bbb, ccc = (fc.sequence_categorical_column_with_identity(key, 3) for key in ("aaa", "bbb", "ccc"))
        single = fc.embedding_column(ccc, 2, initializer=give(PRETRAINED))
        shared = fc.shared_embeddings([bbb, aaa], 2, initializer=give(PRETRAINED))
        sequence_input_layer(sparse_features(), [single, *shared])
        tables = run(v1.global_variables())
    for table in (*tables, SequenceFeatures([single]).tables["ccc_embedding"]):
        np.testing.assert_array_equal(table, PRETRAINED)
    assert len(tables) == 2


def test_a_constant_of_another_shape_is_refused():
    column = lw.embedding_column(
        lw.sequence_categorical_column_with_identity("k", 3), 2, initializer=tf.constant_initializer(np.ones([4, 2]))
    )
    with pytest.raises(
        ConfigError, match=r"initializer of 'k_embedding': expected .*\[3, 2\].*, received one of \[4, 2\]"
    ):
        SequenceFeatures([column])


def test_a_uniform_initializer_without_a_maximum_ends_at_1():
    ids = lw.sequence_categorical_column_with_identity("k", 1000)
    column = lw.embedding_column(ids, 2, initializer=v1.random_uniform_initializer())
    table = SequenceFeatures([column]).tables["k_embedding"].numpy()
    assert 0 <= table.min() < 0.01
    assert 0.99 < table.max() < 1


def run(outputs, feed=None):
    with v1.Session() as session:
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        return session.run(outputs, feed)


@pytest.mark.parametrize("fetched", [0, 1], ids=["inputs", "lengths"])
def test_each_output_alone_fails_on_columns_of_different_lengths(fetched):
    with tf.Graph().as_default():
        features = {
            "a": tf.SparseTensor([[0, 0], [1, 0]], [1.0, 2.0], [2, 2]),
            "b": tf.SparseTensor([[0, 0], [1, 1]], [1.0, 2.0], [2, 2]),
        }
        outputs = sequence_input_layer(features, [lw.sequence_numeric_column("a"), lw.sequence_numeric_column("b")])
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"a.* and .*b.* differ, first in row\] \[1\] \[which has\] \[1\]"
        ):
            run(outputs[fetched])


def test_the_example_of_the_original_documentation_runs():
    """https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/feature_column/sequence_input_layer."""
    rating = lw.sequence_numeric_column("rating")
    watches = lw.sequence_categorical_column_with_identity("watches", num_buckets=1000)
    watches_embedding = lw.embedding_column(watches, dimension=10)
    columns = [rating, watches_embedding]
    examples = [example(watches=[5, 999, 7], rating=[1.0, 2.0, 3.0]), example(watches=[1], rating=[0.5])]
    with tf.Graph().as_default():
        features = tf.io.parse_example(examples, features=lw.make_parse_example_spec(columns))
        input_layer, sequence_length = sequence_input_layer(features, columns)

        rnn_cell = BasicRNNCell(4)
        outputs, state = v1.nn.dynamic_rnn(
            rnn_cell, inputs=input_layer, sequence_length=sequence_length, dtype=tf.float32
        )
        inputs, lengths, outputs, state = run([input_layer, sequence_length, outputs, state])
    assert inputs.shape == (2, 3, 11)
    assert lengths.tolist() == [3, 1]
    assert inputs[:, :, 0].tolist() == [[1.0, 2.0, 3.0], [0.5, 0.0, 0.0]]
    assert not inputs[1, 1:].any()
    np.testing.assert_array_equal(outputs[0, 2], state[0])
    np.testing.assert_array_equal(outputs[1, 0], state[1])


def test_the_mistake_in_the_documentation_is_an_error_that_names_the_wrapper():
    watches = lw.sequence_categorical_column_with_identity("watches", num_buckets=1000)
    with (
        tf.Graph().as_default(),
        pytest.raises(
            ValueError, match=r"All feature_columns must be of type .*'watches'; wrap it in embedding_column"
        ),
    ):
        sequence_input_layer(sparse_features(), [lw.sequence_numeric_column("rating"), watches])


def example(**lists):
    feature = {
        key: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        if isinstance(values[0], int)
        else tf.train.Feature(float_list=tf.train.FloatList(value=values))
        for key, values in lists.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def test_string_columns_and_their_tables_work_in_a_graph():
    words = lw.sequence_categorical_column_with_vocabulary_list("w", ["a", "b"], num_oov_buckets=1)
    with tf.Graph().as_default():
        features = {"w": tf.SparseTensor([[0, 0], [0, 1], [1, 0]], ["b", "x", "a"], [2, 2])}
        inputs, lengths = run(sequence_input_layer(features, [lw.indicator_column(words)]))
    assert inputs.tolist() == [[[0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 0]]]
    assert lengths.tolist() == [2, 1]


def write_tf1_checkpoint(path, columns):
    """Trains nothing: saves the initial weights of a TF 1 style graph."""
    with tf.Graph().as_default():
        call_once(contrib_sequence_input_layer, columns())
        variables = v1.global_variables()
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(path / "model.ckpt"))
            return {variable.op.name: value for variable, value in zip(variables, session.run(variables), strict=True)}


def test_a_checkpoint_of_tf_1_loads_into_the_keras_layer(tmp_path):
    saved = write_tf1_checkpoint(tmp_path, their_columns)
    layer = SequenceFeatures(our_columns(), return_lengths=True)
    layer.load_tf1_checkpoint(str(tmp_path / "model.ckpt"))
    assert sorted(layer.tables) == ["aaa_bbb_shared_embedding", "ccc_embedding"]
    for name, table in layer.tables.items():
        np.testing.assert_array_equal(table.numpy(), saved[f"sequence_input_layer/{name}/embedding_weights"])


def test_a_column_reads_its_initial_weights_from_a_checkpoint(tmp_path):
    saved = write_tf1_checkpoint(tmp_path, their_columns)
    name = "sequence_input_layer/ccc_embedding/embedding_weights"
    column = lw.embedding_column(
        lw.sequence_categorical_column_with_identity("ccc", 3),
        dimension=4,
        ckpt_to_load_from=str(tmp_path),
        tensor_name_in_ckpt=name,
    )
    layer = SequenceFeatures([column], return_lengths=True)
    np.testing.assert_array_equal(layer.tables["ccc_embedding"].numpy(), saved[name])
    with tf.Graph().as_default():
        sequence_input_layer(sparse_features(), [column])
        np.testing.assert_array_equal(run(v1.global_variables()[0]), saved[name])
    config = layer.get_config()
    assert SequenceFeatures.from_config(config).columns[0].ckpt_to_load_from is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"tensor_name_in_ckpt": None}, "both ckpt_to_load_from and tensor_name_in_ckpt, or neither"),
        ({"tensor_name_in_ckpt": "absent"}, "expected 'absent' of shape .*it contains .*ccc_embedding"),
        ({"dimension": 5}, r"of shape \[3, 5\]; it contains"),
        ({"ckpt_to_load_from": "/nowhere/model"}, "expected a TensorFlow checkpoint"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, change, error):
    write_tf1_checkpoint(tmp_path, their_columns)
    fields = {
        "dimension": 4,
        "ckpt_to_load_from": str(tmp_path / "model.ckpt"),
        "tensor_name_in_ckpt": "sequence_input_layer/ccc_embedding/embedding_weights",
    } | change
    with pytest.raises(ValueError, match=error):
        SequenceFeatures([lw.embedding_column(lw.sequence_categorical_column_with_identity("ccc", 3), **fields)])
