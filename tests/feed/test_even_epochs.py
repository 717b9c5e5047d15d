"""Each epoch has the same number of batches, known in advance for prepared data, and each record once."""

import warnings
from typing import Any

import keras
import pytest

import lengthwise as lw
from feed.conftest import Data, make_source

BUDGET = 256


@pytest.mark.parametrize(
    "options",
    [
        {"batch_steps": BUDGET},
        {"batch_steps": BUDGET, "window": 200},
        {"batch_steps": BUDGET, "window": 20},  # windows of few rows, so that some batches have one row
        {"batch_steps": BUDGET, "window": 64, "shuffle": False},
        {"batch_steps": BUDGET, "window": 64, "crop": 12},
        {"batch_size": 9, "window": 64},
        {"batch_steps": 2000, "window": 64},  # a window has no full batch
        {"batch_steps": 20, "window": 64, "over_budget": "alone"},
        {"batch_steps": BUDGET, "window": 64, "max_shapes": 3, "labels": "y"},
        {"batch_steps": BUDGET, "window": 64, "max_shapes": 3, "drop_remainder": True},
        {"batch_steps": BUDGET, "pack": 64},
    ],
    ids=str,
)
def test_the_number_of_batches_is_known_and_constant(options: dict[str, Any], data: Data) -> None:
    folder = data.folders["block"]
    dataset = lw.read_prepared(folder, "train", epochs=3, features=("record", "sequence_length", "item"), **options)
    assert lw.steps_per_epoch(dataset) * 3 == len(dataset)
    batches = [batch if isinstance(batch, dict) else batch[0] for batch in dataset]
    assert len(batches) == len(dataset)
    for epoch in (batches[: len(batches) // 3], batches[-(len(batches) // 3) :]):
        found = [n for batch in epoch for n in batch["record"][batch["sequence_length"] > 0].numpy().tolist()]
        if "max_shapes" in options:  # full batches of few shapes: filled up, or some dropped
            assert len({(tuple(batch["item"].shape)) for batch in epoch}) <= 3
        elif "batch_steps" in options and "over_budget" not in options:
            assert max(batch["item"].shape[0] * batch["item"].shape[1] for batch in epoch) <= options["batch_steps"]
        if "drop_remainder" in options:
            assert len(set(found)) == len(found)
        else:
            assert set(found) == set(range(len(data.samples)))
            assert len(found) == len(data.samples) or "max_shapes" in options


def test_a_batch_size_alone_gives_the_minimum_number_of_batches(data: Data) -> None:
    for size, window in [(10, 64), (7, 64), (10, None)]:
        assert len(lw.read_prepared(data.folders["block"], batch_size=size, window=window)) == -(-700 // size)


@pytest.mark.parametrize("options", [{"num_shards": 2}, {"mix": {"*": 0.5}}, {"on_damage": "skip"}], ids=str)
def test_the_number_is_unknown_if_the_lengths_are(options: dict[str, Any], data: Data) -> None:
    if "mix" in options:
        options = {"mix": {data.folders["block"]: 0.5}}
    dataset = lw.read_prepared(data.folders["block"], batch_steps=BUDGET, window=64, **options)
    assert int(dataset.cardinality()) < 0


def test_epochs_of_raw_files_have_equal_numbers_of_batches(data: Data) -> None:
    dataset = make_source("raw", data).read(batch_steps=BUDGET, window=64, seed=5)
    counts, orders = zip(*((len(b), b[0]["record"][0]) for b in [list(dataset) for _ in range(3)]), strict=True)
    assert len(set(counts)) == 1
    assert len({int(first) for first in orders}) > 1


def test_keras_does_not_warn(data: Data) -> None:
    train, valid = (
        lw.read_prepared(
            data.folders["block"], batch_steps=BUDGET, labels="y", features=("value", "sequence_length"), **o
        )
        for o in ({"window": 64}, {"shuffle": False})
    )
    columns = [lw.sequence_numeric_column("value")]
    model = keras.Sequential(
        [lw.SequenceFeatures(columns), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    trained: list[int] = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: trained.append(batch))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Your input ran out of data")
        model.fit(train, validation_data=valid, epochs=3, verbose=0, callbacks=[count])
    assert len(trained) == 3 * len(train)
