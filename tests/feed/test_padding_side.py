"""`padding="left"`: the batches with padding on the right, each row shifted; a masked model yields the same."""

import os
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import BOUNDARIES, Data, make_source
from feed.samples import all_columns
from lengthwise.errors import ConfigError

SEQUENCES = ("count", "item", "pair", "tag_weight", "tags", "value", "word")
FEATURES: dict[str, Any] = {}
LABELS: dict[str, Any] = {
    "crop": 6,
    "labels": "value",
    "sample_weight": "w",
    "features": [*SEQUENCES, "sequence_length"],
}
NEXT: dict[str, Any] = {"next_step": "item", "max_shapes": 4}
CASES = [
    *(("example", options) for options in (FEATURES, LABELS, NEXT)),
    *(("block", options) for options in (LABELS, NEXT)),
    ("raw", {**NEXT, "boundaries": BOUNDARIES}),
]
BUDGET = 320


def shifted(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The rows, their padding moved from the right to the left."""
    return np.stack([np.roll(row, len(row) - length, axis=0) for row, length in zip(values, lengths, strict=True)])


def parts(batch: Any) -> tuple[Any, Any, Any]:
    return batch if isinstance(batch, tuple) else (batch, None, None)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_batches_equal_those_with_padding_on_the_right_shifted(name: str, options: dict[str, Any], data: Data) -> None:
    read = {
        side: list(
            make_source(name, data).read(batch_steps=BUDGET, seed=2, padding=side, **options).as_numpy_iterator()
        )
        for side in ("right", "left")
    }
    assert len(read["right"]) == len(read["left"]) > 5
    for right, left in zip(read["right"], read["left"], strict=True):
        (features, labels, weights), (moved, moved_labels, moved_weights) = parts(right), parts(left)
        lengths = features["sequence_length"]
        for key, values in features.items():
            expected = shifted(values, lengths) if key in SEQUENCES else values
            np.testing.assert_array_equal(moved[key], expected, err_msg=key)
        if weights is None:
            continue
        if "next_step" in options:
            # The last step has no label: with padding on the left it is the last of the row.
            real = moved_weights > 0
            rows, steps = np.nonzero(real)
            assert (steps < moved["item"].shape[1] - 1).all()
            np.testing.assert_array_equal(moved_labels[rows, steps], moved["item"][rows, steps + 1])
            np.testing.assert_array_equal(moved_weights, shifted(weights, lengths))
        else:
            np.testing.assert_array_equal(moved_labels, shifted(labels, lengths))
            np.testing.assert_array_equal(moved_weights, shifted(weights, lengths))


def test_other_datasets_and_their_labels_are_shifted() -> None:
    steps = tf.ragged.range([3, 1, 5, 2, 4])
    elements = tf.data.Dataset.from_tensor_slices(({"x": steps}, steps, [1.0, 2.0, 3.0, 4.0, 5.0]))

    def read(padding: Any) -> list[Any]:
        batch = lw.batch_by_steps(
            12, padding=padding, padding_values=({"x": -1}, -2), multiple_of=1, boundaries=[3, 6], max_shapes=2
        )
        return list(elements.apply(batch).as_numpy_iterator())

    for right, left in zip(read("right"), read("left"), strict=True):
        lengths = right[0]["sequence_length"]
        np.testing.assert_array_equal(left[0]["sequence_length"], lengths)
        for values, moved in zip((right[0]["x"], *right[1:]), (left[0]["x"], *left[1:]), strict=True):
            np.testing.assert_array_equal(moved, shifted(values, lengths))


class Masked(keras.Model):
    """Embeddings, a GRU that reads the mask, and attention at positions counted from each sequence's start."""

    def __init__(self, columns: Any, padding: Any, twin: "Masked | None" = None) -> None:
        super().__init__()
        self.steps = lw.SequenceFeatures(columns, embedding_dim=4, context=["y"], padding=padding)
        self.positions = keras.layers.Embedding(64, 6) if twin is None else twin.positions
        self.project = keras.layers.Dense(6) if twin is None else twin.project
        self.attend = keras.layers.MultiHeadAttention(2, 3) if twin is None else twin.attend
        self.recur = keras.layers.GRU(5) if twin is None else twin.recur

    def call(self, features: Any) -> Any:
        steps = self.steps(features)
        mask = self.steps.compute_mask(features)
        positions = keras.ops.maximum(keras.ops.cumsum(keras.ops.cast(mask, "int32"), axis=1) - 1, 0)
        x = self.project(steps) + self.positions(positions)
        x += self.attend(x, x, attention_mask=mask[:, None, :], use_causal_mask=True)
        return self.recur(x, mask=mask)


def test_a_masked_model_predicts_the_same_in_training_and_served(data: Data, tmp_path: Any) -> None:
    opened = lw.open(data.folders["example"])
    columns = opened.columns.without("name", "record", "w", "device", "topics")
    right = Masked(columns, "right")
    batches = {side: next(iter(opened.read("train", batch_size=24, padding=side))) for side in ("right", "left")}
    assert not np.array_equal(batches["right"]["item"], batches["left"]["item"])
    expected = right(batches["right"]).numpy()
    left = Masked(columns, "left", right)
    left(batches["left"])
    left.set_weights(right.get_weights())
    np.testing.assert_allclose(left(batches["left"]), expected, rtol=1e-4, atol=1e-5)

    records = tf.constant([data.samples[number].sequence_example() for number in batches["left"]["record"].numpy()])
    path = os.path.join(tmp_path, "served")
    lw.export(left, opened, path)
    [served] = tf.saved_model.load(path).signatures["serving_default"](records=records).values()
    np.testing.assert_allclose(served, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="padding: expected 'left', as in a SequenceFeatures layer of the model"):
        opened.serving_fn(left, padding="right")
    with pytest.raises(ConfigError, match="padding: expected 'left', as in a SequenceFeatures layer of the model"):
        opened.read("train", batch_size=8, features=left)

    class Derived(lw.SequenceFeatures):  # type: ignore[misc, valid-type]
        pass

    derived = keras.Sequential([Derived(columns, embedding_dim=4, padding="left")])
    with pytest.raises(ConfigError, match="padding: expected 'left', as in a SequenceFeatures layer of the model"):
        opened.serving_fn(derived, padding="right")
    batch = opened.read("train", batch_size=8, padding="left", features=left, labels="y")
    assert {"item", "sequence_length"} < set(batch.element_spec[0])


def test_the_padding_of_a_model_without_our_layers_is_an_argument(data: Data) -> None:
    item = keras.Input([None], dtype="int64", name="item")
    model = keras.Model({"item": item}, keras.layers.Embedding(1000, 1)(item))
    records = tf.constant([data.samples[number].sequence_example() for number in range(9)])
    right, left = (
        lw.serving_fn(model, all_columns(), padding=side).features(records)["item"].numpy() for side in (None, "left")
    )
    lengths = np.array([sample.length for sample in data.samples[:9]])
    np.testing.assert_array_equal(left, shifted(right, lengths))
    with pytest.raises(ConfigError, match="padding: expected 'right' or 'left', received 'both'"):
        lw.serving_fn(model, all_columns(), padding="both")  # type: ignore[arg-type]


def test_incompatible_options_are_refused(data: Data) -> None:
    with pytest.raises(ConfigError, match="expected either pack or padding='left'"):
        lw.read_prepared(data.folders["block"], batch_size=8, pack=64, padding="left")
    with pytest.raises(ConfigError, match="padding: expected"):
        lw.Options(batch_size=8, padding="pre")  # type: ignore[arg-type]
    packed = next(iter(lw.read_prepared(data.folders["block"], batch_size=8, pack=64)))
    layer = lw.SequenceFeatures(lw.open(data.folders["block"]).columns.only("value"), padding="left")
    with pytest.raises(ConfigError, match="padding: expected 'right' for packed rows"):
        layer(packed)
