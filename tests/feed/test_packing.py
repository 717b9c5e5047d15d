"""`pack`: several sequences in each row. All layouts and raw files yield the same, each sequence once."""

from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lengthwise as lw
from feed.conftest import Data, make_source
from feed.samples import LONGEST, all_columns
from lengthwise.config import Buckets, Inputs, JobConfig, Output, Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed import read_prepared, read_raw
from lengthwise.feed.batching.first_fit import first_fit
from lengthwise.job import run
from records.messages import sequence_example, write_records

T = 64
SEQUENCES = ("count", "item", "pair", "tag_weight", "tags", "value", "word")
CONTEXT = ("name", "record", "w", "y")


def unpacked(batch: dict[str, Any]) -> list[dict[str, np.ndarray]]:
    """The sequences of a packed batch, by its `segment_ids`."""
    found = []
    for row in range(len(batch["segment_ids"])):
        segments = batch["segment_ids"][row]
        for number in range(1, segments.max(initial=0) + 1):
            steps = np.flatnonzero(segments == number)
            found.append(
                {key: batch[key][row][steps] for key in (*SEQUENCES, "positions")}
                | {key: batch[key][row][number - 1] for key in (*CONTEXT, "sequence_length")}
            )
    return found


@pytest.fixture(scope="module")
def batches(data: Data) -> Any:
    """The batches of each source, read once."""
    read: dict[str, list[dict[str, np.ndarray]]] = {}

    def get(name: str) -> list[dict[str, np.ndarray]]:
        if name not in read:
            read[name] = list(make_source(name, data).read(batch_steps=8 * T, pack=T, seed=3).as_numpy_iterator())
        return read[name]

    return get


@pytest.mark.parametrize("name", ["example", "block", "raw"])
def test_every_sequence_occurs_once_complete_and_with_its_context(name: str, batches: Any, data: Data) -> None:
    found = {int(sequence["record"]): sequence for batch in batches(name) for sequence in unpacked(batch)}
    assert sum(len(unpacked(batch)) for batch in batches(name)) == len(found) == len(data.samples)
    for sample in data.samples:
        sequence = found[sample.context["record"]]
        for key, values in sample.arrays.items():
            np.testing.assert_array_equal(sequence[key], values)
        np.testing.assert_array_equal(sequence["positions"], np.arange(sample.length))
        assert sequence["sequence_length"] == sample.length
        assert (sequence["y"], sequence["w"]) == (
            np.float32(sample.context["y"]),
            np.float32(sample.context.get("w", 1.0)),
        )


@pytest.mark.parametrize("name", ["example", "block", "raw"])
def test_batches_have_one_shape_and_almost_no_padding(name: str, batches: Any) -> None:
    shapes = {tuple((key, value.shape) for key, value in sorted(batch.items())) for batch in batches(name)}
    assert len(shapes) == 1
    (shape,) = shapes
    sizes = dict(shape)
    segments = sizes["record"][1]
    assert segments % 8 == 0
    assert sizes["item"] == sizes["segment_ids"] == (8, T)
    assert sizes["pair"] == (8, T, 2)
    assert (sizes["name"], sizes["sequence_length"]) == ((8, segments, 2), (8, segments))
    real = [int(batch["sequence_length"].sum()) for batch in batches(name)]
    assert 8 * T * (len(real) - 1) / sum(real[:-1]) < 1.03  # the last batch is filled up
    for batch in batches(name):
        padding = batch["segment_ids"] == 0
        assert (np.diff(padding.astype(int)) >= 0).all()  # at the end of each row
        assert (batch["positions"][padding] == 0).all()
        assert (batch["item"][padding] == -1).all() or (batch["item"][padding] == 0).all()


def test_labels_and_weights_of_steps_and_of_sequences(data: Data) -> None:
    def read(**options: Any) -> Any:
        dataset = read_prepared(data.folders["block"], "train", batch_steps=8 * T, pack=T, **options)
        return next(dataset.as_numpy_iterator())

    features, labels, weights = read(next_step="item")
    segments, items = features["segment_ids"], features["item"]
    same = (segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] > 0)
    np.testing.assert_array_equal(weights, np.pad(same, [(0, 0), (0, 1)]))
    np.testing.assert_array_equal(labels[:, :-1][same], items[:, 1:][same])

    features, labels, weights = read(labels="value", sample_weight="w", features=["item", "w", "segment_ids"])
    assert labels.shape == (8, T, 1)
    for row, segments in enumerate(features["segment_ids"]):
        expected = [features["w"][row][number - 1] if number else 0 for number in segments]
        np.testing.assert_array_equal(weights[row], expected)

    features, labels, weights = read(labels="y", features=["item", "sequence_length"])
    assert set(features) == {"item", "sequence_length"}
    assert labels.shape == (*weights.shape, 1)
    np.testing.assert_array_equal(weights, features["sequence_length"] > 0)


