"""`steps_per_epoch` is the number of batches of an epoch, or close to it, for every kind of data."""

from typing import Any

import pytest

import lengthwise as lw
from feed.conftest import Data, make_source
from feed.samples import all_columns
from lengthwise.errors import ConfigError
from records.messages import write_records

BUDGET = 192  # padded steps: some forty batches


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("example", {}),
        ("example", {"num_shards": 2}),
        ("block", {}),
        ("block", {"pack": 40}),
        ("raw", {}),
        ("raw", {"num_shards": 2}),
    ],
    ids=str,
)
def test_it_is_about_the_number_of_batches(name: str, options: dict[str, int], data: Data) -> None:
    dataset = make_source(name, data).read(batch_steps=BUDGET, **options)
    estimate, count = lw.steps_per_epoch(dataset), sum(1 for _ in dataset)
    assert count > 15
    if name == "example":
        assert estimate == count == len(dataset)
    else:
        assert abs(estimate - count) <= 0.1 * count


def test_it_is_that_of_one_epoch_of_endless_data(data: Data) -> None:
    for name in ("example", "raw"):
        once, endless = (make_source(name, data).read(batch_steps=BUDGET, epochs=epochs) for epochs in (1, None))
        assert lw.steps_per_epoch(once) == lw.steps_per_epoch(endless)


def test_other_splits_do_not_count(data: Data) -> None:
    job = {
        "inputs": {"files": data.files},
        "columns": [lw.sequence_numeric_column("value")],
        "splits": {"fractions": {"train": 0.7, "eval": 0.3}},
    }
    numbers = [lw.steps_per_epoch(lw.read_raw(job, split, batch_steps=BUDGET)) for split in ("train", "eval")]
    assert abs(numbers[0] / sum(numbers) - 0.7) < 0.05


@pytest.mark.parametrize("made", ["mapped", "invalid", "none of ours"])
def test_an_unknown_number_is_an_error(made: str, data: Data, tmp_path: Any) -> None:
    dataset: Any = [1, 2]
    if made == "mapped":
        dataset = make_source("block", data).read(batch_steps=BUDGET).take(3)
    elif made == "invalid":
        path = write_records(tmp_path / "bad.tfrecord", [b"\xff\xff"] * 9)
        dataset = lw.read_raw(path, columns=all_columns(), batch_size=4, on_invalid="skip")
    with pytest.raises(ConfigError, match="dataset: (expected the dataset of a reader|the lengths are unknown)"):
        lw.steps_per_epoch(dataset)
