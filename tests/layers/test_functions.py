"""Inside a `tf.function` and a `tf.data` map: no warnings of AutoGraph, no retracing for a new T."""

import logging
import os
from pathlib import Path

import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.layers import SequenceFeatures, concatenate_context_input, sequence_input_layer
from lengthwise.tensor.tensor_lookup import IdLookup

WORDS = lw.sequence_categorical_column_with_vocabulary_list("k", ["a", "b"], oov="error")
COLUMNS = [lw.indicator_column(WORDS), lw.sequence_numeric_column("n")]
FEATURES = {"k": tf.ragged.constant([["a"], ["b", "b"]]), "n": tf.ragged.constant([[1.0], [2.0, 3.0]])}
LAYER, LOOKUP = SequenceFeatures(COLUMNS, return_lengths=True), IdLookup(WORDS)

CALLS = {
    "layer": LAYER,
    "function": lambda features: sequence_input_layer(features, COLUMNS),
    "context": lambda features: concatenate_context_input(tf.ones([2, 1]), features["n"].to_tensor()[..., None]),
    "look-up": lambda features: LOOKUP(features["k"].flat_values),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("mapped", [False, True])
def test_autograph_warns_about_nothing(name, mapped, caplog):
    caplog.set_level(logging.WARNING)

    def call(features):
        return CALLS[name](features)

    if mapped:
        next(iter(tf.data.Dataset.from_tensors(FEATURES).map(call)))
    else:
        tf.function(call)(FEATURES)
    assert "AutoGraph" not in caplog.text


def test_batches_of_another_length_do_not_retrace():
    traced = []

    @tf.function(reduce_retracing=True)
    def call(features):
        traced.append(1)
        return LAYER(features)

    for steps in range(1, 6):
        call({"k": tf.fill([2, steps], "a"), "n": tf.ones([2, steps]), "sequence_length": tf.constant([1, steps])})
    assert len(traced) <= 2


def test_a_vocabulary_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    actual = []
    for time, entries in enumerate(["a\nb\n", "b\na\n"]):
        path.write_text(entries)
        os.utime(path, (time, time))
        column = lw.indicator_column(lw.sequence_categorical_column_with_vocabulary_file("k", str(path)))
        [dense, _] = sequence_input_layer({"k": tf.sparse.from_dense([["a"]])}, [column])
        actual.append(dense.numpy().tolist())
    assert actual == [[[[1.0, 0.0]]], [[[0.0, 1.0]]]]
