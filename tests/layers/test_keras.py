"""The layer in Keras: models of every style, fit, masks, saving, export, mixed precision, compilation."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.layers import ConcatenateContext, SequenceFeatures, concatenate_context_input, sequence_input_layer

COLUMNS = (
    lw.embedding_column(lw.sequence_categorical_column_with_identity("watches", 20), 4),
    *lw.shared_embedding_columns(
        [lw.sequence_categorical_column_with_identity(key, 9, oov="zero") for key in ("a", "b")], 3
    ),
    lw.sequence_numeric_column("rating"),
)
WORDS = lw.sequence_categorical_column_with_vocabulary_list("words", ["x", "y", "z"], num_oov_buckets=2)
LENGTHS = (3, 1, 0, 2)


def features(batch=4, steps=3, seed=0):
    random = np.random.default_rng(seed)
    ids = {key: tf.constant(random.integers(0, 9, (batch, steps))) for key in ("watches", "a", "b")}
    rating = tf.constant(random.normal(size=(batch, steps)).astype("float32"))
    return {**ids, "rating": rating, "sequence_length": tf.constant(LENGTHS, tf.int64)}


def inputs(steps=None):
    given = {key: keras.Input((steps,), dtype="int64", name=key) for key in ("watches", "a", "b")}
    given["rating"] = keras.Input((steps,), name="rating")
    given["sequence_length"] = keras.Input((), dtype="int64", name="sequence_length")
    return given


def functional():
    given = inputs()
    steps = SequenceFeatures(COLUMNS)(given)
    return keras.Model(given, keras.layers.Dense(1)(keras.layers.LSTM(5)(steps)))


@keras.saving.register_keras_serializable(package="lengthwise_tests")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.features = SequenceFeatures(COLUMNS, return_lengths=True)
        self.rnn, self.head = keras.layers.GRU(5), keras.layers.Dense(1)

    def call(self, features):
        steps, _ = self.features(features)
        return self.head(self.rnn(steps))


def sequential():
    layers = [SequenceFeatures(COLUMNS), keras.layers.LSTM(5), keras.layers.Dense(1)]
    return keras.Sequential(layers)


def sequential_after_inputs():
    given = inputs()
    steps = SequenceFeatures(COLUMNS)(given)
    return keras.Model(given, keras.Sequential([keras.layers.LSTM(5), keras.layers.Dense(1)])(steps))


MODELS = [functional, Subclassed, sequential, sequential_after_inputs]


@pytest.mark.parametrize("make", MODELS)
def test_models_fit_on_a_data_set_of_dicts_and_are_loaded_from_keras_files(make, tmp_path):
    model = make()
    model.compile("adam", "mse")
    data = tf.data.Dataset.from_tensors((features(), tf.ones([4, 1]))).repeat(3)
    losses = model.fit(data, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded.predict(data, verbose=0), model.predict(data, verbose=0), rtol=1e-6)


def test_sequential_after_an_input_of_one_sparse_feature():
    column = lw.embedding_column(lw.sequence_categorical_column_with_identity("watches", 20), 4)
    model = keras.Sequential(
        [
            keras.Input((None,), sparse=True, dtype="int64"),
            SequenceFeatures([column]),
            keras.layers.LSTM(2),
        ]
    )
    assert model(tf.SparseTensor([[0, 0], [1, 1]], tf.constant([3, 4], tf.int64), [2, 2])).shape == (2, 2)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_functional_models_accept_sparse_and_ragged_inputs(kind):
    given = {"words": keras.Input((None,), dtype="string", name="words", **{kind: True})}
    steps, lengths = SequenceFeatures([lw.embedding_column(WORDS, 2), lw.indicator_column(WORDS)], return_lengths=True)(
        given
    )
    model = keras.Model(given, [steps, lengths])
    values = tf.ragged.constant([["x", "?"], ["z"]])
    outputs, lengths = model({"words": values if kind == "ragged" else values.to_sparse()})
    assert outputs.shape == (2, 2, 7)
    assert lengths.numpy().tolist() == [2, 1]


def test_sequence_input_layer_on_keras_tensors_builds_the_layer():
    given = inputs()
    steps, lengths = sequence_input_layer(given, COLUMNS, trainable=False)
    model = keras.Model(given, [steps, lengths])
    assert steps.shape == (None, None, 11)
    assert lengths.dtype == "int64"
    assert model.trainable_weights == []
    assert len(model.weights) == 2
    assert model(features())[1].numpy().tolist() == list(LENGTHS)


def after_length(layer):
    """The layer's output for each row alone, without padding: no mask is needed there."""
    model, given = SequenceFeatures(COLUMNS, return_lengths=True), features()
    steps, lengths = model(given)
    whole = layer(steps)
    alone = []
    for row, length in enumerate(lengths.numpy()):
        if length:
            alone.append((row, layer(tf.constant(steps.numpy()[row : row + 1, :length]))))
    return whole, alone


