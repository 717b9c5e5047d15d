"""`padding="left"`: dense, ragged and sparse features give the vectors of padding on the right, each row shifted."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import ConcatenateContext, SequenceFeatures, concatenate_context_input, sequence_input_layer

ROWS = [[3, 1], [], [2, 0, 4], [1]]
LENGTHS = np.array([len(row) for row in ROWS])
COLUMNS = [
    lw.indicator_column(lw.sequence_categorical_column_with_identity("id", 5)),
    lw.indicator_column(lw.sequence_categorical_column_with_identity("two", 9, values_per_step=2)),
    lw.sequence_numeric_column("pair", 2, default_value=-1.0),
    lw.sequence_numeric_column("scaled", normalizer_fn=lambda values: values * 3.0),
]


def ragged() -> dict[str, Any]:
    """`two` and `pair` are flat: two consecutive values are one step."""
    flat = [[value for step in row for value in (step, step + 1)] for row in ROWS]
    numbers = [[float(value) for value in row] for row in flat]
    return {
        "id": tf.ragged.constant(ROWS, tf.int64),
        "two": tf.ragged.constant(flat, tf.int64),
        "pair": tf.ragged.constant(numbers, tf.float32),
        "scaled": tf.ragged.constant([[value + 0.5 for value in row] for row in ROWS], tf.float32),
    }


def dense(side: str) -> dict[str, Any]:
    padded_features: dict[str, Any] = {}
    for key, values in ragged().items():
        size = 2 if key in ("two", "pair") else 1
        padded = values.to_tensor(-1 if key == "two" else 0).numpy()
        if side == "left":
            padded = np.stack([np.roll(row, len(row) - size * n, 0) for row, n in zip(padded, LENGTHS, strict=True)])
        padded_features[key] = tf.constant(padded)
    return {**padded_features, "sequence_length": tf.constant(LENGTHS)}


def shifted(values: Any) -> np.ndarray:
    return np.stack([np.roll(row, len(row) - n, 0) for row, n in zip(np.asarray(values), LENGTHS, strict=True)])


MAKE = {
    "dense": lambda: dense("left"),
    "ragged": ragged,
    "sparse": lambda: {key: values.to_sparse() for key, values in ragged().items()},
    "mixed": lambda: {**ragged(), "id": dense("left")["id"], "sequence_length": tf.constant(LENGTHS)},
}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "traced"])
@pytest.mark.parametrize("kind", MAKE)
def test_every_kind_of_input_gives_the_shifted_vectors_mask_and_lengths(kind: str, compiled: bool) -> None:
    expected, lengths = sequence_input_layer(dense("right"), COLUMNS)
    features = MAKE[kind]()
    layer = SequenceFeatures(COLUMNS, padding="left", return_lengths=True)
    call = tf.function(layer) if compiled else layer
    for inputs, actual in (call(features), sequence_input_layer(features, COLUMNS, padding="left")):
        np.testing.assert_allclose(inputs, shifted(expected), rtol=1e-6)
        np.testing.assert_array_equal(actual, lengths)
    mask = layer.compute_mask(features)[0]
    np.testing.assert_array_equal(mask, np.arange(3) >= 3 - LENGTHS[:, None])


def test_a_mask_gives_the_lengths_and_must_have_padding_on_that_side() -> None:
    features = {key: value for key, value in dense("left").items() if key != "sequence_length"}
    mask = tf.constant(np.arange(3) >= 3 - LENGTHS[:, None])
    inputs, lengths = SequenceFeatures(COLUMNS, padding="left", return_lengths=True)(features, mask=mask)
    np.testing.assert_array_equal(lengths, LENGTHS)
    np.testing.assert_allclose(inputs, shifted(sequence_input_layer(dense("right"), COLUMNS)[0]), rtol=1e-6)
    for side, wrong in (("left", mask[:, ::-1]), ("right", mask), ("left", [[True, False, True]] * 4)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="the mask: expected a mask that is true"):
            SequenceFeatures(COLUMNS, padding=side)(features, mask=tf.constant(wrong))


def test_saved_layers_keep_the_padding_side() -> None:
    layer = SequenceFeatures(COLUMNS[:3], padding="left")
    again = SequenceFeatures.from_config(layer.get_config())
    assert (again.padding, SequenceFeatures(COLUMNS).padding) == ("left", "right")
    np.testing.assert_array_equal(again(ragged()), layer(ragged()))
    assert ConcatenateContext.from_config(ConcatenateContext("left").get_config()).padding == "left"


def test_context_is_zero_on_padding_on_either_side() -> None:
    steps, context = keras.ops.ones((4, 3, 1)), keras.ops.array([[5.0]] * 4)
    joined = concatenate_context_input(context, steps, keras.ops.array(LENGTHS), padding="left")
    np.testing.assert_array_equal(joined[:, :, 1], 5.0 * (np.arange(3) >= 3 - LENGTHS[:, None]))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"pair": tf.zeros([1, 3]), "sequence_length": [2]}, "whole steps of 2 values, received"),
        ({"pair": tf.zeros([1, 4]), "sequence_length": [3]}, "a length is greater than the T"),
    ],
)
def test_ambiguous_rows_are_refused(features: Any, message: str) -> None:
    features = {**features, "sequence_length": tf.constant(features["sequence_length"])}
    layer = SequenceFeatures([COLUMNS[2]], padding="left")
    with pytest.raises((ConfigError, tf.errors.InvalidArgumentError), match=message):
        layer(features)
    any_shape = tf.TensorSpec([None, None])
    traced = tf.function(lambda pair, lengths: layer({"pair": pair, "sequence_length": lengths}))
    traced = traced.get_concrete_function(any_shape, tf.TensorSpec([None], tf.int32))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        traced(features["pair"], features["sequence_length"])


def test_a_side_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="padding: expected 'right' or 'left', received 'pre'"):
        SequenceFeatures(COLUMNS, padding="pre")  # type: ignore[arg-type]
