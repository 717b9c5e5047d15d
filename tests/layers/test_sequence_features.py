"""Differences from TensorFlow's layer: each deliberate difference has a test here."""

import re

import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.layers import SequenceFeatures, concatenate_context_input, sequence_input_layer

identity = lw.sequence_categorical_column_with_identity
vocabulary = lw.sequence_categorical_column_with_vocabulary_list
numbers = lw.sequence_numeric_column


def run(columns, features, **kwargs):
    inputs, lengths = SequenceFeatures(columns, return_lengths=True)(features, **kwargs)
    return inputs.numpy().tolist(), lengths.numpy().tolist()


def ragged(rows):
    return tf.ragged.constant(rows)


# ------------------------------------------------------------------------------------------------ kinds of input

HOT = [[[0, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 0, 0]]]
WEIGHTED = [[[0, 0.5, 0], [2, 0, 0]], [[0, 0, -1], [0, 0, 0]]]
TWO_HOT = [[[1, 1, 0], [0, 0, 0], [0, 0, 2]], [[0, 0, 1], [0, 0, 0], [0, 0, 0]]]


def as_dense(rows, fill, steps=2):
    padded = [row + [fill] * (steps - len(row)) for row in rows]
    return {"k": tf.constant(padded), "sequence_length": tf.constant([len(row) for row in rows])}


def as_ragged(rows, fill):
    return {"k": ragged(rows)}


def as_sparse(rows, fill):
    return {"k": ragged(rows).to_sparse()}


ONE_PER_STEP = {
    "identity": (identity("k", 3), [[1, 0], [2]], 0),
    "words": (vocabulary("k", ["a", "b", "c"]), [["b", "a"], ["c"]], ""),
    "integer words": (vocabulary("k", [7, 5, 9]), [[5, 7], [9]], 0),
    "ids of words": (vocabulary("k", ["a", "b", "c"]), [[1, 0], [2]], 0),
    "buckets of numbers": (lw.sequence_bucketized_column(numbers("k"), [0.0, 1.0]), [[0.5, -3.0], [1.0]], 0.0),
}


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
@pytest.mark.parametrize("kind", ONE_PER_STEP)
def test_every_kind_of_input_gives_the_same(kind, make):
    column, rows, fill = ONE_PER_STEP[kind]
    assert run([lw.indicator_column(column)], make(rows, fill)) == (HOT, [2, 1])


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
def test_hashes_are_the_same_in_every_kind_of_input(make):
    column = lw.indicator_column(lw.sequence_categorical_column_with_hash_bucket("k", 5))
    inputs = SequenceFeatures([column])(make([["x", "y"], ["z"]], ""))
    ids = tf.strings.to_hash_bucket_fast(["x", "y", "z"], 5)
    np.testing.assert_array_equal(tf.concat([inputs[0], inputs[1, :1]], 0), tf.one_hot(ids, 5))
    assert not inputs[1, 1].numpy().any()


MULTI_HOT = {
    "ragged": {"k": ragged([[[0, 1], [], [2, 2]], [[2]]])},
    "ragged strings": {"k": ragged([[["a", "b"], [], ["c", "c"]], [["c"]]])},
    "sparse": {"k": ragged([[[0, 1], [], [2, 2]], [[2]]]).to_sparse()},
    "dense strings": {
        "k": tf.constant([[["a", "b"], ["", ""], ["c", "c"]], [["c", ""], ["", ""], ["", ""]]]),
        "sequence_length": tf.constant([3, 1]),
    },
    "dense": {
        "k": tf.constant([[[0, 1], [-1, -1], [2, 2]], [[2, -1], [0, 0], [0, 0]]]),
        "sequence_length": tf.constant([3, 1]),
    },
}


@pytest.mark.parametrize("kind", MULTI_HOT)
def test_steps_with_several_values(kind):
    column = lw.indicator_column(vocabulary("k", ["a", "b", "c"]))
    assert run([column], MULTI_HOT[kind]) == (TWO_HOT, [3, 1])


def test_an_empty_slot_of_a_dense_step_is_not_a_refused_value():
    column = lw.indicator_column(identity("k", 3))
    assert run([column], MULTI_HOT["dense"]) == (TWO_HOT, [3, 1])


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
def test_flat_input_is_cut_into_steps_of_values_per_step(make):
    column = lw.indicator_column(identity("k", 3, values_per_step=2))
    rows = [[0, 1, 2, 2], [1, 1]]
    features = {**make(rows, 0, steps=4), "sequence_length": tf.constant([2, 1])} if make is as_dense else make(rows, 0)
    assert run([column], features) == ([[[1, 1, 0], [0, 0, 2]], [[0, 2, 0], [0, 0, 0]]], [2, 1])


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
def test_weights_of_values(make):
    column = lw.indicator_column(identity("k", 3, weight_key="w"))
    features = make([[1, 0], [2]], 0)
    weights = make([[0.5, 2.0], [-1.0]], 0.0)
    assert run([column], {**features, "w": weights["k"]}) == (WEIGHTED, [2, 1])