@pytest.mark.parametrize("cell", [keras.layers.LSTM, keras.layers.GRU])
@pytest.mark.parametrize("wrap", [lambda rnn: rnn, keras.layers.Bidirectional], ids=["one way", "both ways"])
def test_recurrent_layers_get_the_mask(cell, wrap):
    whole, alone = after_length(wrap(cell(3)))
    for row, output in alone:
        np.testing.assert_allclose(whole[row], output[0], rtol=1e-5, atol=1e-6)


def test_attention_gets_the_mask():
    attention = keras.layers.MultiHeadAttention(2, 3)
    whole, alone = after_length(lambda steps: attention(steps, steps))
    for row, output in alone:
        np.testing.assert_allclose(whole[row, : output.shape[1]], output[0], rtol=1e-5, atol=1e-6)


def test_the_mask_of_an_earlier_layer_gives_the_lengths():
    given = {"rating": keras.Input((None, 1), name="rating")}
    masked = {"rating": keras.layers.Masking(mask_value=-1.0)(given["rating"])}
    model = keras.Model(given, SequenceFeatures([lw.sequence_numeric_column("rating")], return_lengths=True)(masked))
    steps, lengths = model({"rating": tf.constant([[[1.0], [2.0]], [[3.0], [-1.0]]])})
    assert lengths.numpy().tolist() == [2, 1]
    assert steps.numpy().tolist() == [[[1], [2]], [[3], [0]]]


def test_attributes_are_restored_from_the_config():
    layer = SequenceFeatures(
        [*COLUMNS, lw.embedding_column(WORDS, 2, combiner="sum", max_norm=2.0, initializer="zeros")],
        return_lengths=False,
        name="mine",
        trainable=False,
        dtype="mixed_float16",
    )
    back = SequenceFeatures.from_config(layer.get_config())
    assert (back.columns, back.return_lengths, back.name) == (layer.columns, False, "mine")
    assert (back.trainable, back.compute_dtype, back.variable_dtype) == (False, "float16", "float32")
    assert back.get_config() == layer.get_config()


def test_an_initializer_object_is_restored_as_its_config():
    column = lw.embedding_column(WORDS, 2, initializer=keras.initializers.Constant(3.0))
    back = SequenceFeatures.from_config(SequenceFeatures([column]).get_config())
    assert back.tables["words_embedding"].numpy().tolist() == [[3.0, 3.0]] * 5


@keras.saving.register_keras_serializable(package="lengthwise_tests")
def threes(shape, dtype=None):
    return keras.ops.full(shape, 3.0, dtype)


def test_an_initializer_function_is_restored_if_it_is_registered():
    column = lw.embedding_column(WORDS, 2, initializer=threes)
    config = json.loads(json.dumps(SequenceFeatures([column]).get_config()))
    back = SequenceFeatures.from_config(config)
    assert back.tables["words_embedding"].numpy().tolist() == [[3.0, 3.0]] * 5


def test_a_saved_model_needs_no_vocabulary_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("x\ny\n")
    column = lw.sequence_categorical_column_with_vocabulary_file("words", str(path), num_oov_buckets=1)
    layer = SequenceFeatures([lw.indicator_column(column)], return_lengths=True)
    path.unlink()
    config = layer.get_config()
    given = {"words": tf.ragged.constant([["y", "?"]])}
    np.testing.assert_array_equal(SequenceFeatures.from_config(config)(given)[0], layer(given)[0])


@keras.saving.register_keras_serializable(package="lengthwise_tests")
def halved(values):
    return values / 2.0


@pytest.mark.parametrize("bucketized", [False, True])
def test_a_registered_normalizer_is_restored(bucketized):
    column = lw.sequence_numeric_column("rating", normalizer_fn=halved)
    if bucketized:
        column = lw.indicator_column(lw.sequence_bucketized_column(column, [1.0]))
    layer = SequenceFeatures([column], return_lengths=True)
    back = SequenceFeatures.from_config(layer.get_config())
    given = {"rating": tf.ragged.constant([[1.5, 2.5]])}
    np.testing.assert_array_equal(back(given)[0], layer(given)[0])
    assert layer(given)[0].numpy().tolist() == ([[[1, 0], [0, 1]]] if bucketized else [[[0.75], [1.25]]])


def of_words():
    given = {"words": keras.Input((None,), dtype="string", name="words")}
    given["sequence_length"] = keras.Input((), dtype="int64", name="sequence_length")
    steps = SequenceFeatures([lw.embedding_column(WORDS, 2), lw.indicator_column(WORDS)])(given)
    return keras.Model(given, keras.layers.LSTM(3)(steps))


