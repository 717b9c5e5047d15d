"""Gaps in raw numbers that a layer receives are filled as in the job."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.rows.block_rows import Refiner, Rules
from records.messages import sequence_example

NAN = float("nan")
ROWS = [[NAN, 1.0, NAN, NAN, 2.0], [NAN], [3.0, NAN, 4.0]]
LENGTHS = np.array([5, 1, 3])


def padded(rows: list[list[float]]) -> np.ndarray:
    """With NaN after each row, which is padding and not a gap."""
    return np.array([row + [NAN] * (5 - len(row)) for row in rows], np.float32)


@pytest.mark.parametrize("form", ["dense", "ragged", "saved"])
@pytest.mark.parametrize("missing", ["fill", "previous"])
def test_gaps_are_filled_as_in_the_job(missing: str, form: str) -> None:
    column = lw.sequence_numeric_column("x", default_value=-1.0, missing=missing)
    records = [sequence_example({"x": [[value] for value in row]}) for row in ROWS]
    block = Block(records, list(range(3)), [0] * 3)
    expected = Refiner(Rules((column,), "sequence_example")).refine(block, "f").rows.column("x").to_pylist()
    layer = lw.SequenceFeatures([column])
    if form == "saved":
        layer = lw.SequenceFeatures.from_config(layer.get_config())
    values = tf.ragged.constant(ROWS, tf.float32) if form == "ragged" else keras.ops.array(padded(ROWS))
    actual = np.asarray(layer({"x": values, "sequence_length": LENGTHS}))[:, :, 0]
    for row, length in enumerate(LENGTHS):
        assert actual[row, :length].tolist() == expected[row]
        assert (actual[row, length:] == -1.0).all()
    if missing == "previous":
        assert expected[0] == [-1.0, 1.0, 1.0, 1.0, 2.0]


def test_each_number_of_an_array_is_carried_separately() -> None:
    column = lw.sequence_numeric_column("x", shape=(2,), missing="previous", observed=True)
    steps = [[1.0, NAN], [NAN, 5.0], [], [7.0, NAN]]
    record = sequence_example({"x": steps})
    rows = Refiner(Rules((column,), "sequence_example")).refine(Block([record], [0], [0]), "f")
    assert rows.rows.column("x").to_pylist() == [[1.0, 0.0, 1.0, 5.0, 1.0, 5.0, 7.0, 5.0]]
    assert rows.rows.column("x_observed").to_pylist() == [[1, 0, 0, 1, 0, 0, 1, 0]]
    assert rows.tally.repaired == {"x": 5}
    dense = np.array([[[1.0, NAN], [NAN, 5.0], [NAN, NAN], [7.0, NAN]]], np.float32)
    actual = np.asarray(lw.SequenceFeatures([column])({"x": dense, "sequence_length": np.array([4])}))
    assert actual.reshape(-1).tolist() == rows.rows.column("x").to_pylist()[0]
    assert lw.looked_up([column])[0].missing == "error"  # prepared data has no gaps