def test_the_seed_sets_the_order_and_each_epoch_differs(data: Data) -> None:
    def order(**options: Any) -> list[list[int]]:
        dataset = read_prepared(
            data.folders["block"], "train", batch_steps=8 * T, pack=T, features=["record"], **options
        )
        return [batch["record"].tolist() for batch in dataset.as_numpy_iterator()]

    once = order(seed=1)
    assert once != order(seed=2)
    twice = order(seed=1, epochs=2)
    assert twice[: len(once)] == once != twice[len(once) :]
    assert Counter(np.ravel(twice)) == {number: 2 * n for number, n in Counter(np.ravel(once)).items()}


def test_a_saved_iterator_continues_with_the_next_batch(data: Data, tmp_path: Any) -> None:
    dataset = read_prepared(data.folders["example"], "train", batch_steps=4 * T, pack=T, features=["record"])
    iterator, resumed = iter(dataset), iter(dataset)
    for _ in range(3):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "at"))
    tf.train.Checkpoint(iterator=resumed).restore(path)
    rest = [batch["record"].numpy().tolist() for batch in iterator]
    assert len(rest) > 3
    assert [batch["record"].numpy().tolist() for batch in resumed] == rest


def test_rows_contain_at_most_segments_sequences(data: Data) -> None:
    dataset = read_prepared(data.folders["block"], "train", batch_size=16, pack=T, segments=3, drop_remainder=True)
    for batch in dataset.as_numpy_iterator():
        assert batch["record"].shape == (16, 3)
        assert batch["segment_ids"].max() <= 3


def test_long_sequences_are_truncated_if_the_job_truncated_them(data: Data, tmp_path: Any) -> None:
    config = JobConfig(
        inputs=Inputs(files=tuple(data.files)),
        columns=tuple(all_columns()),
        sequences=Sequences(over_long="truncate_left"),
        buckets=Buckets(boundaries=(LONGEST,)),
        output=Output(path=str(tmp_path / "cut"), layout="block"),
    )
    run(config, workers=1)
    found = read_prepared(tmp_path / "cut", "train", batch_size=8, pack=16, segments=16)
    rows = {int(sequence["record"]): sequence for batch in found.as_numpy_iterator() for sequence in unpacked(batch)}
    assert len(rows) == len(data.samples)
    for sample in data.samples:
        for key, values in sample.arrays.items():
            np.testing.assert_array_equal(rows[sample.context["record"]][key], values[-16:])


def test_long_raw_sequences_follow_the_policy(data: Data) -> None:
    def read(**sequences: str) -> Any:
        job = {"inputs": {"files": data.files}, "columns": all_columns(), "sequences": sequences}
        return read_raw(job, batch_size=8, pack=16, features=["sequence_length"])

    lengths = [batch["sequence_length"].ravel() for batch in read(over_long="truncate_right").as_numpy_iterator()]
    lengths = np.concatenate(lengths)
    assert sorted(lengths[lengths > 0]) == sorted(min(sample.length, 16) for sample in data.samples)
    with pytest.raises(tf.errors.InvalidArgumentError, match="over_long"):
        list(read())
    with pytest.raises(ConfigError, match=r"sequences\.empty: expected 'reject' with pack"):
        read(empty="keep")


