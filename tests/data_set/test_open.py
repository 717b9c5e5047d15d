"""`lengthwise.open`: from a prepared folder to a trained model that accepts raw records."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.columns import AnyColumn
from lengthwise.data_set import prepare
from lengthwise.errors import ConfigError, DatasetError
from prepare.jobs import run
from records.messages import read_records, sequence_example, write_records

_RULES: dict[str, Any] = {"buckets": {"boundaries": [4, 8]}, "sequences": {"over_long": "truncate_left"}}

COLUMNS: list[AnyColumn] = [
    lw.sequence_categorical_column_with_vocabulary_list("word", ["a", "b", "c"], oov="zero"),
    lw.sequence_numeric_column("price"),
    lw.context_column("bought", dtype="int64"),
    lw.context_column("age"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("open")
    rng = np.random.default_rng(0)
    records = [_record(rng, int(rng.integers(1, 12))) for _ in range(300)]
    splits = {"fractions": {"train": 0.8, "eval": 0.2}}
    run(root, COLUMNS, {"a.tfrecord": records}, splits=splits, sequences={"over_long": "truncate_left"})
    return root


def _record(rng: np.random.Generator, length: int) -> bytes:
    words = [[str(word)] for word in rng.choice(["a", "b", "c", "?"], length)]
    prices = [[float(price)] for price in rng.normal(5, 2, length)]
    context = {"bought": [int(prices[-1][0] > 5)], "age": [float(rng.integers(20, 60))]}
    return sequence_example({"word": words, "price": prices}, context)


def sequential(data: lw.DataSet) -> Any:
    features = lw.SequenceFeatures(data.columns, standardize=True)
    return keras.Sequential([features, keras.layers.GRU(4), keras.layers.Dense(1, activation="sigmoid")])


def functional(data: lw.DataSet) -> Any:
    inputs = lw.inputs(data.columns.only("price"))
    steps = keras.layers.GRU(4)(lw.SequenceFeatures(data.columns.only("price"))(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(steps))


class Subclassed(keras.Model):
    """Reads the words, and the age from the context."""

    def __init__(self, data: lw.DataSet) -> None:
        super().__init__()
        self.words = lw.SequenceFeatures(data.columns.only("word"))
        self.head = keras.layers.Dense(1)

    def call(self, features: Any) -> Any:
        age = features["age"][:, None] / 60
        return self.head(keras.ops.concatenate([keras.ops.sum(self.words(features), axis=1), age], axis=1))


READS = {sequential: {"word", "price"}, functional: {"price"}, Subclassed: {"word", "age"}}


def test_what_a_data_set_says_of_itself(folder: Path) -> None:
    data = lw.open(folder / "out")
    assert set(data.splits) == {"eval", "train"}
    assert sum(data.splits.values()) == 300
    assert data.columns.keys == ("word", "price", "bought", "age")
    assert data.columns["word"].num_buckets == 3
    assert data.columns[1].key == "price"
    assert data.columns.without("bought", "age") == data.columns.only("word", "price") == data.columns[:2]
    assert data.columns.moments["price"].mean == pytest.approx(5, abs=0.5)
    with pytest.raises(ConfigError, match=r"columns: expected the key of a column \(word, .*\), received 'words'"):
        data.columns.only("words")
    with pytest.raises(DatasetError, match="no manifest"):
        lw.open(folder)


@pytest.mark.parametrize("make", READS)
def test_it_trains_and_its_export_asks_for_nothing_that_the_model_does_not_read(make: Any, folder: Path) -> None:
    data = lw.open(folder / "out")
    model = make(data)
    options: dict[str, Any] = {"batch_steps": 256, "labels": "bought"}
    if make is functional:  # whose inputs are a dict: it refuses other keys
        options["features"] = model
    model.compile("adam", "mse")
    model.fit(data.read("train", **options), validation_data=data.read("eval", **options), verbose=0)
    lw.export(model, data, folder / make.__name__)
    served = tf.saved_model.load(str(folder / make.__name__)).signatures["serving_default"]
    for record in read_records(folder / "raw" / "a.tfrecord")[:5]:
        [answer] = served(records=tf.constant([_only(record, READS[make])])).values()
        columns = [column for column in COLUMNS if column.name in READS[make]]
        batch = next(iter(_batches([record], columns, folder)))
        np.testing.assert_allclose(answer, model(batch), rtol=1e-4, atol=1e-5)


def test_a_model_whose_inputs_are_a_dict_refuses_other_keys(folder: Path) -> None:
    """Runs in a separate process, because pytest filters warnings."""
    script = """
import keras, sys
import lengthwise as lw
data = lw.open(sys.argv[1])
inputs = lw.inputs(data.columns.only("price"))
model = keras.Model(inputs, keras.layers.Dense(1)(inputs["sequence_length"][:, None]))
model.compile("adam", "mse")
model.fit(data.read("train", batch_steps=256, labels="bought"), verbose=0)
"""
    command = [sys.executable, "-c", script, str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "UserWarning: Exception encountered when calling Functional.call()." in done.stderr
    assert "Expected: {'price': 'price', 'sequence_length': 'sequence_length'}" in done.stderr


def _batches(records: list[bytes], columns: list[AnyColumn], folder: Path) -> Any:
    path = write_records(folder / "some.tfrecord", records)
    return lw.read_raw({"inputs": {"files": path}, "columns": columns, **_RULES}, batch_size=len(records))


def _only(record: bytes, keys: set[str]) -> bytes:
    """The record without all other features."""
    message = tf.train.SequenceExample.FromString(record)
    for features in (message.context.feature, message.feature_lists.feature_list):
        for key in set(features) - keys:
            del features[key]
    return bytes(message.SerializeToString())


def test_a_job_from_python_and_the_verification_of_what_it_wrote(folder: Path) -> None:
    config = {"inputs": {"files": str(folder / "raw" / "a.tfrecord")}, "columns": COLUMNS, "buckets": {"count": 2}}
    data = prepare(config, output=folder / "again", workers=1)
    assert data.splits == {"train": 300}
    lw.verify(data.folder)
    path = folder / "again" / data.manifest.shards[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=rf"{data.manifest.shards[0].path}: expected .* bytes, found"):
        lw.verify(data.folder)


def test_a_configuration_is_the_same_from_a_file_a_mapping_and_an_object(tmp_path: Path) -> None:
    given = {"columns": [{"kind": "numeric", "key": "x"}], "inputs": {"files": "a"}}
    (tmp_path / "job.yaml").write_text("columns: [{kind: numeric, key: x}]\ninputs: {files: a}\n")
    config = lw.load_config(given)
    assert lw.load_config(tmp_path / "job.yaml") == config == lw.load_config(config)
    changed = lw.load_config(config, {"inputs.files": "b", "buckets.count": 3})
    assert (changed.inputs.files, changed.buckets.count, changed.columns) == (("b",), 3, config.columns)
    with pytest.raises(ConfigError, match=r"configuration: columns\[0\].key: expected"):
        lw.load_config({"columns": [{"kind": "numeric"}]})
