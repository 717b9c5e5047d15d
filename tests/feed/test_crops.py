"""Random crops: consecutive steps of each record, at a different position in each epoch; the same for all features."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import BOUNDARIES, SOURCES, Data, make_source

BUDGET, CROP = 96, 7
KEYS = ["item", "pair", "record", "sequence_length"]


def starts(data: Data, batches: Any) -> dict[int, int]:
    """The start of each record's crop, by record; also compares every value and length."""
    found = {}
    for batch in batches:
        rows = {key: value.numpy() for key, value in batch.items()}
        assert rows["item"].shape[1] <= CROP
        assert rows["item"].size <= BUDGET
        for row, number in enumerate(rows["record"].tolist()):
            arrays = data.samples[number].arrays
            length = rows["sequence_length"][row]
            assert length == min(len(arrays["item"]), CROP)
            item, pair = rows["item"][row][:length], rows["pair"][row][:length]
            positions = range(len(arrays["item"]) - length + 1)
            (start, *_) = (at for at in positions if (arrays["item"][at : at + length] == item).all())
            np.testing.assert_array_equal(pair, arrays["pair"][start : start + length])
            found[number] = start
    return found


@pytest.mark.parametrize("name", SOURCES)
def test_each_record_occurs_once_and_starts_elsewhere_in_each_epoch(name: str, data: Data) -> None:
    dataset = make_source(name, data).read(batch_steps=BUDGET, crop=CROP, features=KEYS, seed=4)
    first, second = starts(data, dataset), starts(data, dataset)
    assert first.keys() == second.keys() == set(range(len(data.samples)))
    longer = {number for number, sample in enumerate(data.samples) if sample.length > CROP + 4}
    assert sum(first[number] != second[number] for number in longer) > 0.5 * len(longer)
    middles = [(first[number] + 0.5) / (data.samples[number].length - CROP + 1) for number in longer]
    assert 0.4 < np.mean(middles) < 0.6
    again = make_source(name, data).read(batch_steps=BUDGET, crop=CROP, features=KEYS, seed=4, shuffle=False)
    assert set(starts(data, again).values()) == {0}


def test_boundaries_beyond_the_crop_become_one(data: Data) -> None:
    assert CROP not in BOUNDARIES
    options: dict[str, Any] = {"batch_steps": BUDGET, "crop": CROP, "max_shapes": 2, "drop_remainder": True}
    for dataset in (
        lw.read_prepared(data.folders["example"], **options),
        lw.read_prepared(data.folders["block"], **options),
    ):
        steps = {batch["item"].shape[1] for batch in dataset}
        assert len(steps) == 2
        assert max(steps) == CROP


def test_other_datasets_are_cropped_with_their_labels() -> None:
    steps = tf.ragged.range([3, 9, 2, 30])
    elements = tf.data.Dataset.from_tensor_slices(({"x": steps}, steps))
    batches = elements.repeat(50).apply(lw.batch_by_steps(40, crop=4, boundaries=[2, 64], max_shapes=2, window=40))
    crops = set()
    for features, labels, weights in batches.as_numpy_iterator():
        assert features["x"].shape in ((8, 4), (16, 2))
        np.testing.assert_array_equal(features["x"] * (weights > 0), labels * (weights > 0).astype(int))
        crops |= {(int(row[0]), int(row[-1])) for row, weight in zip(labels, weights, strict=True) if weight.all()}
    assert {first for first, last in crops if last - first == 3} >= {*range(6), 20}
