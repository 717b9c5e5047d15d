"""Sources of the lengths, and refused input: masks with holes or of other features, sizes that would be broadcast."""

import re

import keras
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.layers import SequenceFeatures, sequence_input_layer

identity = lw.sequence_categorical_column_with_identity
numbers = lw.sequence_numeric_column
v1 = tf.compat.v1

NUMBERS = tf.constant([[1.0, 2.0, 3.0]])
WEIGHTED = [lw.embedding_column(identity("k", 9, weight_key="w"), 1, "sum", initializer="ones")]


def run(columns, features, **kwargs):
    inputs, lengths = SequenceFeatures(columns, return_lengths=True)(features, **kwargs)
    return inputs.numpy().tolist(), lengths.numpy().tolist()


def in_a_graph_of_unknown_shapes(columns, features):
    layer = SequenceFeatures(columns, return_lengths=True)
    signature = {key: tf.TensorSpec([None] * value.shape.rank, value.dtype) for key, value in features.items()}
    return tf.function(layer, input_signature=[signature])(features)


# -------------------------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("given", [NUMBERS[..., None], tf.RaggedTensor.from_tensor(NUMBERS)], ids=["dense", "ragged"])
def test_the_mask_of_a_feature_that_no_column_reads_is_ignored(given):
    masking = keras.layers.Masking()
    other = masking(tf.constant([[[1.0], [0.0], [0.0]]]))
    known = given if isinstance(given, tf.RaggedTensor) else masking(given)
    assert run([numbers("x")], {"other": other, "x": known}) == ([[[1.0], [2.0], [3.0]]], [3])


def test_masks_that_agree_give_the_lengths():
    mask = tf.constant([[True, True, False]])
    features = {"x": NUMBERS, "y": NUMBERS}
    assert run([numbers("x"), numbers("y")], features, mask={"x": mask, "y": mask})[1] == [2]


MASKS = {
    "ends differ": (
        {"x": [[True, True, True], [True, True, False]], "y": [[True, True, True], [True, False, False]]},
        "the mask of 'x' and the mask of 'y' end at different steps; first in row.*1",
    ),
    "a hole": (
        {"x": [[True, True, True], [True, False, True]]},
        "the mask of 'x': expected a mask that is true up to each row's length.*1",
    ),
    "padding on the left": ([[False, True, True], [True, True, True]], "the mask: expected a mask that is true up to"),
}


@pytest.mark.parametrize("case", MASKS)
@pytest.mark.parametrize("traced", [False, True])
def test_masks_without_lengths_are_refused(case, traced):
    mask, message = MASKS[case]
    mask = {key: tf.constant(rows) for key, rows in mask.items()} if isinstance(mask, dict) else tf.constant(mask)
    layer = SequenceFeatures([numbers("x"), numbers("y")], return_lengths=True)
    features = {"x": tf.ones([2, 3]), "y": tf.ones([2, 3])}
    call = tf.function(layer) if traced else layer
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        call(features, mask=mask)
    assert re.search(message, str(error.value).replace("\\'", "'"), re.DOTALL)


def test_sequence_length_takes_precedence_over_a_mask_with_holes():
    features = {"x": keras.layers.Masking()(tf.constant([[[0.0], [5.0]]])), "sequence_length": tf.constant([2])}
    assert run([numbers("x")], features) == ([[[0.0], [5.0]]], [2])


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (tf.constant([True]), r"the mask: expected bool \[batch, T\], received shape \(1,\)"),
        (tf.constant([[True, False]]), r"one number of steps T, received 3 in 'x', 2 in the mask"),
        (tf.constant([[True] * 3] * 2), r"one batch size, received 1 in 'x', 2 in the mask"),
    ],
)
def test_masks_of_another_shape_are_value_errors(mask, message):
    with pytest.raises(ValueError, match=message):
        SequenceFeatures([numbers("x")])({"x": NUMBERS}, mask=mask)


# -------------------------------------------------------------------------------------------------------------- sizes

X_AND_Y = [numbers("x"), numbers("y")]
THREE = tf.constant([3])
SIZES = {
    "T of one": (X_AND_Y, {"x": NUMBERS, "y": NUMBERS[:, :1], "sequence_length": THREE}, "one number of steps T"),
    "T": (X_AND_Y, {"x": NUMBERS, "y": NUMBERS[:, :2], "sequence_length": THREE}, "one number of steps T"),
    "rows of one": (
        X_AND_Y,
        {"x": tf.ones([1, 2]), "y": tf.ones([2, 2]), "sequence_length": tf.constant([1, 2])},
        "one batch size",
    ),
    "rows": (
        X_AND_Y,
        {"x": tf.ones([3, 2]), "y": tf.ones([2, 2]), "sequence_length": tf.constant([1, 2])},
        "one batch size",
    ),
    "one length": ([numbers("x")], {"x": tf.ones([2, 2]), "sequence_length": tf.constant([1])}, "one batch size"),
    "too many lengths": (
        [numbers("x")],
        {"x": tf.ones([2, 2]), "sequence_length": tf.constant([1, 2, 1])},
        "one batch",
    ),
    "one weight per step": (
        WEIGHTED,
        {"k": tf.ones([1, 2, 3], tf.int32), "w": tf.ones([1, 2, 1]), "sequence_length": tf.constant([2])},
        "feature 'w': expected weights of the shape of 'k'",
    ),
    "weights of one row": (
        WEIGHTED,
        {"k": tf.ones([2, 2], tf.int32), "w": tf.ones([1, 2]), "sequence_length": tf.constant([2, 2])},
        "feature 'w': expected weights of the shape of 'k'",
    ),
    "weights of other steps": (
        WEIGHTED,
        {"k": tf.ones([2, 2], tf.int32), "w": tf.ones([2, 3]), "sequence_length": tf.constant([2, 2])},
        "feature 'w': expected weights of the shape of 'k'",
    ),
}


