"""`tf.feature_column` objects are accepted everywhere, with the same results as columns of lengthwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.feed.outputs.serving_function import serving_fn
from records.messages import sequence_example, write_records

fc = tf.feature_column

ID = fc.sequence_categorical_column_with_identity("item", 9)
OUR_ID = lw.sequence_categorical_column_with_identity("item", 9)
PRICE, OUR_PRICE = fc.sequence_numeric_column("price"), lw.sequence_numeric_column("price")
THEIRS = [fc.embedding_column(ID, 4), PRICE, fc.numeric_column("y")]
OURS = [lw.embedding_column(OUR_ID, 4), OUR_PRICE, lw.context_column("y", shape=1)]
STEPS = {"item": [1, 8], "price": [0.5, 1.5]}

WRAPPERS: dict[str, Callable[[Any, Any], Any]] = {
    "embedding_column": lambda ids, _: lw.embedding_column(ids, 4),
    "indicator_column": lambda ids, _: lw.indicator_column(ids),
    "shared_embedding_columns": lambda ids, _: lw.shared_embedding_columns([ids], 4),
    "sequence_bucketized_column": lambda _, price: lw.sequence_bucketized_column(price, [0.0, 1.0]),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers(name: str) -> None:
    assert WRAPPERS[name](ID, PRICE) == WRAPPERS[name](OUR_ID, OUR_PRICE)


FUNCTIONS: dict[str, Callable[[list[Any], str], Any]] = {
    "looked_up": lambda columns, _: lw.looked_up(columns),
    "make_parse_example_spec": lambda columns, _: lw.make_parse_example_spec(columns),
    "JobConfig": lambda columns, _: JobConfig(columns=tuple(columns)),
    "load_config": lambda columns, _: lw.load_config({"columns": columns}),
    "count_raw": lambda columns, raw: lw.count_raw(raw, columns=columns),
    "count_raw of a job": lambda columns, raw: lw.count_raw({"inputs": {"files": raw}, "columns": columns}),
    "read_raw": lambda columns, raw: _values(lw.read_raw(raw, columns=columns, batch_size=2)),
    "inputs": lambda columns, _: [(value.name, value.shape, value.dtype) for value in lw.inputs(columns).values()],
    "SequenceFeatures": lambda columns, _: lw.SequenceFeatures(columns[:2]).get_config()["columns"],
    "sequence_input_layer": lambda columns, _: lw.sequence_input_layer(_batch(), columns[1:2])[0].shape,
    "serving_fn": lambda columns, _: np.asarray(serving_fn(_model(), columns)(_records())).tolist(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_accept_columns(name: str, raw: str) -> None:
    assert FUNCTIONS[name](THEIRS, raw) == FUNCTIONS[name](OURS, raw)


@pytest.mark.parametrize("name", ["looked_up", "make_parse_example_spec", "count_raw", "read_raw"])
@pytest.mark.parametrize("wrong", [[3], PRICE, {"price": PRICE}], ids=["a number", "one column", "a dict"])
def test_a_value_that_is_not_a_list_of_columns_is_refused(name: str, wrong: Any, raw: str) -> None:
    with pytest.raises(ConfigError, match="feature_columns"):
        FUNCTIONS[name](wrong, raw)


def test_a_column_that_sequences_cannot_have_is_refused_by_the_job() -> None:
    with pytest.raises(ConfigError, match=r"columns: .*CrossedColumn"):
        lw.load_config({"columns": [fc.crossed_column(["a", "b"], 9)]})


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("accepted")
    return str(write_records(folder / "raw.tfrecord", [sequence_example(STEPS, {"y": 1.0})] * 2))


def _values(dataset: Any) -> list[Any]:
    return [{key: value.tolist() for key, value in batch.items()} for batch in dataset.as_numpy_iterator()]


def _batch() -> dict[str, Any]:
    return {"price": np.array([[0.5, 1.5]], np.float32), "sequence_length": np.array([2])}


def _records() -> Any:
    return tf.constant([sequence_example(STEPS, {})])


def _model() -> Any:
    price = keras.Input((None,), name="price")
    return keras.Model({"price": price}, keras.ops.sum(price, axis=1))
