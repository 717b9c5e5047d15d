"""Labels, weights, shifted targets and a limited number of shapes: the inputs of `fit`."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import lengthwise as lw
from feed.conftest import BOUNDARIES, Data, Source, make_source
from lengthwise.errors import ConfigError

BUDGET = 256


def test_context_labels_and_weights(every_source: Source, data: Data) -> None:
    for features, labels, weights in every_source.read(batch_steps=BUDGET, labels="y", sample_weight="w").take(3):
        numbers = features["record"].numpy()
        np.testing.assert_array_equal(labels, numbers % 7)
        np.testing.assert_array_equal(weights, np.where(numbers % 5, 0.5, 1.0))
        assert {"y", "w"}.isdisjoint(features)


def test_labels_alone_have_no_weights(source: Source) -> None:
    assert len(next(iter(source.read(batch_steps=BUDGET, labels="y")))) == 2


def test_several_labels_are_a_dict(source: Source) -> None:
    _, labels = next(iter(source.read(batch_steps=BUDGET, labels=["y", "w"])))
    assert sorted(labels) == ["w", "y"]


@pytest.mark.parametrize(("weight", "factor"), [(None, 1.0), ("w", "w"), ("count", "count")])
def test_weights_of_labels_of_steps_are_zero_on_padding(data: Data, weight: str | None, factor: float | str) -> None:
    source = make_source("example", data)
    unsplit = next(iter(source.read(batch_steps=BUDGET, seed=4)))
    features, labels, weights = next(
        iter(source.read(batch_steps=BUDGET, seed=4, labels="value", sample_weight=weight))
    )
    mask = np.arange(unsplit["value"].shape[1]) < unsplit["sequence_length"].numpy()[:, None]
    scale = unsplit[factor].numpy().astype(np.float32) if isinstance(factor, str) else np.float32(factor)
    np.testing.assert_array_equal(labels, unsplit["value"][:, :, None])
    np.testing.assert_array_equal(weights, mask * (scale[:, None] if scale.ndim == 1 else scale))
    assert "value" not in features


def test_next_step_gives_shifted_ids(source: Source, data: Data) -> None:
    for features, labels, weights in source.read(batch_steps=BUDGET, next_step="item").take(3):
        for row, number in enumerate(features["record"].numpy().tolist()):
            items = data.samples[number].arrays["item"]
            np.testing.assert_array_equal(features["item"][row, : len(items)], items)
            np.testing.assert_array_equal(labels[row, : len(items) - 1], items[1:])
            np.testing.assert_array_equal(weights[row], np.arange(labels.shape[1]) < len(items) - 1)


@pytest.mark.parametrize("fate", ["filled", "dropped"])
def test_shapes_are_bounded(source: Source, data: Data, fate: str) -> None:
    raw = {"boundaries": BOUNDARIES} if source.name in ("raw", "flat") else {}
    options = {"labels": "y"} if fate == "filled" else {"labels": "y", "drop_remainder": True}
    batches = list(source.read(batch_steps=BUDGET, max_shapes=4, window=200, **options, **raw))
    assert len({tuple(batch[0]["item"].shape) for batch in batches}) <= 4
    if fate == "dropped":
        return
    real = [features["record"].numpy()[weights.numpy() > 0].tolist() for features, _, weights in batches]
    assert sorted(number for batch in real for number in batch) == list(range(len(data.samples)))
    for features, _, weights in batches:
        assert set(weights.numpy().tolist()) <= {0.0, 1.0}
        assert set(features["sequence_length"].numpy()[weights.numpy() == 0].tolist()) <= {1}


def test_fillers_do_not_disturb_training(source: Source) -> None:
    """Rows without steps would: their mean is NaN, with any weight."""
    raw = {"boundaries": BOUNDARIES} if source.name in ("raw", "flat") else {}
    kept = ["value", "sequence_length"]
    batches = source.read(batch_steps=BUDGET, max_shapes=4, labels="y", features=kept, window=200, **raw)
    inputs = lw.SequenceFeatures([lw.sequence_numeric_column("value")], return_lengths=False)
    model = keras.Sequential([inputs, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(batches, verbose=0).history["loss"]).all()


def test_an_over_long_sequence_gets_a_separate_batch_on_request(source: Source, data: Data) -> None:
    batches = list(source.read(batch_steps=24, over_budget="alone"))
    assert sum(batch["record"].shape[0] for batch in batches) == len(data.samples)
    assert all(rows == 1 or rows * steps <= 24 for rows, steps in (batch["item"].shape for batch in batches))


def test_an_over_long_sequence_is_an_error_otherwise(source: Source) -> None:
    with pytest.raises(Exception, match="batch_steps.*over_budget=.*alone"):
        list(source.read(batch_steps=24))


WRONG = {
    "no batch size": ({}, "expected either batch_steps"),
    "two batch sizes": ({"batch_steps": 64, "batch_size": 8}, "expected either batch_steps"),
    "an unknown option": ({"batch_size": 8, "sede": 1}, "sede"),
    "an unknown label": ({"batch_size": 8, "labels": "z"}, "labels: expected the key of a feature .*received 'z'"),
    "an unknown feature": ({"batch_size": 8, "features": ["z"]}, "features: expected the key of a feature"),
    "a shifted number": ({"batch_size": 8, "next_step": "value"}, "next_step: expected the key"),
    "two kinds of label": ({"batch_size": 8, "labels": "y", "next_step": "item"}, "either labels or next_step"),
    "labels of steps and of records": ({"batch_size": 8, "labels": ["y", "item"]}, "either sequences or context"),
    "weights without labels": ({"batch_size": 8, "sample_weight": "w"}, "requires labels"),
    "an index too high": ({"batch_size": 8, "num_shards": 2, "index": 2}, "expected an index below num_shards"),
    "fillers without weights": ({"batch_size": 8, "max_shapes": 4}, "which needs labels"),
    "weights of steps for labels of records": (
        {"batch_size": 8, "labels": "y", "sample_weight": "value"},
        "expected a context feature",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_options_are_named(data: Data, name: str) -> None:
    options, text = WRONG[name]
    with pytest.raises(ConfigError, match=text):
        make_source("example", data).read(**options)


@pytest.mark.parametrize("value", ["error", "Raise", "examples", None])
def test_unknown_choices_are_refused(data: Data, value: Any) -> None:
    columns = [lw.sequence_numeric_column("value")]
    with pytest.raises(ConfigError, match=rf"on_invalid: expected 'r?\w+' or 's?\w+', received {value!r}"):
        lw.read_raw(data.files, columns=columns, batch_size=8, on_invalid=value)


def test_paths_may_be_path_objects(data: Data) -> None:
    folder, raw = Path(data.folders["example"]), Path(data.files[0])
    assert lw.load_manifest(folder).layout == "example"
    assert len(list(lw.read_prepared(folder, batch_size=512))) > 0
    assert (
        len(list(lw.read_raw(raw, columns=[lw.sequence_numeric_column("value")], batch_size=512, on_invalid="skip")))
        > 0
    )


def test_too_few_shapes_are_refused(data: Data) -> None:
    with pytest.raises(ConfigError, match="expected at least 4, one for each bucket"):
        make_source("example", data).read(batch_size=8, max_shapes=3, drop_remainder=True)
    with pytest.raises(ConfigError, match="requires boundaries"):
        make_source("raw", data).read(batch_size=8, max_shapes=3, drop_remainder=True)