def embedding_of_ones(column, **fields):
    layer = SequenceFeatures([lw.embedding_column(column, 1, **fields)], return_lengths=True)
    next(iter(layer.tables.values())).assign([[1.0], [2.0], [4.0]])
    return layer


@pytest.mark.parametrize(
    ("combiner", "single_weight", "double_weight"),
    [("mean", 2.0, (1 * 0.5 + 4 * 2) / 2.5), ("sum", 1.0, 8.5), ("sqrtn", 2.0, 8.5 / 4.25**0.5)],
)
def test_weights_in_combiners(combiner, single_weight, double_weight):
    layer = embedding_of_ones(identity("k", 3, weight_key="w"), combiner=combiner)
    single, _ = layer({"k": ragged([[1]]), "w": ragged([[0.5]])})
    double, _ = layer({"k": ragged([[[0, 2]]]), "w": ragged([[[0.5, 2.0]]])})
    assert single.numpy().item() == pytest.approx(single_weight)
    assert double.numpy().item() == pytest.approx(double_weight)


@pytest.mark.parametrize(
    ("values", "weights"),
    [
        (ragged([[0, 1]]), ragged([[1.0]])),
        (ragged([[[0], [1]]]), ragged([[[1.0, 1.0], []]])),
        (ragged([[0, 1]]).to_sparse(), tf.SparseTensor([[0, 1], [0, 2]], [1.0, 1.0], [1, 3])),
    ],
)
def test_weights_at_other_positions_than_the_values_are_an_error(values, weights):
    layer = embedding_of_ones(identity("k", 3, weight_key="w"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="'w': expected one weight for each value of 'k'"):
        layer({"k": values, "w": weights})


def test_bucketized_numbers_have_an_embedding():
    layer = embedding_of_ones(lw.sequence_bucketized_column(numbers("k"), [0.0, 1.0]))
    inputs, _ = layer({"k": ragged([[-0.1, 0.0, 0.9, 1.0, 7.0]])})
    assert inputs.numpy().flatten().tolist() == [1, 2, 2, 4, 4]


# ------------------------------------------------------------------------------------------------------ lengths


def test_an_empty_last_step_counts_in_ragged_input_and_not_in_sparse_input():
    column = lw.indicator_column(identity("k", 2))
    values = ragged([[[0], [1], []]])
    assert run([column], {"k": values})[1] == [3]
    assert run([column], {"k": values.to_sparse()})[1] == [2]


def test_sequence_length_makes_the_lengths_of_sparse_input_exact():
    column = lw.indicator_column(identity("k", 2))
    features = {"k": ragged([[[0], [1], []]]).to_sparse(), "sequence_length": tf.constant([4])}
    inputs, lengths = run([column], features)
    assert lengths == [4]
    assert inputs == [[[1, 0], [0, 1], [0, 0], [0, 0]]]


def test_columns_are_padded_or_cut_to_the_longest_sequence():
    many_steps = tf.SparseTensor([[0, 0]], [1.0], [2, 9])
    one_step = tf.SparseTensor([[0, 0]], [2.0], [2, 1])
    assert run([numbers("a"), numbers("b")], {"a": many_steps, "b": one_step}) == ([[[1, 2]], [[0, 0]]], [1, 0])


def test_dense_and_ragged_features_share_the_lengths():
    features = {"a": tf.constant([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]]), "b": ragged([[4.0, 5.0], [6.0]])}
    expected = [[[1, 4], [2, 5], [0, 0]], [[3, 6], [0, 0], [0, 0]]]
    assert run([numbers("a"), numbers("b")], features) == (expected, [2, 1])


@pytest.mark.parametrize("length_shape", [(2,), (2, 1)])
def test_sequence_length_may_have_an_axis_of_size_one(length_shape):
    features = {"a": tf.ones([2, 3]), "sequence_length": tf.reshape(tf.constant([1, 3]), length_shape)}
    assert run([numbers("a")], features)[1] == [1, 3]


MASK = tf.constant([[True, True], [True, False]])


