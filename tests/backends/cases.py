"""Cases for one Keras backend, that of KERAS_BACKEND; run by `test_backends.py`. Expected values come from numpy."""

import os
import sys

import keras
import numpy as np
import pytest
from keras import ops

import lengthwise as lw
from lengthwise.layers import ConcatenateContext

BACKEND = os.environ["KERAS_BACKEND"]
WORDS = lw.sequence_categorical_column_with_vocabulary_list("words", ["x", "y", "z"], num_oov_buckets=2)
IDENTITY = lw.sequence_categorical_column_with_identity
LENGTHS = np.array([4, 1, 0, 3])


def batch(**features):
    return {**{key: ops.convert_to_tensor(value) for key, value in features.items()}, "sequence_length": LENGTHS}


def ids(*shape, low=0, high=6):
    return np.random.default_rng(0).integers(low, high, (4, 4, *shape)).astype("int32")


def as_numpy(*tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


VALID = np.arange(4) < LENGTHS[:, None]


def test_the_backend_is_the_given_one_and_tensorflow_is_not_imported():
    assert keras.backend.backend() == BACKEND
    lw.SequenceFeatures([lw.sequence_numeric_column("n")])(batch(n=np.ones((4, 4), "float32")))
    assert "tensorflow" not in sys.modules


def test_numbers_are_masked_by_the_lengths():
    numbers = np.random.default_rng(0).normal(size=(4, 4, 2)).astype("float32")
    column = lw.sequence_numeric_column("n", 2, default_value=-1.0, normalizer_fn=lambda values: values * 2.0)
    inputs, lengths = as_numpy(*lw.SequenceFeatures([column], return_lengths=True)(batch(n=numbers)))
    np.testing.assert_allclose(inputs, np.where(VALID[..., None], numbers * 2, -1.0))
    np.testing.assert_array_equal(lengths, LENGTHS)


def test_one_id_per_step_is_a_gather():
    values = ids(low=-1)
    layer = lw.SequenceFeatures([lw.embedding_column(IDENTITY("k", 6, oov="zero"), 3)], return_lengths=True)
    [table] = as_numpy(*layer.tables.values())
    [inputs] = as_numpy(layer(batch(k=values))[0])
    np.testing.assert_allclose(inputs, table[values] * (VALID & (values >= 0))[..., None], rtol=1e-6)


@pytest.mark.parametrize("combiner", ["mean", "sum", "sqrtn"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("max_norm", [None, 0.3])
def test_several_ids_per_step_are_combined(combiner, weighted, max_norm):
    values = ids(3, low=-1)
    weights = np.random.default_rng(1).choice([0.0, 0.5, 2.0], values.shape).astype("float32")
    column = IDENTITY("k", 6, oov="zero", weight_key="w" if weighted else None)
    layer = lw.SequenceFeatures([lw.embedding_column(column, 3, combiner, max_norm=max_norm)], return_lengths=True)
    [table] = as_numpy(*layer.tables.values())
    if max_norm:
        table = table * np.minimum(1, max_norm / np.linalg.norm(table, axis=1, keepdims=True))
    [inputs] = as_numpy(layer(batch(k=values, w=weights))[0])
    factors = (VALID[..., None] & (values >= 0)) * (weights if weighted else 1.0)
    total = (table[values] * factors[..., None]).sum(2)
    norms = {"sum": np.ones((4, 4)), "mean": factors.sum(-1), "sqrtn": np.sqrt((factors**2).sum(-1))}[combiner]
    expected = np.divide(total, norms[..., None], out=np.zeros_like(total), where=norms[..., None] > 0)
    np.testing.assert_allclose(inputs, expected, rtol=1e-5, atol=1e-6)


def test_indicators_count():
    values = ids(3, low=-1)
    [inputs] = as_numpy(lw.SequenceFeatures([lw.indicator_column(IDENTITY("k", 6, oov="zero"))])(batch(k=values)))
    expected = (values[..., None] == np.arange(6)).sum(2) * VALID[..., None]
    np.testing.assert_array_equal(inputs, expected)


def test_numbers_are_cut_into_buckets():
    numbers = np.array([[-1.0, 0.0, 0.5, 9.0]] * 4, "float32")
    column = lw.sequence_bucketized_column(lw.sequence_numeric_column("n"), [0.0, 1.0])
    [inputs] = as_numpy(lw.SequenceFeatures([lw.indicator_column(column)])(batch(n=numbers)))
    np.testing.assert_array_equal(inputs[0].argmax(-1), [0, 1, 1, 2])


@pytest.mark.parametrize("count", [2, 100])
def test_buckets_are_those_of_tensorflow(count):
    """float32 numbers are compared with float32 boundaries, integers exactly; NaN is in the last bucket."""
    bounds = np.linspace(0.1, 0.7, count)
    numbers = np.array([[0.1, 0.7, np.nan, -np.inf]] * 4, "float32")
    integers = np.array([[2**24, 2**24 + 1, -5, 0]] * 4, "int32")
    assert buckets(numbers, bounds.tolist()) == [1, count, count, 0]
    assert buckets(integers, [-5.5, 2.0**24 + 1, 1e300]) == [1, 2, 1, 1]


def buckets(numbers, boundaries):
    column = lw.indicator_column(lw.sequence_bucketized_column(lw.sequence_numeric_column("n"), boundaries))
    [inputs] = as_numpy(lw.SequenceFeatures([column])(batch(n=numbers)))
    return inputs[0].argmax(-1).tolist()


LARGE = [2**31 - 1, 2**31, 2**31 + 1, 2**53, 2**53 + 1, -(2**53) - 1] if BACKEND == "torch" else [2**31 - 1, 2**24 + 1]


def of_integers(values, *columns, dtype="int64"):
    """The layer's output for one row of these integers."""
    given = {"n": ops.convert_to_tensor(np.array([values], dtype)), "sequence_length": np.array([len(values)])}
    [inputs] = as_numpy(lw.SequenceFeatures(columns)(given))
    return inputs[0]


@pytest.mark.parametrize("start", LARGE)
def test_integers_stay_integers_until_the_normalizer_had_them(start):
    column = lw.sequence_numeric_column("n", dtype="int64", normalizer_fn=lambda values: values - start)
    values = [start, start - 1, start - 3, start - 60]
    assert of_integers(values, column)[:, 0].tolist() == [0, -1, -3, -60]
    ids = lw.sequence_bucketized_column(column, [-60, -3, -1])
    assert of_integers(values, lw.indicator_column(ids)).argmax(-1).tolist() == [3, 3, 2, 1]


@pytest.mark.parametrize("start", LARGE)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_integers_are_cut_into_buckets_as_they_are(start, dtype):
    bound = start - 1 if start < 2**53 else start - 2 + start % 2  # a float64, like boundaries
    column = lw.sequence_bucketized_column(lw.sequence_numeric_column("n", dtype=dtype), [bound])
    assert float(bound) == bound
    buckets_of_row = of_integers([bound - 1, bound, bound + 1], lw.indicator_column(column)).argmax(-1)
    assert buckets_of_row.tolist() == [0, 1, 1]


def test_a_default_among_integers_keeps_its_bits_and_its_fraction():
    for column in (
        lw.sequence_numeric_column("n", dtype="int64", default_value=2**30),
        lw.sequence_numeric_column("n", default_value=0.5),
        lw.sequence_numeric_column("n", shape=2, default_value=0.5),
        lw.sequence_numeric_column("n", shape=2, default_value=-1.0, normalizer_fn=lambda values: values * 2.0),
    ):
        size, default = column.num_elements, column.default_value
        given = {"n": ops.convert_to_tensor(np.array([[1, 2, 3]])), "sequence_length": np.array([3 // size])}
        [inputs] = as_numpy(lw.SequenceFeatures([column])(given))
        factor = 2 if column.normalizer_fn else 1
        expected = [1 * factor, 2 * factor, 3 * factor] if size == 1 else [1 * factor, 2 * factor, default, default]
        assert inputs.reshape(-1).tolist() == expected


@pytest.mark.skipif(BACKEND != "jax", reason="has no integers of 64 bits by default")
@pytest.mark.parametrize(("value", "dtype"), [(2**31, "int64"), (-(2**31) - 1, "int64"), (2**32, "uint64")])
def test_integers_that_jax_would_wrap_around_are_refused(value, dtype):
    given = {"n": np.array([[value]], dtype), "sequence_length": np.array([1])}
    with pytest.raises(ValueError, match=r"feature 'n': expected integers in .*'jax_enable_x64', True"):
        lw.SequenceFeatures([lw.sequence_numeric_column("n", dtype="int64")])(given)


def test_lengths_are_whole_numbers():
    for fraction in (2.9, float("nan"), float("inf")):
        given = {"n": ops.ones((2, 3)), "sequence_length": np.array([3, fraction], "float32")}
        with pytest.raises(ValueError, match="'sequence_length': expected whole numbers, received another; .* row 1"):
            lw.SequenceFeatures([lw.sequence_numeric_column("n")])(given)
        with pytest.raises(ValueError, match="'sequence_length': expected whole numbers"):
            lw.concatenate_context_input(ops.ones((2, 1)), ops.ones((2, 3, 1)), given["sequence_length"])
    _, lengths = lw.SequenceFeatures([lw.sequence_numeric_column("n")], return_lengths=True)(
        {"n": ops.ones((2, 3)), "sequence_length": np.array([3.0, 1.0], "float32")}
    )
    assert as_numpy(lengths)[0].tolist() == [3, 1]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "float32"])
def test_ids_may_be_of_any_dtype_that_holds_them(dtype):
    values = ids()
    layer = lw.SequenceFeatures([lw.indicator_column(IDENTITY("k", 6))])
    [inputs] = as_numpy(layer(batch(k=values.astype(dtype))))
    np.testing.assert_array_equal(inputs, (values[..., None] == np.arange(6)) * VALID[..., None])


@pytest.mark.parametrize(("count", "bad"), [(6, 1.5), (6, np.nan)])
def test_floats_that_are_not_whole_numbers_are_refused(count, bad):
    values = ids().astype("float32")
    values[0, 1] = bad
    with pytest.raises(ValueError, match=r"feature 'k': a value has none of .* first in row 0"):
        lw.SequenceFeatures([lw.indicator_column(IDENTITY("k", count))])(batch(k=values))


def test_floats_that_round_ids_are_refused():
    column = lw.embedding_column(IDENTITY("k", 3000), 1)
    with pytest.raises(ValueError, match="feature 'k': expected integers, received float16"):
        lw.SequenceFeatures([column])(batch(k=ids().astype("float16")))


def test_ids_of_words_need_no_look_up():
    values = ids(high=5)
    for columns in ([lw.embedding_column(WORDS, 2)], lw.looked_up([lw.embedding_column(WORDS, 2)])):
        layer = lw.SequenceFeatures(columns, return_lengths=True)
        [table] = as_numpy(*layer.tables.values())
        [inputs] = as_numpy(layer(batch(words=values))[0])
        np.testing.assert_allclose(inputs, table[values] * VALID[..., None], rtol=1e-6)


def test_raw_values_say_that_they_need_tensorflow():
    hashed = lw.sequence_categorical_column_with_hash_bucket("k", 5, "int64")
    with pytest.raises(ValueError, match=r"lookup needs TensorFlow .*looked_up\(columns\)"):
        lw.SequenceFeatures([lw.indicator_column(hashed)])(batch(k=ids()))


def test_shared_embeddings_share():
    columns = lw.shared_embedding_columns([IDENTITY("a", 6), IDENTITY("b", 6)], 2)
    [inputs] = as_numpy(lw.SequenceFeatures(columns)(batch(a=ids(), b=ids())))
    np.testing.assert_array_equal(inputs[..., :2], inputs[..., 2:])


def test_refused_ids_are_an_error_that_names_feature_and_row():
    values = ids()
    values[3, 2] = 99
    values[1, 2] = 99  # padding
    with pytest.raises(ValueError, match=r"feature 'k': .* first in row 3"):
        lw.SequenceFeatures([lw.indicator_column(IDENTITY("k", 6))])(batch(k=values))


def test_a_length_beyond_t_is_an_error():
    features = {"n": ops.ones((2, 3)), "sequence_length": ops.array([3, 4])}
    with pytest.raises(ValueError, match="greater than the T of 'n'; first in row 1 with length 4"):
        lw.SequenceFeatures([lw.sequence_numeric_column("n")])(features)


def test_a_mask_gives_the_lengths():
    layer = lw.SequenceFeatures([lw.sequence_numeric_column("n")], return_lengths=True)
    _, lengths = layer({"n": ops.ones((4, 4))}, mask=ops.convert_to_tensor(VALID))
    np.testing.assert_array_equal(*as_numpy(lengths, ops.convert_to_tensor(LENGTHS)))


MASKS = {
    "a hole": ({"n": VALID[:, ::-1]}, "the mask of 'n': expected a mask that is true up to .* first in row 1"),
    "ends differ": ({"n": VALID, "m": VALID[::-1]}, "the mask of 'm' and the mask of 'n' end at different steps"),
    "another T": ({"n": VALID[:, :3]}, "one number of steps T, received 4 in 'm', 4 in 'n', 3 in the mask of 'n'"),
    "other rows": ({"n": VALID[:3]}, "one batch size, received 4 in 'm', 4 in 'n', 3 in the mask of 'n'"),
}


@pytest.mark.parametrize("case", MASKS)
def test_masks_without_lengths_are_refused(case):
    masks, message = MASKS[case]
    layer = lw.SequenceFeatures([lw.sequence_numeric_column("m"), lw.sequence_numeric_column("n")], return_lengths=True)
    given = {key: ops.convert_to_tensor(mask.copy()) for key, mask in masks.items()}
    with pytest.raises(ValueError, match=message):
        layer({"n": ops.ones((4, 4)), "m": ops.ones((4, 4))}, mask=given)


def test_the_mask_of_a_feature_that_no_column_reads_is_ignored():
    given = {"other": ops.convert_to_tensor(VALID[::-1].copy()), "n": ops.convert_to_tensor(VALID)}
    _, lengths = lw.SequenceFeatures([lw.sequence_numeric_column("n")], return_lengths=True)(
        {"n": ops.ones((4, 4))}, mask=given
    )
    np.testing.assert_array_equal(*as_numpy(lengths, ops.convert_to_tensor(LENGTHS)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"w": np.ones((4, 4, 1), "float32")}, r"expected weights of the shape of 'k' \(4, 4, 3\)"),
        ({"sequence_length": LENGTHS[:1]}, "one batch size, received 4 in 'k', 1 in 'sequence_length'"),
        ({"sequence_length": np.array([4, 1, -1, 3])}, "a length is negative.* first in row 2 with length -1"),
    ],
)
def test_sizes_are_never_broadcast(changed, message):
    column = lw.embedding_column(IDENTITY("k", 6, weight_key="w"), 2)
    given = batch(k=ids(3), w=np.ones((4, 4, 3), "float32"))
    with pytest.raises(ValueError, match=message):
        lw.SequenceFeatures([column])({**given, **{key: ops.convert_to_tensor(new) for key, new in changed.items()}})


def columns():
    return lw.looked_up(
        [
            lw.embedding_column(WORDS, 3),
            *lw.shared_embedding_columns([IDENTITY("a", 6), IDENTITY("b", 6)], 2),
            lw.sequence_numeric_column("n"),
        ]
    )


def features():
    numbers = np.random.default_rng(2).normal(size=(4, 4)).astype("float32")
    return {"words": ids(high=5), "a": ids(), "b": ids(), "n": numbers, "sequence_length": LENGTHS}


def model():
    given = {key: keras.Input((4,), dtype="int32", name=key) for key in ("words", "a", "b")}
    given |= {
        "n": keras.Input((4,), name="n"),
        "sequence_length": keras.Input((), dtype="int32", name="sequence_length"),
    }
    steps, lengths = lw.SequenceFeatures(columns(), return_lengths=True)(given)
    context = ops.expand_dims(ops.cast(lengths, "float32"), 1)
    steps = ConcatenateContext()(steps, context)
    return keras.Model(given, keras.layers.Dense(1)(keras.layers.LSTM(4)(steps)))


@pytest.mark.parametrize(
    "jit", [False, pytest.param(True, marks=pytest.mark.skipif(BACKEND == "torch", reason="dynamo"))]
)
def test_a_model_learns_and_is_loaded_from_its_file(jit, tmp_path):
    trained = model()
    trained.compile("adam", "mse", jit_compile=jit)
    losses = trained.fit(features(), np.ones((4, 1)), epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(features(), verbose=0), trained.predict(features(), verbose=0), rtol=1e-5)


def test_the_mask_reaches_a_recurrent_layer():
    layer, rnn = lw.SequenceFeatures(columns(), return_lengths=True), keras.layers.GRU(3)
    given = features()
    steps, _ = layer({key: ops.convert_to_tensor(value) for key, value in given.items()})
    whole = ops.convert_to_numpy(rnn(steps))
    for row, length in enumerate(LENGTHS):
        if length:
            alone = ops.convert_to_numpy(rnn(steps[row : row + 1, :length]))
            np.testing.assert_allclose(whole[row], alone[0], rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(BACKEND != "jax", reason="compiles with jax.jit")
def test_jax_compiles_and_gives_nan_where_it_cannot_raise():
    import jax

    layer = lw.SequenceFeatures([lw.embedding_column(IDENTITY("k", 6), 2)], return_lengths=True)
    values = ids()
    values[0, 1] = values[1, 2] = 99
    call = jax.jit(
        lambda given: layer.stateless_call([table.value for table in layer.trainable_variables], [], given)[0]
    )
    inputs, lengths = as_numpy(*call({"k": values, "sequence_length": LENGTHS}))
    assert np.isnan(inputs).any(-1).nonzero() == (np.array([0]), np.array([1]))
    np.testing.assert_array_equal(lengths, LENGTHS)


PACKED = {
    "segment_ids": np.array([[1, 1, 2, 0], [1, 2, 2, 2]], "int32"),
    "positions": np.array([[0, 1, 0, 0], [0, 0, 1, 2]], "int32"),
    "sequence_length": np.array([[2, 1, 0], [1, 3, 0]]),
    "n": np.arange(8, dtype="float32").reshape(2, 4),
    "weight": np.array([[10.0, 20.0, 0.0], [30.0, 40.0, 0.0]], "float32"),
}


def test_packed_rows_have_each_sequences_context_next_to_its_steps():
    columns = [lw.sequence_numeric_column("n"), lw.context_column("weight")]
    features = {key: ops.convert_to_tensor(value) for key, value in PACKED.items()}
    inputs, lengths = as_numpy(*lw.SequenceFeatures(columns, context=["weight"], return_lengths=True)(features))
    np.testing.assert_array_equal(lengths, [3, 4])
    np.testing.assert_allclose(inputs[..., 0], [[0, 1, 2, 0], [4, 5, 6, 7]])
    np.testing.assert_allclose(inputs[..., 1], [[10, 10, 20, 0], [30, 40, 40, 40]])


def test_steps_attend_only_to_their_own_segment():
    segments = ops.convert_to_tensor(PACKED["segment_ids"])
    same = PACKED["segment_ids"][:, :, None] == PACKED["segment_ids"][:, None, :]
    [mask, causal] = as_numpy(lw.SegmentMask(heads_axis=True)(segments), lw.SegmentMask(causal=True)(segments))
    np.testing.assert_array_equal(mask, same[:, None])
    np.testing.assert_array_equal(causal, same & np.tril(np.ones((4, 4), bool)))


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ("mean", [[0.5, 2, 0], [4, 6, 0]]),
        ("sum", [[1, 2, 0], [4, 18, 0]]),
        ("first", [[0, 2, 0], [4, 5, 0]]),
        ("last", [[1, 2, 0], [4, 7, 0]]),
    ],
)
def test_each_segment_gets_a_vector(reduce, expected):
    steps = ops.convert_to_tensor(PACKED["n"][:, :, None])
    pooled = lw.SegmentPooling(reduce)([steps, ops.convert_to_tensor(PACKED["sequence_length"])])
    np.testing.assert_allclose(as_numpy(pooled)[0][..., 0], expected)


def test_a_model_of_packed_rows_is_saved_and_one_with_an_rnn_refused(tmp_path):
    columns = [lw.sequence_numeric_column("n")]
    features = {key: PACKED[key] for key in ("n", "sequence_length", "segment_ids", "positions")}
    inputs = lw.inputs(columns, packed=True)
    steps = keras.layers.Dense(4)(lw.SequenceFeatures(columns)(inputs))
    mask = lw.SegmentMask(causal=True)(inputs["segment_ids"])
    steps = keras.layers.MultiHeadAttention(2, 2)(steps, steps, attention_mask=mask)
    pooled = lw.SegmentPooling("last")([steps, inputs["sequence_length"]])
    model = keras.Model(inputs, pooled)
    model.save(tmp_path / "packed.keras")
    loaded = keras.saving.load_model(tmp_path / "packed.keras")
    np.testing.assert_allclose(*as_numpy(loaded(features), model(features)), rtol=1e-5)
    recurrent = keras.Sequential([lw.SequenceFeatures(columns), keras.layers.GRU(2)])
    with pytest.raises(ValueError, match=r"\(GRU\), which reads across steps"):
        recurrent({key: ops.convert_to_tensor(value) for key, value in features.items()})