class Transformer:
    """A block of attention with the same layers for packed and for unpacked rows."""

    def __init__(self, columns: Any) -> None:
        self.steps = lw.SequenceFeatures(columns, embedding_dim=4, context=["y"])
        self.project = keras.layers.Dense(8)
        self.positions = keras.layers.Embedding(T, 8)
        self.attend = keras.layers.MultiHeadAttention(2, 4)
        self.out = keras.layers.Dense(3)

    def packed(self, features: Any, *, causal: bool) -> Any:
        x = self.project(self.steps(features)) + self.positions(features["positions"])
        x += self.attend(x, x, attention_mask=lw.SegmentMask(causal=causal)(features["segment_ids"]))
        return self.out(lw.SegmentPooling("mean")([x, features["sequence_length"]]))

    def unpacked(self, features: Any, *, causal: bool) -> Any:
        valid = tf.sequence_mask(features["sequence_length"])
        x = self.project(self.steps(features)) + self.positions(tf.range(tf.shape(valid)[1]))
        x += self.attend(x, x, attention_mask=valid[:, None, :], use_causal_mask=causal)
        return self.out(keras.layers.GlobalAveragePooling1D()(x, mask=valid))


@pytest.mark.parametrize("causal", [False, True])
def test_a_transformer_gives_each_sequence_the_same_packed_and_unpacked(causal: bool, batches: Any, data: Data) -> None:
    model = Transformer(lw.open(data.folders["block"]).columns)
    alone = {}
    for batch in read_prepared(data.folders["block"], "train", batch_size=100):
        outputs = model.unpacked(batch, causal=causal).numpy()
        alone |= dict(zip(batch["record"].numpy().tolist(), outputs, strict=True))
    compared = 0
    for batch in batches("block"):
        outputs, real = model.packed(batch, causal=causal).numpy(), batch["sequence_length"] > 0
        for record, vector in zip(batch["record"][real].tolist(), outputs[real], strict=True):
            np.testing.assert_allclose(vector, alone[record], rtol=2e-5, atol=2e-5)
            compared += 1
    assert compared == len(data.samples) == len(alone)