@pytest.mark.parametrize("mask", [MASK, {"a": MASK}], ids=["tensor", "dict"])
def test_a_mask_gives_the_lengths_of_dense_input(mask):
    features = {"a": tf.constant([[1.0, 2.0], [3.0, 9.0]])}
    assert run([numbers("a")], features, mask=mask) == ([[[1], [2]], [[3], [0]]], [2, 1])


def test_dense_input_without_lengths_is_an_error_that_says_how_to_give_them():
    with pytest.raises(ValueError, match=r"lengths of the dense features \['a'\].*'sequence_length'.*mask="):
        SequenceFeatures([numbers("a")])({"a": tf.ones([2, 3])})


DIFFERENT = {
    "ragged": ({"a": ragged([[1.0], [2.0, 3.0]]), "b": ragged([[1.0], [2.0]])}, "'a' and 'b' differ, first in row", 1),
    "sparse": (
        {"a": ragged([[1.0], [2.0]]).to_sparse(), "b": ragged([[1.0, 1.0], [2.0]]).to_sparse()},
        "'a' and 'b' differ, first in row",
        0,
    ),
    "given": (
        {"a": ragged([[1.0], [2.0]]), "b": ragged([[1.0], [2.0]]), "sequence_length": tf.constant([1, 2])},
        "feature 'a': its number of steps differs from 'sequence_length'; first in row",
        1,
    ),
    "too long": (
        {"a": tf.ones([2, 3]), "b": tf.ones([2, 3]), "sequence_length": tf.constant([1, 4])},
        "a length is greater than the T of 'a'; first in row",
        1,
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
@pytest.mark.parametrize("traced", [False, True])
def test_lengths_that_differ_are_an_error_that_names_columns_and_row(case, traced):
    features, message, row = DIFFERENT[case]
    layer = SequenceFeatures([numbers("a"), numbers("b")], return_lengths=True)
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        (tf.function(layer) if traced else layer)(features)
    text = str(error.value).replace("\\'", "'")
    assert re.search(re.escape(message) + rf'[\]"\s]*[\[\s]*{row}\b', text), text


# -------------------------------------------------------------------------------------------------- ids out of range

POLICIES = {
    "zero": (identity("k", 2, oov="zero"), [0.0, 0.0]),
    "default": (identity("k", 2, default_value=1), [0.0, 1.0]),
}


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("bad", [-1, 2, 7])
def test_identity_values_out_of_range_follow_the_policy(policy, bad, make):
    column, expected = POLICIES[policy]
    inputs, lengths = run([lw.indicator_column(column)], make([[0, bad], [1]], 0))
    assert (inputs[0], lengths) == ([[1.0, 0.0], expected], [2, 1])


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
@pytest.mark.parametrize(
    ("column", "rows"),
    [
        (identity("k", 2), [[0, 1], [-1]]),
        (identity("k", 2), [[0, 1], [2]]),
        (vocabulary("k", ["a"], oov="error"), [["a", "a"], ["b"]]),
        (vocabulary("k", ["a"]), [[0, -1], [1]]),
    ],
)
def test_refused_values_are_an_error_that_names_feature_and_row(column, rows, make):
    fill = rows[0][0]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)feature 'k': a value has none of.*\n1\n?"):
        SequenceFeatures([lw.indicator_column(column)])(make(rows, fill))


def test_a_refused_value_in_the_padding_is_ignored():
    features = {"k": tf.constant([[0, 99]]), "sequence_length": tf.constant([1])}
    assert run([lw.indicator_column(identity("k", 2))], features) == ([[[1, 0], [0, 0]]], [1])


def test_compiled_code_gives_nan_if_it_cannot_raise():
    layer = SequenceFeatures([lw.embedding_column(identity("k", 2), 1), numbers("n")], return_lengths=True)
    features = {"k": tf.constant([[0, 5, 9]]), "n": tf.ones([1, 3]), "sequence_length": tf.constant([2])}
    inputs, _ = tf.function(layer, jit_compile=True)(features)
    assert np.isnan(inputs.numpy()).tolist() == [[[False, False], [True, False], [False, False]]]


def test_missing_ids_are_zero_and_counted():
    column = lw.indicator_column(vocabulary("k", ["a"]))
    assert run([column], {"k": ragged([["a", "?"]])}) == ([[[1], [0]]], [2])


# ---------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
def test_flat_numbers_are_cut_into_steps_of_the_columns_shape(make):
    rows = [[1.0, 2.0, 3.0], [4.0]]
    features = (
        {**make(rows, -1.0, steps=3), "sequence_length": tf.constant([2, 1])} if make is as_dense else make(rows, -1.0)
    )
    expected = [[[1, 2], [3, -1]], [[4, -1], [-1, -1]]]
    assert run([numbers("k", 2, default_value=-1.0)], features) == (expected, [2, 1])


def test_steps_with_a_shape():
    column = numbers("k", (2, 1))
    dense = {"k": tf.reshape(tf.range(4.0), [1, 2, 2, 1]), "sequence_length": tf.constant([2])}
    inner = tf.RaggedTensor.from_row_lengths(tf.reshape(tf.range(4.0), [2, 2, 1]), [2])
    for features in (dense, {"k": inner}, {"k": ragged([[[0.0, 1.0], [2.0, 3.0]]])}):
        assert run([column], features) == ([[[0, 1], [2, 3]]], [2])


def test_steps_of_another_shape_stay_as_in_tensorflow_in_sparse_input():
    sparse = tf.SparseTensor([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], [20.0, 3.0, 5.0, 8.0], [2, 2, 2])
    assert run([numbers("k")], {"k": sparse}) == ([[[20], [3], [5], [0]], [[8], [0], [0], [0]]], [2, 1])


@pytest.mark.parametrize(
    "features",
    [
        {"k": tf.ones([1, 2, 3]), "sequence_length": tf.constant([2])},
        {"k": tf.RaggedTensor.from_row_lengths(tf.ones([2, 3]), [2])},
    ],
)
def test_steps_of_another_shape_are_a_value_error_otherwise(features):
    with pytest.raises(ValueError, match=r"feature 'k': expected steps of shape \(2,\).*received \(3,\)"):
        SequenceFeatures([numbers("k", 2)])(features)


def test_ragged_steps_of_another_size_are_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected 2 values in each step"):
        SequenceFeatures([numbers("k", 2)])({"k": ragged([[[1.0, 2.0], [3.0]]])})


@pytest.mark.parametrize("make", [as_dense, as_ragged, as_sparse])
def test_the_normalizer_receives_dense_values_and_padding_stays_default(make):
    ranks = []

    def normalize(values):
        ranks.append(values.shape.rank)
        return (values - 1.0) / 2.0

    column = numbers("k", default_value=-9.0, normalizer_fn=normalize)
    assert run([column], make([[1.0, 3.0], [5.0]], 0.0)) == ([[[0], [1]], [[2], [-9]]], [2, 1])
    assert set(ranks) == {3}


def test_numbers_missing_in_sparse_input_are_not_normalised():
    sparse = tf.SparseTensor([[0, 0], [0, 2]], [1.0, 3.0], [1, 3])
    column = numbers("k", default_value=-9.0, normalizer_fn=lambda values: values * 2.0)
    assert run([column], {"k": sparse}) == ([[[2], [-9], [6]]], [3])


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_numbers_of_any_dtype_become_floats(dtype):
    features = {"k": tf.constant([[1, 2]], dtype), "sequence_length": tf.constant([1])}
    assert run([numbers("k", dtype=dtype)], features) == ([[[1.0], [0.0]]], [1])


# ------------------------------------------------------------------------------------------------ columns and calls


def test_shared_embeddings_work_eagerly():
    columns = lw.shared_embedding_columns([identity("a", 3), identity("b", 3)], 2)
    layer = SequenceFeatures(columns, return_lengths=True)
    assert list(layer.tables) == ["a_b_shared_embedding"]
    inputs, _ = layer({"a": ragged([[1]]), "b": ragged([[1]])})
    np.testing.assert_array_equal(inputs[..., :2], inputs[..., 2:])


NO_DENSE_COLUMNS = {  # SequenceFeatures embeds or ignores them
    "raw categorical": ([identity("k", 3)], r"must be of type .*'k'; wrap it in embedding_column or indicator_column"),
    "bucketized": ([lw.sequence_bucketized_column(numbers("k"), [0.0])], "wrap it in embedding_column"),
    "context": ([lw.context_column("k")], "concatenate_context_input"),
}


@pytest.mark.parametrize("case", NO_DENSE_COLUMNS)
def test_the_function_accepts_only_dense_columns(case):
    columns, message = NO_DENSE_COLUMNS[case]
    with pytest.raises(ValueError, match=message):
        sequence_input_layer({"k": ragged([[1]])}, columns)


WRONG_COLUMNS = {
    "not a column": (["k"], "must be of type .*received str 'k'"),
    "none": ([], "expected at least one column"),
    "dict": ({"k": numbers("k")}, "expected a list of columns, received a dict"),
    "twice": ([numbers("k"), lw.sequence_numeric_column("k", 2)], "two columns named 'k'"),
}


@pytest.mark.parametrize("case", WRONG_COLUMNS)
def test_wrong_columns_are_value_errors(case):
    columns, message = WRONG_COLUMNS[case]
    with pytest.raises(ValueError, match=message):
        sequence_input_layer({"k": ragged([[1]])}, columns)
    with pytest.raises(ValueError, match=message):
        SequenceFeatures(columns)


def test_columns_of_tensorflow_that_are_not_sequences_are_value_errors():
    of_record = tf.feature_column.categorical_column_with_identity("k", 3)
    with pytest.raises(ValueError, match="expected at least one sequence column, received context columns only"):
        SequenceFeatures([tf.feature_column.embedding_column(of_record, 2)])


@pytest.mark.parametrize("features", [{"other": ragged([[1.0]])}, [ragged([[1.0]])], "k"])
def test_missing_features_are_value_errors_that_list_the_keys(features):
    with pytest.raises(ValueError, match=r"expected (the keys|a dict of tensors with the keys) \['k'\]"):
        sequence_input_layer(features, [numbers("k")])


def test_columns_without_weights_work_eagerly_and_in_functions():
    features = {"k": ragged([["b", "?"]])}
    columns = [lw.indicator_column(vocabulary("k", ["a", "b"], num_oov_buckets=1))]
    for call in (sequence_input_layer, tf.function(lambda features, _: sequence_input_layer(features, columns))):
        inputs, lengths = call(features, columns)
        assert (inputs.numpy().tolist(), lengths.numpy().tolist()) == ([[[0, 1, 0], [0, 0, 1]]], [2])


@pytest.mark.parametrize("traced", [False, True])
def test_columns_with_weights_show_the_layer_to_write(traced):
    def call():
        return sequence_input_layer({"k": ragged([[1]])}, [lw.embedding_column(identity("k", 3), 2)])

    with pytest.raises(ValueError, match=r"weights of k_embedding(.|\n)*layer = lengthwise.SequenceFeatures"):
        (tf.function(call) if traced else call)()


def test_one_feature_may_feed_several_columns():
    ids = identity("k", 2)
    columns = [lw.indicator_column(ids), lw.embedding_column(ids, 3), numbers("k", dtype="int64")]
    layer = SequenceFeatures(columns, return_lengths=True)
    assert [column.name for column in layer.columns] == ["k", "k_embedding", "k_indicator"]
    inputs, _ = layer({"k": ragged([[1]])})
    np.testing.assert_array_equal(inputs[0, 0], [1, *layer.tables["k_embedding"][1].numpy(), 0, 1])


# ---------------------------------------------------------------------------------------------------------- context


def test_context_is_joined_to_every_step():
    joined = concatenate_context_input(tf.constant([[7.0], [8.0]]), tf.ones([2, 2, 1]))
    assert joined.numpy().tolist() == [[[1, 7], [1, 7]], [[1, 8], [1, 8]]]


def test_context_is_zero_on_padding_on_request():
    joined = concatenate_context_input(tf.constant([[7.0], [8.0]]), tf.ones([2, 2, 1]), tf.constant([2, 0]))
    assert joined.numpy().tolist() == [[[1, 7], [1, 7]], [[1, 0], [1, 0]]]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_context_may_be_of_any_float_dtype(dtype):
    joined = concatenate_context_input(tf.ones([1, 1], dtype), tf.ones([1, 2, 1], dtype), tf.constant([1]))
    assert joined.dtype == dtype


@pytest.mark.parametrize(
    ("context", "sequence", "error"),
    [
        (tf.ones([1]), tf.ones([1, 2, 1]), "context_input: expected rank 2"),
        (tf.ones([1, 1]), tf.ones([1, 2]), "sequence_input: expected rank 3"),
        (tf.ones([1, 1]), tf.ones([1, 2, 1], tf.float64), "expected inputs of one float dtype"),
        (tf.ones([1, 1], tf.int32), tf.ones([1, 2, 1], tf.int32), "expected inputs of one float dtype"),
    ],
)
def test_context_that_does_not_fit_is_a_value_error(context, sequence, error):
    with pytest.raises(ValueError, match=error):
        concatenate_context_input(context, sequence)


@pytest.mark.parametrize(
    ("column", "features"),
    [
        (numbers("k"), {"k": ragged([[1.0]])}),
        (tf.feature_column.sequence_numeric_column("k"), {"k": ragged([[1.0]])}),
        (
            tf.feature_column.indicator_column(tf.feature_column.sequence_categorical_column_with_identity("k", 1)),
            {"k": ragged([[0]])},
        ),
    ],
)
def test_a_single_column_needs_no_list(column, features):
    assert run(column, features) == ([[[1]]], [1])