@pytest.mark.parametrize("case", SIZES)
def test_sizes_that_differ_are_value_errors(case):
    columns, features, message = SIZES[case]
    with pytest.raises(ValueError, match=message):
        SequenceFeatures(columns)(features)


@pytest.mark.parametrize("case", SIZES)
def test_sizes_that_a_graph_does_not_know_are_checked_when_it_runs(case):
    columns, features, message = SIZES[case]
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        in_a_graph_of_unknown_shapes(columns, features)
    assert message in str(error.value).replace("\\'", "'")


def test_ragged_features_of_other_batch_sizes_are_value_errors():
    features = {"x": tf.ragged.constant([[1.0], [2.0]]), "y": tf.ragged.constant([[1.0]])}
    with pytest.raises(ValueError, match="one batch size, received 2 in 'x', 1 in 'y'"):
        SequenceFeatures(X_AND_Y)(features)


def test_weights_of_uniform_ragged_steps_are_not_broadcast():
    ids, weights = tf.ones([1, 2, 3], tf.int32), tf.ones([1, 2, 1])
    with pytest.raises(ValueError, match="feature 'w': expected weights of the shape of 'k'"):
        SequenceFeatures(WEIGHTED)({"k": tf.RaggedTensor.from_tensor(ids), "w": tf.RaggedTensor.from_tensor(weights)})


@pytest.mark.parametrize("traced", [False, True])
def test_negative_lengths_are_refused(traced):
    layer = SequenceFeatures([numbers("x")], return_lengths=True)
    features = {"x": tf.ones([2, 2]), "sequence_length": tf.constant([1, -1])}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="(?s)a length is negative.*first in row.*1.*with length.*-1"
    ):
        (tf.function(layer) if traced else layer)(features)


@pytest.mark.parametrize("shape", [(1, 2), (2, 1, 1), ()])
def test_lengths_of_another_shape_are_value_errors(shape):
    features = {"x": tf.ones([2, 2]), "sequence_length": tf.ones(shape, tf.int32)}
    with pytest.raises(ValueError, match=r"feature 'sequence_length': expected shape \[batch\], received \("):
        SequenceFeatures([numbers("x")])(features)


# -------------------------------------------------------------------------------------------------------------- ranks


def test_sparse_tensors_of_unknown_rank_have_steps_of_values():
    """Like `tf.compat.v1.sparse_placeholder(dtype)`, which is common in TF 1 code."""
    columns = [lw.embedding_column(identity("k", 9), 1, "sum", initializer="ones"), numbers("n")]
    with tf.Graph().as_default():
        ids, values = v1.sparse_placeholder(tf.int64), v1.sparse_placeholder(tf.float32)
        outputs = sequence_input_layer({"k": ids, "n": values}, columns)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())

            def fed(k, n):
                return [output.tolist() for output in session.run(outputs, {ids: k, values: n})]

            sparse, places = v1.SparseTensorValue, [[0, 0], [1, 0], [1, 1]]
            flat = fed(sparse(places, [1, 2, 3], [2, 2]), sparse(places, [1.0, 2.0, 3.0], [2, 2]))
            deep = [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]]
            several = fed(
                sparse(deep, [1, 4, 2, 3], [2, 2, 2]),
                sparse([[*place, 0] for place in places], [1.0, 2.0, 3.0], [2, 2, 1]),
            )
    assert flat == [[[[1, 1], [0, 0]], [[1, 2], [1, 3]]], [1, 2]]
    assert several[0][0][0] == [2, 1]
    assert several[1] == [1, 2]


def test_the_rank_of_sparse_tensors_may_be_unknown_in_a_signature():
    layer = SequenceFeatures([numbers("x")], return_lengths=True)
    call = tf.function(lambda x: layer({"x": x}), input_signature=[tf.SparseTensorSpec(None, tf.float32)])
    inputs, lengths = call(tf.SparseTensor([[0, 0], [1, 1]], [1.0, 2.0], [2, 3]))
    assert (inputs.numpy().tolist(), lengths.numpy().tolist()) == ([[[1], [0]], [[0], [2]]], [1, 2])


def test_dense_tensors_of_unknown_rank_are_value_errors():
    layer = SequenceFeatures([numbers("x")], return_lengths=True)
    call = tf.function(lambda x: layer({"x": x}), input_signature=[tf.TensorSpec(None)])
    with pytest.raises(
        ValueError, match=r"feature 'x': expected shape \[batch, T, ...\], received a dense tensor of unkn"
    ):
        call(NUMBERS)


def test_lengths_may_be_of_unknown_rank():
    layer = SequenceFeatures([numbers("x")], return_lengths=True)
    signature = [tf.TensorSpec([None, None]), tf.TensorSpec(None, tf.int64)]
    call = tf.function(lambda x, n: layer({"x": x, "sequence_length": n}), input_signature=signature)
    assert call(NUMBERS, tf.constant([2], tf.int64))[1].numpy().tolist() == [2]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("default", [-9, 0.5])
def test_an_incomplete_step_is_padded_in_any_dtype_of_numbers(dtype, default):
    features = {"x": tf.constant([[1, 2, 3]], dtype), "sequence_length": tf.constant([2])}
    assert run([numbers("x", 2, default_value=default)], features) == ([[[1, 2], [3, default]]], [2])
