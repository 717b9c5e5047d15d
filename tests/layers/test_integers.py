"""Integers keep all their bits until their column's own dtype, in every layout, around 2**31 and 2**53."""

import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import SequenceFeatures, sequence_input_layer

LENGTHS = (4, 2)


def _ragged(rows, dtype):
    return tf.ragged.constant(rows, dtype)


def _nested(rows):
    return [[[value] for value in row] for row in rows]


def _with_lengths(values):
    return {"x": values, "sequence_length": tf.constant(LENGTHS)}


LAYOUTS = {  # of two rows, of 4 numbers and of 2
    "dense [B,T]": lambda rows, dtype: _with_lengths(_ragged(rows, dtype).to_tensor()),
    "dense [B,T,1]": lambda rows, dtype: _with_lengths(_ragged(rows, dtype).to_tensor()[..., None]),
    "ragged [B,(T)]": lambda rows, dtype: {"x": _ragged(rows, dtype)},
    "ragged [B,(T),(1)]": lambda rows, dtype: {"x": _ragged(_nested(rows), dtype)},
    "ragged [B,(T),1]": lambda rows, dtype: {"x": tf.ragged.constant(_nested(rows), dtype, ragged_rank=1)},
    "sparse [B,T]": lambda rows, dtype: {"x": _ragged(rows, dtype).to_sparse()},
    "sparse [B,T,1]": lambda rows, dtype: {"x": _ragged(_nested(rows), dtype).to_sparse()},
    "sparse with lengths": lambda rows, dtype: _with_lengths(_ragged(rows, dtype).to_sparse()),
    "ragged with lengths": lambda rows, dtype: _with_lengths(_ragged(rows, dtype)),
    "sparse value": lambda rows, dtype: {"x": tf.compat.v1.SparseTensorValue(*_parts(_ragged(rows, dtype)))},
}
STARTS = [2**24 + 1, 2**31 - 1, 2**31, 2**31 + 1, 2**53, 2**53 + 1, -(2**31) - 1, -(2**53) - 1, 2**62 + 1]
CALLS = {
    "layer": lambda columns, features: SequenceFeatures(columns)(features),
    "function": lambda columns, features: sequence_input_layer(features, columns)[0],
    "traced": lambda columns, features: tf.function(lambda given: sequence_input_layer(given, columns)[0])(features),
}


def _parts(ragged):
    sparse = ragged.to_sparse()
    return sparse.indices.numpy(), sparse.values.numpy(), sparse.dense_shape.numpy()


def rows_from(start):
    return [[start, start + 1, start + 2, start + 60], [start + 7, start]]


def numbers(columns, features, dtype=None):
    inputs, lengths = SequenceFeatures(columns, dtype=dtype, return_lengths=True)(features)
    assert tuple(lengths.numpy()) == LENGTHS
    return inputs.numpy()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("start", STARTS)
def test_the_normalizer_receives_the_integers(layout, start):
    dtypes = []

    def since(values):
        dtypes.append(values.dtype)
        return values - start

    column = lw.sequence_numeric_column("x", dtype="int64", normalizer_fn=since, default_value=-9)
    actual = numbers([column], LAYOUTS[layout](rows_from(start), tf.int64))
    assert actual[..., 0].tolist() == [[0, 1, 2, 60], [7, 0, -9, -9]]
    ids = lw.indicator_column(lw.sequence_bucketized_column(column, [1, 2, 60]))
    actual = numbers([ids], LAYOUTS[layout](rows_from(start), tf.int64))
    assert actual.argmax(-1).tolist() == [[0, 1, 2, 3], [2, 0, 0, 0]]
    assert set(dtypes) == {tf.int64}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
@pytest.mark.parametrize(
    "bound", [2**24 + 1, 2**31 - 1, 2**31 + 1, 2**53 - 1, 2**53, 2**53 + 2, -(2**31) - 1, -(2**53)]
)
def test_bucket_boundaries_between_integers_are_exact(layout, dtype, bound):
    ids = lw.sequence_bucketized_column(lw.sequence_numeric_column("x", dtype=dtype), [bound])
    rows = [[bound - 1, bound, bound + 1, bound + 2], [bound, bound - 1]]
    actual = numbers([lw.indicator_column(ids)], LAYOUTS[layout](rows, tf.int64))
    assert actual.argmax(-1).tolist() == [[0, 1, 1, 1], [1, 0, 0, 0]]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("start", [2**31 - 30, 2**53 - 60])