def test_a_functional_model_trains_on_packed_batches_and_an_rnn_is_refused(data: Data) -> None:
    opened = lw.open(data.folders["block"])
    columns = [opened.columns["item"], opened.columns["value"]]
    inputs = lw.inputs(columns, packed=True)
    x = keras.layers.Dense(8)(lw.SequenceFeatures(columns)(inputs)) + keras.layers.Embedding(T, 8)(inputs["positions"])
    x += keras.layers.MultiHeadAttention(2, 4)(x, x, attention_mask=lw.SegmentMask()(inputs["segment_ids"]))
    output = keras.layers.Dense(1)(lw.SegmentPooling("last")([x, inputs["sequence_length"]]))
    model = keras.Model(inputs, output)
    model.compile("adam", "mse")
    train = opened.read("train", batch_steps=8 * T, pack=T, labels="y", features=model)
    assert set(train.element_spec[0]) == {"item", "value", "sequence_length", "segment_ids", "positions"}
    stats = lw.BatchStats(verbose=False)
    history = model.fit(stats.watch(train), epochs=3, callbacks=[stats], verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert (history["distinct_shapes"], history["padding_share"][0] < 0.2) == ([1, 1, 1], True)
    loaded = keras.models.clone_model(model)
    features = next(iter(train))[0]
    assert loaded(features).shape == model(features).shape

    recurrent = keras.Sequential([lw.SequenceFeatures(columns), keras.layers.GRU(4)])
    with pytest.raises(ConfigError, match=r"'gru[_0-9]*' \(GRU\), which reads across steps"):
        recurrent(features)


REFUSED = [
    ({"batch_steps": 32}, "expected batch_steps of at least pack, 64, received 32"),
    (
        {"batch_size": 4, "pack": 16},
        "pack: expected at least 40, the longest sequence of the split 'train', received 16",
    ),
    ({"batch_size": 4, "max_shapes": 2, "labels": "y"}, "expected either pack or max_shapes: packed batches have one"),
    ({"batch_size": 4, "largest_first": True}, "expected either pack or largest_first: packed batches have one shape"),
    ({"batch_size": 4, "crop": 65}, "expected a crop of at most pack, 64, the steps of a row, received 65"),
    ({"batch_size": 4, "pack": None, "segments": 2}, "segments requires pack"),
    ({"batch_size": 4, "features": ["segment"]}, "features: expected the key of a feature"),
]


@pytest.mark.parametrize("name", ["example", "block", "raw"])
def test_crops_are_packed_from_another_position_in_each_epoch(name: str, data: Data) -> None:
    keys = ["item", "pair", "record", "sequence_length", "segment_ids"]
    dataset = make_source(name, data).read(batch_steps=8 * 16, pack=16, crop=7, features=keys, seed=4)
    epochs = []
    for _ in range(2):
        starts = {}
        for batch in dataset.as_numpy_iterator():
            for row, slot in zip(*np.nonzero(batch["sequence_length"]), strict=True):
                steps = batch["segment_ids"][row] == slot + 1
                record, item, pair = (
                    int(batch["record"][row, slot]),
                    batch["item"][row, steps],
                    batch["pair"][row, steps],
                )
                arrays, length = data.samples[record].arrays, batch["sequence_length"][row, slot]
                assert length == len(item) == min(len(arrays["item"]), 7)
                positions = range(len(arrays["item"]) - length + 1)
                (start, *_) = (at for at in positions if (arrays["item"][at : at + length] == item).all())
                np.testing.assert_array_equal(pair, arrays["pair"][start : start + length])
                assert record not in starts
                starts[record] = start
        epochs.append(starts)
    assert [set(starts) for starts in epochs] == [set(range(len(data.samples)))] * 2
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("labels", [{"labels": "y"}, {"labels": "value"}], ids=["of sequences", "of steps"])
@pytest.mark.parametrize("masked", [True, False])
def test_even_weights_give_each_sequence_or_step_the_same_influence(data: Data, labels: Any, masked: bool) -> None:
    keys = ["sequence_length", "segment_ids"]
    dataset = read_prepared(
        data.folders["block"], batch_steps=4 * T, pack=T, features=keys, even_weights=True, output_mask=masked, **labels
    )
    factors, positions = [], 0
    for features, targets, weights in dataset:
        real = features["sequence_length"] > 0 if labels["labels"] == "y" else features["segment_ids"] > 0
        outputs = tf.zeros_like(targets)
        if masked:
            outputs._keras_mask = real
        loss = keras.losses.MeanSquaredError()(targets, outputs, sample_weight=weights)
        factors.append(float(loss / tf.reduce_sum(tf.where(real[..., None], targets**2, 0))))
        positions += int(tf.math.count_nonzero(real))
    np.testing.assert_allclose(factors, factors[0], rtol=1e-4)
    assert factors[0] == pytest.approx(len(factors) / positions, rel=0.1)


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_incompatible_options_are_refused(options: dict[str, Any], message: str, data: Data) -> None:
    with pytest.raises(ConfigError) as error:
        read_prepared(data.folders["block"], "train", **{"pack": T, **options})
    assert message in str(error.value)


def test_keys_that_packed_batches_add_are_refused(tmp_path: Any) -> None:
    path = write_records(tmp_path / "raw", [sequence_example({"positions": [1.0]})])
    with pytest.raises(ConfigError, match="pack: expected columns of other keys than 'segment_ids' and 'positions'"):
        read_raw(path, columns=[lw.sequence_numeric_column("positions")], batch_size=2, pack=8)


FIRST_FIT = tf.function(
    first_fit, input_signature=[tf.TensorSpec([None], tf.int64), *[tf.TensorSpec([], tf.int32)] * 2]
)


@given(
    lengths=st.lists(st.integers(1, 20), max_size=60),
    capacity=st.integers(20, 64),
    max_sequences=st.integers(1, 9),
)
@example(lengths=[20] * 5, capacity=20, max_sequences=1)
@settings(max_examples=60)
def test_each_sequence_is_in_the_first_row_that_has_room_for_it(
    lengths: list[int], capacity: int, max_sequences: int
) -> None:
    ordered = sorted(lengths, reverse=True)
    expected, room = [], []
    for length in ordered:
        row = next((i for i, (left, count) in enumerate(room) if left >= length and count < max_sequences), len(room))
        room[row : row + 1] = [
            (left - length, count + 1) for left, count in [room[row] if row < len(room) else (capacity, 0)]
        ]
        expected.append(row)
    found = FIRST_FIT(tf.constant(ordered, tf.int64), tf.constant(capacity), tf.constant(max_sequences))
    assert found.numpy().tolist() == expected


def test_packing_of_log_normal_lengths_leaves_less_than_1_percent_of_padding() -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(np.log(25), 0.9, 20_000).astype(int) + 1, 1, 512)
    rows = first_fit(tf.constant(np.sort(lengths)[::-1], tf.int64), 512, 56).numpy()
    assert (rows.max() + 1) * 512 / lengths.sum() < 1.01
