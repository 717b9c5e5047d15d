"""Lengths that are passed with the features are whole numbers, for each key and each layout of the features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.layers import ConcatenateContext

COLUMN = lw.sequence_numeric_column("x")
VALUES = {
    "dense": tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    "ragged": tf.ragged.constant([[1.0, 2.0, 3.0], [4.0]]),
    "sparse": tf.ragged.constant([[1.0, 2.0, 3.0], [4.0]]).to_sparse(),
}
FRACTIONS = [2.9, 0.5, -0.5, float("nan"), float("inf"), float("-inf"), 1e30]
WAYS = {
    "layer": lambda features: lw.SequenceFeatures([COLUMN], return_lengths=True)(features),
    "function": lambda features: lw.sequence_input_layer(features, [COLUMN]),
    "context": lambda features: lw.concatenate_context_input(
        tf.ones([2, 1]), tf.ones([2, 3, 1]), features["sequence_length"]
    ),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_fraction_of_a_step_is_an_error_that_names_the_row(way, kind, dtype):
    if way == "context" and kind != "dense":
        pytest.skip("takes no features")
    for fraction in FRACTIONS:
        with np.errstate(over="ignore"):
            lengths = tf.constant(np.array([3, fraction]).astype(dtype))
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"(?s)'sequence_length.*expected whole numbers.*\n1\b"
        ):
            WAYS[way]({"x": VALUES[kind], "sequence_length": lengths})


def test_a_traced_function_refuses_it_too():
    call = tf.function(lw.SequenceFeatures([COLUMN], return_lengths=True))
    for fraction in FRACTIONS:
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected whole numbers"):
            call({"x": VALUES["dense"], "sequence_length": tf.constant([3, fraction])})


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "float16", "float32", "float64"])
def test_whole_numbers_of_any_dtype_are_lengths(dtype, shape):
    lengths = tf.reshape(tf.cast([3, 1], dtype), shape)
    for kind, values in VALUES.items():
        inputs, actual = lw.SequenceFeatures([COLUMN], return_lengths=True)({"x": values, "sequence_length": lengths})
        assert (kind, inputs.numpy().tolist()) == (kind, [[[1], [2], [3]], [[4], [0], [0]]])
        assert (actual.dtype, actual.numpy().tolist()) == (tf.int64, [3, 1])
    joined = lw.concatenate_context_input(tf.ones([2, 1]), tf.ones([2, 3, 1]), lengths)
    assert joined.numpy()[..., 1].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_lengths_that_are_not_numbers_are_type_errors():
    for lengths in (tf.constant([True, False]), tf.constant(["3", "1"])):
        for way in ("layer", "function", "context"):
            with pytest.raises(TypeError, match="'sequence_length': expected integers, received dtype") as caught:
                WAYS[way]({"x": VALUES["dense"], "sequence_length": lengths})
            assert isinstance(caught.value, ValueError)


def test_compiled_code_gives_minus_one_if_it_cannot_raise():
    layer = lw.SequenceFeatures([COLUMN], return_lengths=True)
    features = {"x": VALUES["dense"], "sequence_length": tf.constant([2.0, 2.9])}
    inputs, lengths = tf.function(layer, jit_compile=True)(features)
    assert lengths.numpy().tolist() == [2, -1]
    assert inputs.numpy().tolist() == [[[1], [2], [0]], [[0], [0], [0]]]


def test_a_model_whose_input_has_no_dtype_accepts_whole_lengths_and_refuses_others(tmp_path):
    given = {"x": keras.Input((None,), name="x"), "sequence_length": keras.Input((), name="sequence_length")}
    steps, lengths = lw.SequenceFeatures([COLUMN], return_lengths=True)(given)
    joined = ConcatenateContext()(steps, keras.ops.ones_like(steps[:, 0]), given["sequence_length"])
    keras.Model(given, [joined, lengths]).save(str(tmp_path / "model.keras"))
    model = keras.saving.load_model(str(tmp_path / "model.keras"))
    joined, lengths = model({"x": VALUES["dense"], "sequence_length": tf.constant([3, 1])})
    assert joined.numpy().tolist() == [[[1, 1], [2, 1], [3, 1]], [[4, 1], [0, 0], [0, 0]]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected whole numbers"):
        model({"x": VALUES["dense"], "sequence_length": tf.constant([3, 1.5])})


def test_statistics_count_whole_steps_only():
    data = tf.data.Dataset.from_tensors({"x": tf.ones([2, 3]), "sequence_length": tf.constant([2.9, 1.0])})
    with pytest.raises(ValueError, match="BatchStats: expected integers in 'sequence_length', received float32"):
        lw.BatchStats().watch(data)
