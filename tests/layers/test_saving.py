"""Models saved and loaded: in a new process, and with functions that Keras finds again or not."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import SequenceFeatures


def saved(normalizer, path):
    given = {"x": keras.Input((None,), name="x")}
    given["sequence_length"] = keras.Input((), dtype="int64", name="sequence_length")
    steps = SequenceFeatures([lw.sequence_numeric_column("x", normalizer_fn=normalizer)])(given)
    keras.Model(given, steps).save(path)
    return path


def predicted(model):
    return model({"x": tf.constant([[1.0, 3.0]]), "sequence_length": tf.constant([2], tf.int64)}).numpy().tolist()


@pytest.mark.parametrize(
    "imports",
    [
        "import keras, lengthwise",
        "import lengthwise.layers, keras",
        "import lengthwise, keras; lengthwise.SequenceFeatures",
    ],
)
def test_a_new_process_loads_a_model_once_the_layers_are_imported(tmp_path, imports):
    path = saved(None, str(tmp_path / "model.keras"))
    code = f"{imports}\nprint(type(keras.saving.load_model({path!r}).layers[-1]).__name__)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (completed.stdout.strip(), completed.returncode) == ("SequenceFeatures", 0), completed.stderr


class Halving:
    def __call__(self, values):
        return values / 2


def logarithms(values):
    return keras.ops.log1p(values)


@pytest.mark.parametrize(
    "function",
    [tf.math.log1p, keras.ops.log1p, np.log1p, functools.partial(tf.multiply, y=2.0), Halving(), logarithms],
    ids=["tensorflow", "keras.ops", "numpy", "partial", "object", "not registered"],
)
def test_a_normalizer_that_could_not_be_loaded_is_refused_when_saving(function, tmp_path):
    with pytest.raises(ConfigError, match=r"normalizer_fn: expected a function that Keras finds .*register_keras_ser"):
        saved(function, str(tmp_path / "model.keras"))


def test_a_normalizer_may_be_named_in_a_scope_instead(tmp_path):
    with keras.saving.custom_object_scope({"logarithms": logarithms}):
        path = saved(logarithms, str(tmp_path / "model.keras"))
    loaded = keras.saving.load_model(path, custom_objects={"logarithms": logarithms})
    np.testing.assert_allclose(predicted(loaded), np.log1p([[[1.0], [3.0]]]), rtol=1e-6)


@keras.saving.register_keras_serializable(package="lengthwise_tests")
class Scaling:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, values):
        return values * self.factor

    def get_config(self):
        return {"factor": self.factor}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_a_registered_object_with_a_config_normalizes_after_loading(tmp_path):
    path = saved(Scaling(10.0), str(tmp_path / "model.keras"))
    assert predicted(keras.saving.load_model(path)) == [[[10.0], [30.0]]]


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_lambda_is_loaded_if_the_caller_trusts_the_file(tmp_path):
    path = saved(lambda values: values * 2, str(tmp_path / "model.keras"))
    with pytest.raises(ConfigError, match=r"normalizer_fn: the saved function cannot be found.*safe_mode=False"):
        keras.saving.load_model(path)
    assert predicted(keras.saving.load_model(path, safe_mode=False)) == [[[2.0], [6.0]]]


@pytest.mark.parametrize("give", [keras.initializers.Constant, tf.constant_initializer])
def test_a_pretrained_table_is_restored_with_the_model(give, tmp_path):
    table = np.arange(6, dtype="float32").reshape(3, 2)
    ids = lw.sequence_categorical_column_with_identity("k", 3)
    given = {"k": keras.Input((None,), dtype="int64", name="k")}
    given["sequence_length"] = keras.Input((), dtype="int64", name="sequence_length")
    layer = SequenceFeatures(
        [lw.embedding_column(ids, 2, initializer=give(table), trainable=False)], return_lengths=True
    )
    model = keras.Model(given, layer(given)[0])
    model.save(str(tmp_path / "model.keras"))
    for copy in (keras.saving.load_model(str(tmp_path / "model.keras")), keras.models.clone_model(model)):
        np.testing.assert_array_equal(copy.weights[0].numpy(), table)
