"""Records of several lengths: a source, a target and a context, and the expected contents of batches."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lengthwise as lw
from records.messages import sequence_example, write_records

SOUNDS = ("a", "b", "c")
COLUMNS = (
    lw.sequence_categorical_column_with_identity("letters", 9, group="source"),
    lw.sequence_numeric_column("point", shape=(2,), default_value=-1.0, group="source"),
    lw.sequence_categorical_column_with_vocabulary_list("sounds", SOUNDS, oov="zero", group="target"),
    lw.sequence_numeric_column("pause", required=False, group="extra"),
    lw.context_column("number", dtype="int64"),
)
GROUPS = {"letters": "source", "point": "source", "sounds": "target", "pause": "extra"}
PADDING = {"letters": 0, "point": -1.0, "sounds": 0, "pause": 0.0}
BUDGET = 128
Row = dict[str, list[Any]]


def make_record(rng: random.Random, number: int) -> tuple[bytes, Row]:
    """A record, and its expected values in batches."""
    letters = rng.randrange(1, 13)
    raw = {
        "letters": [rng.randrange(9) for _ in range(letters)],
        "point": [[float(rng.randrange(9)), float(step)] for step in range(letters)],
        "sounds": [rng.choice(SOUNDS) for _ in range(rng.randrange(1, 9))],
        "pause": [float(step) for step in range(rng.randrange(0, 3))],
    }
    if number % 5 == 0:
        del raw["pause"]
    kept = {
        "letters": raw["letters"][-8:],  # truncate_left
        "point": raw["point"][-8:],
        "sounds": [SOUNDS.index(sound) for sound in raw["sounds"]],
        "pause": raw.get("pause", []),
    }
    return sequence_example(
        {key: [[v] if key != "point" else v for v in raw[key]] for key in raw}, {"number": number}
    ), kept


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[int, Row], Path]:
    """A job, the expected values of its valid records, and its folder."""
    folder, rng = tmp_path_factory.mktemp("groups"), random.Random(4)
    records = [make_record(rng, number) for number in range(300)]
    for part in range(2):
        write_records(folder / f"{part}.tfrecord", [record for record, _ in records[part::2]])
    rules = {
        "source": {"over_long": "truncate_left"},
        "target": {"max_length": 7},  # longer ones are rejected
        "extra": {"empty": "keep"},
    }
    job = {
        "inputs": {"files": str(folder / "*.tfrecord")},
        "columns": COLUMNS,
        "buckets": {"boundaries": [4, 8]},
        "sequences": {"groups": rules},
        "limits": {"rejected_fraction": 0.5},
    }
    valid = {number: row for number, (_, row) in enumerate(records) if len(row["sounds"]) <= 7}
    assert 200 < len(valid) < 300
    return job, valid, folder


@pytest.fixture(scope="session")
def data_sets(made: Any) -> dict[str, Any]:
    job, _, folder = made
    return {
        layout: lw.prepare({**job, "output": {"path": str(folder / layout), "layout": layout}}, workers=1)
        for layout in ("block", "example")
    }


def check_batch(batch: dict[str, np.ndarray], found: dict[int, Row], weights: dict[str, int]) -> None:
    """Checks shapes, padding and the budget; adds the batch's values of each record to `found`."""
    steps = {"source": batch["letters"].shape[1], "target": batch["sounds"].shape[1], "extra": batch["pause"].shape[1]}
    assert batch["point"].shape[1] == steps["source"]
    rows = len(batch["number"])
    assert rows * sum(weights.get(group, 1) * count for group, count in steps.items()) <= BUDGET
    for row, number in enumerate(batch["number"].tolist()):
        found[number] = {}
        for key, group in GROUPS.items():
            length = batch[f"{group}_sequence_length"][row]
            assert (batch[key][row, length:] == PADDING[key]).all()
            found[number][key] = batch[key][row, :length].tolist()