def test_numbers_are_as_exact_as_the_layers_dtype(layout, start):
    column = lw.sequence_numeric_column("x", dtype="int64", default_value=start + 3)
    actual = numbers([column], LAYOUTS[layout](rows_from(start), tf.int64), "float64")
    assert actual[0, :, 0].tolist() == [start, start + 1, start + 2, start + 60]
    assert actual[1, :, 0].tolist() == [start + 7, start, start + 3, start + 3]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_integers_beyond_32_bits_are_not_wrapped_around_in_a_column_of_32(layout):
    column = lw.sequence_numeric_column("x", dtype="int32")
    actual = numbers([column], LAYOUTS[layout](rows_from(2**31), tf.int64), "float64")
    assert actual[0, :, 0].tolist() == [2**31, 2**31 + 1, 2**31 + 2, 2**31 + 60]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("default", [0.5, -1.0, 2.0**40, -(2.0**80)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_a_default_that_integers_cannot_represent_is_kept(layout, default, dtype):
    column = lw.sequence_numeric_column("x", default_value=default)
    actual = numbers([column], LAYOUTS[layout](rows_from(1), tf.as_dtype(dtype)))
    assert actual[..., 0].tolist() == [[1, 2, 3, 61], [8, 1, np.float32(default), np.float32(default)]]


@pytest.mark.parametrize("make", ["dense", "ragged", "sparse"])
@pytest.mark.parametrize("normalizer", [None, lambda values: values * 2.0], ids=["as they are", "normalised"])
@pytest.mark.parametrize("default", [0.5, 3.0])
def test_the_rest_of_a_last_step_is_the_default_and_not_normalised(make, normalizer, default):
    column = lw.sequence_numeric_column("x", shape=2, default_value=default, normalizer_fn=normalizer)
    ragged = tf.ragged.constant([[1, 2, 3], [4]])
    features = {"x": ragged if make == "ragged" else ragged.to_sparse()}
    if make == "dense":
        features = {"x": tf.constant([[1, 2, 3], [4, 4, 4]]), "sequence_length": tf.constant([2, 1])}
    inputs = SequenceFeatures([column])(features)
    factor = 1 if normalizer is None else 2
    assert inputs.numpy()[0].tolist() == [[factor, 2 * factor], [3 * factor, default]]
    second = [4 * factor, 4 * factor if make == "dense" else default]
    assert inputs.numpy()[1].tolist() == [second, [default, default]]


@pytest.mark.parametrize("call", CALLS)
def test_every_way_to_call_keeps_all_bits(call):
    column = lw.sequence_numeric_column("x", dtype="int64", normalizer_fn=lambda values: values - 2**53)
    for layout, make in LAYOUTS.items():
        if not (call == "traced" and layout == "sparse value"):
            actual = CALLS[call]([column], make(rows_from(2**53), tf.int64))
            assert (layout, actual.numpy()[0, :, 0].tolist()) == (layout, [0, 1, 2, 60])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64", "bool"])
def test_integers_of_any_width_are_numbers(dtype):
    values = tf.cast([[0, 1], [1, 0]], dtype)
    doubled = lw.sequence_numeric_column("x", dtype="int64", normalizer_fn=lambda given: given + given)
    for column, factor in ((lw.sequence_numeric_column("x"), 1), (doubled, 2)):
        actual = SequenceFeatures([column])({"x": values, "sequence_length": tf.constant([2, 1])})
        assert actual.numpy()[..., 0].tolist() == [[0, factor], [factor, 0]]


def test_unsigned_integers_fall_into_the_right_buckets():
    ids = lw.indicator_column(
        lw.sequence_bucketized_column(lw.sequence_numeric_column("x", dtype="int64"), [2**31, 2**60])
    )
    for dtype, values, expected in (
        ("uint32", [2**31 - 1, 2**31, 2**32 - 1], [0, 1, 1]),
        ("uint64", [2**31, 2**60, 2**64 - 1], [1, 2, 2]),
    ):
        features = {"x": tf.constant(np.array([values], dtype)), "sequence_length": tf.constant([3])}
        assert SequenceFeatures([ids])(features).numpy()[0].argmax(-1).tolist() == expected


def test_floats_of_an_integer_column_lose_nothing():
    column = lw.sequence_numeric_column("x", dtype="int64", normalizer_fn=lambda values: values - 2.0**53)
    features = {"x": tf.constant([[2.0**53 - 1, 2.5]], tf.float64), "sequence_length": tf.constant([2])}
    assert SequenceFeatures([column], dtype="float64")(features).numpy()[0, :, 0].tolist() == [
        -1,
        2.5 - 2.0**53,
    ]


@pytest.mark.parametrize(
    "make", [lambda strings: strings.to_tensor(), lambda strings: strings, lambda strings: strings.to_sparse()]
)
def test_strings_are_not_numbers(make):
    features = {"x": make(tf.ragged.constant([["a", "b"]])), "sequence_length": tf.constant([2])}
    with pytest.raises(ConfigError, match="feature 'x': expected numbers, as in its column, received dtype string"):
        SequenceFeatures([lw.sequence_numeric_column("x")])(features)
