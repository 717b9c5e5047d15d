"""Malicious layer configurations open no file, run no code and allocate no memory: they are refused with a message."""

import json
import sys
import zipfile

import keras
import numpy as np
import pytest

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.layers import SequenceFeatures

WORDS = lw.sequence_categorical_column_with_vocabulary_list("w", ["a", "b"])
IDS = lw.sequence_categorical_column_with_identity("k", 3)
NUMBERS = lw.sequence_numeric_column("x")
BUCKETS = lw.sequence_bucketized_column(NUMBERS, [1.0])
COLUMNS = {
    "embedding": lw.embedding_column(WORDS, 2),
    "shared": lw.shared_embedding_columns([WORDS], 2)[0],
    "indicator": lw.indicator_column(WORDS),
    "ids": lw.embedding_column(IDS, 2),
    "numbers": NUMBERS,
    "buckets": lw.indicator_column(BUCKETS),
}
SECRET = "first line\nsecond line\n"
opened: list[str] = []


def _note(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and "secret" in arguments[0]:
        opened.append(arguments[0])


sys.addaudithook(_note)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    opened.clear()
    yield str(path)
    assert opened == []


def config_of(kind):
    return json.loads(json.dumps(SequenceFeatures([COLUMNS[kind]]).get_config()))


def changed(kind, path, value):
    """The configuration of a layer of the column, with the field at the path (`a.b`, relative to the column) set."""
    config = config_of(kind)
    set_field(config, path, value)
    return config


def set_field(config, path, value):
    *parents, name = path.split(".")
    fields = config["columns"][0]
    for parent in parents:
        fields = fields[parent]
    fields[name] = value


FILES = [
    ("embedding", "categorical_column.vocabulary_file"),
    ("shared", "categorical_column.vocabulary_file"),
    ("indicator", "categorical_column.vocabulary_file"),
    ("embedding", "ckpt_to_load_from"),
    ("embedding", "tensor_name_in_ckpt"),
    ("shared", "shared.ckpt_to_load_from"),
    ("shared", "shared.tensor_name_in_ckpt"),
    # in a place where such a field is not allowed
    ("numbers", "vocabulary_file"),
    ("ids", "categorical_column.vocabulary_file"),
    ("buckets", "categorical_column.source_column.vocabulary_file"),
    ("indicator", "ckpt_to_load_from"),
]


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_a_field_that_names_a_file_is_refused_in_any_place(kind, path, secret):
    for value in (secret, "", [secret], {"path": secret}):
        with pytest.raises(ConfigError, match=rf"^columns\[0\]\.{path}: refused: expected no {path.split('.')[-1]}"):
            SequenceFeatures.from_config(changed(kind, path, value))
    for source in ("vocabulary_list", "initializer"):  # in place of the existing value
        if path.endswith("vocabulary_file") and kind in ("embedding", "shared", "indicator"):
            config = changed(kind, path, secret)
            config["columns"][0]["categorical_column"].pop(source, None)
            with pytest.raises(ConfigError, match="refused"):
                SequenceFeatures.from_config(config)


@pytest.mark.parametrize("safe_mode", [True, False])
def test_a_saved_model_is_refused_whether_its_file_is_trusted_or_not(safe_mode, secret, tmp_path):
    given = {"w": keras.Input([None], name="w", dtype="int64")}
    given["sequence_length"] = keras.Input([], name="sequence_length", dtype="int64")
    good, edited = str(tmp_path / "good.keras"), str(tmp_path / "edited.keras")
    keras.Model(given, SequenceFeatures([COLUMNS["embedding"]])(given)).save(good)
    for old, new in (
        ('"vocabulary_list": ["a", "b"], "vocabulary_file": null', f'"vocabulary_file": {json.dumps(secret)}'),
        ('"ckpt_to_load_from": null', f'"ckpt_to_load_from": {json.dumps(secret)}'),
    ):
        with zipfile.ZipFile(good) as source, zipfile.ZipFile(edited, "w") as target:
            for name in source.namelist():
                data = source.read(name)
                if name == "config.json":
                    assert old.encode() in data
                    data = data.replace(old.encode(), new.encode())
                target.writestr(name, data)
        with pytest.raises(ConfigError, match="refused: expected no"):
            keras.saving.load_model(edited, safe_mode=safe_mode)


def of_class(module, name, **settings):
    return {"module": module, "class_name": name, "config": settings, "registered_name": None}


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


CODE = {
    "a function of Python": lambda path: function("builtins", "eval"),
    "a function of a module": lambda path: function("os", "system"),
    "a function of Keras that downloads": lambda path: function("keras.utils", "get_file"),
    "a function of Keras that loads": lambda path: function("keras.saving", "load_model"),
    "a function of Keras by its name": lambda path: function("builtins", "get_file"),
    "a function that makes objects": lambda path: function("builtins", "deserialize"),
    "an operation": lambda path: function("keras.ops", "log1p"),
    "a layer that reads a file": lambda path: of_class("keras.layers", "StringLookup", vocabulary=path),
    "a layer that loads a model": lambda path: of_class("keras.layers", "TFSMLayer", filepath=path),
    "a layer of code": lambda path: of_class("keras.layers", "Lambda", function=function("os", "system")),
    "a model": lambda path: of_class("keras", "Sequential", layers=[]),
    "a class of a module": lambda path: of_class("subprocess", "Popen", args=["true"]),
    "a type": lambda path: {
        **of_class("tensorflow", "__typespec__"),
        "spec_name": "Popen",
        "config": [path],
        "module": "subprocess",
    },
    "bytes of code": lambda path: {"class_name": "__lambda__", "config": {"value": ["4wA=", None, None]}},
    "ours in ours": lambda path: {
        **of_class(None, "SequenceFeatures"),
        "registered_name": "lengthwise>SequenceFeatures",
    },
    "nothing": lambda path: {},
    "a list": lambda path: [path],
    "a number": lambda path: 3,
    "names that are not strings": lambda path: {"class_name": ["a"], "config": {}, "registered_name": {}},
}


@pytest.mark.parametrize("case", CODE)
def test_code_is_not_found_by_its_name(case, secret, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("it was run"))
    config = CODE[case](secret)
    for kind in ("numbers", "buckets"):
        with pytest.raises(ConfigError, match=r"normalizer_fn: "):
            SequenceFeatures.from_config(changed(kind, "normalizer_fn", config))
    for kind, path in (("ids", "initializer"), ("shared", "shared.initializer")):
        with pytest.raises(ConfigError, match=r"initializer of '\w+': expected a Keras initializer"):
            SequenceFeatures.from_config(changed(kind, path, config))


NESTED = {
    "a layer in a constant": lambda path: of_class("keras.layers", "TFSMLayer", filepath=path),
    "in a list": lambda path: [of_class("keras.layers", "StringLookup", vocabulary=path)],
    "in a list of lists": lambda path: [[1.0, of_class("keras.layers", "TFSMLayer", filepath=path)]],
    "a string of any size": lambda path: {"class_name": "__numpy__", "config": {"value": 0, "dtype": "S999999999999"}},
    "objects": lambda path: {"class_name": "__numpy__", "config": {"value": [path], "dtype": "object"}},
    "not an array": lambda path: {"class_name": "__tensor__", "config": [1]},
    "strings": lambda path: {"class_name": "__numpy__", "config": {"value": path, "dtype": "float32"}},
    "without numbers": lambda path: {"class_name": "__numpy__", "config": {"dtype": "float32"}},
    "bytes of code": lambda path: {"class_name": "__lambda__", "config": {"value": ["4wA=", None, None]}},
    "of another shape": lambda path: [[1.0] * 3] * 3,
}


@pytest.mark.parametrize("case", NESTED)
def test_an_initializers_numbers_are_numbers(case, secret):
    value = NESTED[case](secret)
    given = [of_class("keras.initializers", "Constant", value=value)]
    if isinstance(value, dict):
        given.append(of_class("keras.initializers", "RandomNormal", seed=value))
        given.append(of_class("keras.initializers", "RandomNormal", mean=value))
    for initializer in given:
        with pytest.raises(ConfigError, match="initializer of 'k_embedding': expected a Keras initializer"):
            SequenceFeatures.from_config(changed("ids", "initializer", initializer))


def test_a_layers_settings_are_numbers(secret):
    for value in (of_class("keras.layers", "TFSMLayer", filepath=secret), NESTED["a string of any size"](secret)):
        for name in ("Rescaling", "Normalization"):
            config = of_class("keras.layers", name, scale=value, mean=[value])
            with pytest.raises(ConfigError, match="normalizer_fn: .* is not allowed"):
                SequenceFeatures.from_config(changed("numbers", "normalizer_fn", config))


HUGE = {
    "table": ("ids", {"categorical_column.num_buckets": 2**40}, "embedding tables: expected at most .* GiB"),
    "many ids": ("ids", {"categorical_column.num_buckets": 2**63 - 1}, "embedding tables: expected at most .* GiB"),
    "more ids than 63 bits": ("ids", {"categorical_column.num_buckets": 2**70}, "less than 9223372036854775808"),
    "dimension": ("ids", {"dimension": 2**40}, "dimension: expected at most 16777216"),
    "hashes": (
        "ids",
        {"categorical_column": {"kind": "hash", "key": "k", "hash_bucket_size": 2**60}},
        "embedding tables",
    ),
    "buckets of words": (
        "embedding",
        {"categorical_column.num_oov_buckets": 2**61, "categorical_column.oov": "buckets"},
        "embedding tables",
    ),
    "shared": (
        "shared",
        {
            "shared.num_buckets": 2**40,
            "categorical_column": {"kind": "identity", "key": "k", "num_buckets": 2**40},
        },
        "embedding tables",
    ),
    "shared dimension": ("shared", {"shared.dimension": 2**40}, "shared.dimension: expected at most 16777216"),
    "indicator": (
        "indicator",
        {"categorical_column": {"kind": "identity", "key": "k", "num_buckets": 2**40}},
        "expected at most 16777216 numbers per step, received 1099511627776",
    ),
    "shape": ("numbers", {"shape": [2**40]}, "shape: expected at most 16777216 numbers"),
    "axes": ("numbers", {"shape": [2**40] * 100_000}, "shape: expected at most 64 entries"),
    "step size": (
        "ids",
        {"categorical_column.values_per_step": 2**40},
        "values_per_step: expected at most 65536",
    ),
    "size of a vocabulary": ("embedding", {"categorical_column.vocabulary_size": 2**70}, "vocabulary_size"),
    "a word twice": (
        "embedding",
        {"categorical_column.vocabulary_list": [*map(str, range(200_000)), "199999"]},
        "expected distinct entries, received '199999' twice",
    ),
}


@pytest.mark.parametrize("case", HUGE)
def test_sizes_are_checked_before_memory_is_allocated(case):
    kind, fields, message = HUGE[case]
    config = config_of(kind)
    for path, value in fields.items():
        set_field(config, path, value)
    with pytest.raises(ConfigError, match=message):
        SequenceFeatures.from_config(config)


def nested(levels):
    column = {"kind": "indicator"}
    for _ in range(levels):
        column = {"kind": "indicator", "categorical_column": column}
    return column


@pytest.mark.parametrize(
    "columns",
    [
        None,
        3,
        "abc",
        {},
        {"kind": "numeric"},
        [],
        [3],
        ["abc"],
        [None],
        [[]],
        [{}],
        [{"kind": "numeric"}],
        [nested(500)],
    ],
    ids=lambda columns: repr(columns)[:30],
)
def test_a_value_that_is_not_a_list_of_columns_is_refused(columns):
    with pytest.raises(ConfigError, match="columns"):
        SequenceFeatures.from_config({**config_of("numbers"), "columns": columns})
    without = config_of("numbers")
    del without["columns"]
    with pytest.raises(ConfigError, match="columns: expected a list of columns, received NoneType"):
        SequenceFeatures.from_config(without)


def test_the_message_has_the_path_of_the_wrong_field():
    config = changed("ids", "categorical_column.num_buckets", 0)
    with pytest.raises(ConfigError) as caught:
        SequenceFeatures.from_config(config)
    assert str(caught.value) == "columns[0].categorical_column.num_buckets: expected at least 1, received 0"


GOOD = {
    "a layer of Keras": keras.layers.Rescaling(2.0, offset=1.0),
    "a layer of arrays": keras.layers.Normalization(mean=np.array([3.0]), variance=np.array([4.0])),
    "an activation": keras.activations.tanh,
}


@pytest.mark.parametrize("case", GOOD)
def test_harmless_objects_of_keras_are_loaded(case):
    layer = SequenceFeatures([lw.sequence_numeric_column("x", normalizer_fn=GOOD[case])], return_lengths=True)
    back = SequenceFeatures.from_config(json.loads(json.dumps(layer.get_config())))
    given = {"x": keras.ops.array([[0.5, -1.0]]), "sequence_length": keras.ops.array([2])}
    np.testing.assert_allclose(back(given)[0], layer(given)[0])


@pytest.mark.parametrize(
    "initializer",
    [
        "ones",
        "RandomNormal",
        "normal",
        keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(3)),
        keras.initializers.Constant([[1.0, 2.0]] * 3),
        keras.initializers.Constant(np.ones((3, 2), "float16")),
        keras.initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=1),
        keras.initializers.Orthogonal(seed=1),
        {"class_name": "Constant", "config": {"value": 2}},
        {"class_name": "zeros", "config": None},
    ],
    ids=lambda given: str(getattr(type(given), "__name__", given)),
)
def test_initializers_of_keras_are_loaded(initializer):
    layer = SequenceFeatures([lw.embedding_column(IDS, 2, initializer=initializer)], return_lengths=True)
    back = SequenceFeatures.from_config(json.loads(json.dumps(layer.get_config())))
    assert back.tables["k_embedding"].shape == (3, 2)
    if not isinstance(initializer, str):
        np.testing.assert_array_equal(back.tables["k_embedding"], layer.tables["k_embedding"])