def test_an_export_with_string_inputs_contains_the_tables(tmp_path):
    model = of_words()
    batch = {"words": tf.constant([["x", "?"], ["z", ""]]), "sequence_length": tf.constant([2, 1], tf.int64)}
    expected = model(batch)
    model.export(str(tmp_path / "served"), format="tf_saved_model", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(batch), expected, rtol=1e-6)


def test_a_saved_module_may_accept_ragged_strings(tmp_path):
    """A separate module, since `model.export` makes all inputs dense."""
    module, batch = tf.Module(), {"words": tf.ragged.constant([["x", "?"], ["z"]])}
    module.layer = SequenceFeatures([lw.embedding_column(WORDS, 2)], return_lengths=True)
    signature = {"words": tf.RaggedTensorSpec([None, None], tf.string)}
    module.serve = tf.function(lambda batch: module.layer(batch), input_signature=[signature])
    expected, lengths = module.serve(batch)
    tf.saved_model.save(module, str(tmp_path / "served"))
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_array_equal(served.serve(batch)[0], expected)
    np.testing.assert_array_equal(served.serve(batch)[1], lengths)


def test_mixed_precision_keeps_tables_and_bucket_bounds_exact():
    bounds = lw.sequence_bucketized_column(lw.sequence_numeric_column("rating"), [2049.0])
    layer = SequenceFeatures(
        [lw.indicator_column(bounds), lw.embedding_column(WORDS, 2)], dtype="mixed_float16", return_lengths=True
    )
    steps, lengths = layer({"rating": tf.ragged.constant([[2048.9]]), "words": tf.ragged.constant([["y"]])})
    assert (steps.dtype, lengths.dtype, layer.weights[0].dtype) == (tf.float16, tf.int64, "float32")
    assert steps.numpy()[0, 0, :2].tolist() == [1, 0]  # float16 would round the number up to the bound


@pytest.mark.parametrize("make", [functional, Subclassed])
def test_compiled_training_on_dense_input_gives_the_same(make):
    keras.utils.set_random_seed(1)
    interpreted, compiled = make(), make()
    interpreted(features()), compiled(features())
    compiled.set_weights(interpreted.get_weights())
    data = tf.data.Dataset.from_tensors((features(), tf.ones([4, 1]))).repeat(2)
    losses = []
    for model, jit in ((interpreted, False), (compiled, True)):
        model.compile("sgd", "mse", jit_compile=jit)
        losses.append(model.fit(data, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_embeddings_learn_only_from_steps_within_the_lengths():
    layer = SequenceFeatures(COLUMNS, return_lengths=True)
    with tf.GradientTape() as tape:
        steps, _ = layer(features())
        loss = tf.reduce_sum(steps)
    gradients = tape.gradient(loss, layer.trainable_weights)
    assert all(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)  # one row per step, not per id
    watches = features()["watches"].numpy()
    counts = np.zeros(20)
    for row, length in enumerate(LENGTHS):
        np.add.at(counts, watches[row, :length], 1)
    table = next(g for g, w in zip(gradients, layer.trainable_weights, strict=True) if w.shape == (20, 4))
    np.testing.assert_allclose(tf.convert_to_tensor(table)[:, 0], counts)


def test_max_norm_has_finite_gradients_at_zero():
    column = lw.embedding_column(WORDS, 2, initializer="zeros", max_norm=1.0)
    layer = SequenceFeatures([column], return_lengths=True)
    with tf.GradientTape() as tape:
        steps, _ = layer({"words": tf.ragged.constant([["x"]])})
        loss = tf.reduce_sum(steps)
    assert np.isfinite(tf.convert_to_tensor(tape.gradient(loss, layer.weights)[0])).all()


def test_a_context_joins_in_a_functional_model_and_keeps_the_mask(tmp_path):
    given = {**inputs(), "user": keras.Input((2,), name="user")}
    steps, lengths = SequenceFeatures(COLUMNS, return_lengths=True)(given)
    joined = concatenate_context_input(given["user"], steps, lengths)
    model = keras.Model(given, keras.layers.LSTM(3)(joined))
    assert joined.shape == (None, None, 13)
    batch = {**features(), "user": tf.ones([4, 2])}
    model.save(str(tmp_path / "model.keras"))
    loaded = keras.saving.load_model(str(tmp_path / "model.keras"))
    np.testing.assert_allclose(loaded(batch), model(batch), rtol=1e-6)
    steps = SequenceFeatures(COLUMNS)(features())
    mask = steps._keras_mask
    np.testing.assert_array_equal(ConcatenateContext()(steps, tf.ones([4, 2]))._keras_mask, mask)


def test_an_untrainable_column_stays_as_it_is():
    columns = [lw.embedding_column(WORDS, 2, trainable=False), COLUMNS[0]]
    assert [weight.shape for weight in SequenceFeatures(columns).trainable_weights] == [(20, 4)]
