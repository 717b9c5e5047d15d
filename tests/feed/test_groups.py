"""Sequences of several lengths in one record: the same batches from both layouts and from raw files, and a model."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.grouped_data import BUDGET, Row, check_batch
from lengthwise.buckets import PairHistogram, PairPlan
from lengthwise.errors import ConfigError, DatasetError
from records.messages import sequence_example, write_records


@pytest.mark.parametrize("source", ["raw", "block", "example", "both"])
@pytest.mark.parametrize(("shuffle", "weights"), [(False, {}), (True, {"target": 5, "source": 2})])
def test_batches_contain_each_record_once_within_the_budget(
    made: Any, data_sets: Any, source: str, shuffle: bool, weights: dict[str, int]
) -> None:
    job, valid, _ = made
    options: dict[str, Any] = {"batch_steps": BUDGET, "shuffle": shuffle, "seed": 3, "group_weights": weights}
    if source == "raw":
        batches = lw.read_raw(job, on_invalid="skip", **options)
    elif source == "both":
        batches = lw.open([data_sets["block"].folder, data_sets["example"].folder]).read(**options)
    else:
        batches = data_sets[source].read(**options)
    found: dict[int, Row] = {}
    count = 0
    for batch in batches.as_numpy_iterator():
        check_batch(batch, found, weights)
        count += len(batch["number"])
    assert found == valid
    assert count == len(valid) * (2 if source == "both" else 1)


def test_the_block_layout_sorts_by_both_lengths(data_sets: Any) -> None:
    """If rows were sorted only by the first length, the second would be padded as in random batches."""
    real = padded = 0
    for batch in data_sets["block"].read(batch_steps=BUDGET).as_numpy_iterator():
        padded += batch["sounds"].size
        real += int(batch["target_sequence_length"].sum())
    assert padded / real < 1.35  # 7 / 4 at random


@pytest.mark.parametrize("layout", ["block", "example"])
def test_planned_pairs_are_the_shapes_of_all_parts(made: Any, tmp_path: Path, layout: str) -> None:
    """The second part has longer sequences than the first, unknown to its plan."""
    job, valid, folder = made
    job = {
        **job,
        "buckets": {"count": 4, "max_length": 8, "multiple_of": 1, "group_weights": {"target": 3}},
        "output": {"path": str(tmp_path / "parts"), "layout": layout},
    }
    parts = [lw.prepare({**job, "inputs": {"files": str(folder / f"{n}.tfrecord")}}, part=str(n)) for n in range(2)]
    pairs = parts[0].manifest.buckets
    assert parts[1].manifest.buckets == pairs
    assert len(pairs) == 4
    assert pairs[-1] == (8, 7)
    alone = lw.prepare(job, output=tmp_path / "alike", like=str(tmp_path / "parts"))
    assert alone.manifest.buckets == pairs
    lw.verify(tmp_path / "parts")
    names = {shard.path.split("/")[1][:18] for shard in alone.manifest.shards}
    assert names <= {f"length-{first:05d}x{second:05d}" for first, second in pairs}
    expected = [next(pair for pair in pairs if _holds(pair, row)) for row in valid.values()]
    counts = [sum(shard.sequences for shard in alone.manifest.shards if shard.bucket == bucket) for bucket in range(4)]
    assert counts == [expected.count(pair) for pair in pairs]
    histogram = PairHistogram.sum([alone.manifest.pairs])
    assert histogram == PairHistogram.from_lengths(
        [[len(row["letters"]), len(row["sounds"])] for row in valid.values()]
    )
    plan = PairPlan(pairs)  # type: ignore[arg-type]
    assert plan.padded_steps(histogram)[1] == alone.manifest.totals_by_group["target"].padded_steps
    page = (tmp_path / "alike" / "report.html").read_text()
    assert "Lengths of source and target" in page
    assert page.count('class="box"') == 5  # and in the legend
    found: dict[int, Row] = {}
    shapes = set()
    for batch in lw.open(tmp_path / "parts").read(batch_steps=BUDGET).as_numpy_iterator():
        check_batch(batch, found, {})
        shapes.add((batch["letters"].shape[1], batch["sounds"].shape[1]))
    assert found == valid
    if layout == "example":
        assert shapes == set(pairs)


def _holds(pair: tuple[int, ...], row: Row) -> bool:
    return len(row["letters"]) <= pair[0] and len(row["sounds"]) <= pair[1]


def test_verify_and_totals_include_the_groups(data_sets: Any) -> None:
    for data in data_sets.values():
        lw.verify(data.folder)
        manifest = data.manifest
        assert sorted(manifest.groups) == ["extra", "target"]
        assert max(manifest.groups["target"].lengths["train"]) == 7
        for group in manifest.groups:
            lengths = manifest.groups[group].lengths["train"]
            steps = sum(shard.groups[group].steps for shard in manifest.shards)
            assert steps == sum(length * count for length, count in lengths.items())
            assert manifest.totals_by_group[group].steps == steps
        page = (Path(data.folder) / "report.html").read_text()
        assert "Padding by group" in page
        assert all(f'class="keep">{group}<' in page for group in ("source", "target", "extra"))


def test_labels_and_next_steps_are_those_of_their_group(data_sets: Any) -> None:
    for features, labels, weights in data_sets["block"].read(batch_steps=BUDGET, next_step="sounds"):
        lengths = features["target_sequence_length"].numpy()
        assert labels.shape == weights.shape == features["sounds"].shape
        following = np.concatenate([features["sounds"].numpy()[:, 1:], np.zeros([len(lengths), 1])], 1)
        assert (labels.numpy() == following).all()
        assert (weights.numpy().sum(1) == np.maximum(lengths - 1, 0)).all()
    _, labels, weights = next(iter(data_sets["example"].read(batch_steps=BUDGET, labels="point", even_weights=True)))
    assert labels.shape[:2] == weights.shape
    with pytest.raises(ConfigError, match="labels: expected labels and weights of one group, 'point' has the lengths"):
        data_sets["block"].read(batch_steps=BUDGET, labels=["point", "pause"])


def test_an_encoder_and_a_decoder_learn_and_are_served(made: Any, data_sets: Any, tmp_path: Path) -> None:
    import keras

    data, (_, valid, folder) = data_sets["block"], made
    inputs = lw.inputs(data.columns.only("letters", "sounds"))
    assert {"source_sequence_length", "target_sequence_length"} < set(inputs)
    layers = {
        group: lw.SequenceFeatures(data.columns.of_group(group).without("number", *more), embedding_dim=4)
        for group, more in (("source", ["point"]), ("target", []))
    }
    source = layers["source"]({key: inputs[key] for key in ("letters", "source_sequence_length")})
    target = layers["target"]({key: inputs[key] for key in ("sounds", "target_sequence_length")})
    state = keras.layers.GRU(8)(source)
    scores = keras.layers.Dense(3)(keras.layers.GRU(8, return_sequences=True)(target, initial_state=state))
    model = keras.Model(list(inputs.values()), scores)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    train = data.read(batch_steps=BUDGET, next_step="sounds", features=model, epochs=None)
    model.fit(train, steps_per_epoch=lw.steps_per_epoch(train), verbose=0)
    lw.export(model, data, tmp_path / "served")
    serve = tf.saved_model.load(os.fspath(tmp_path / "served")).signatures["serving_default"]
    records = list(tf.data.TFRecordDataset([str(folder / "0.tfrecord")]).as_numpy_iterator())
    numbers = [number for number in range(0, 300, 2) if number in valid][:5]
    [served] = serve(records=tf.constant([records[number // 2] for number in numbers])).values()
    batch = next(iter(data.read(batch_size=300, features=[*(inputs), "number"])))
    positions = [batch["number"].numpy().tolist().index(number) for number in numbers]
    expected = model({key: tf.gather(batch[key], positions) for key in inputs})
    for row, number in enumerate(numbers):
        length = len(valid[number]["sounds"])
        np.testing.assert_allclose(served[row, :length], expected[row, :length], atol=1e-5)

    encoder = keras.Model({key: inputs[key] for key in ("letters", "source_sequence_length")}, state)
    lw.export(encoder, data, tmp_path / "encoder")
    lone = sequence_example({"letters": [[1], [2]]})  # a request needs only the features that the model reads
    [found] = (
        tf.saved_model.load(os.fspath(tmp_path / "encoder"))
        .signatures["serving_default"](records=tf.constant([lone]))
        .values()
    )
    assert found.shape == (1, 8)


@pytest.mark.parametrize("read", ["target", "both"])
def test_a_served_model_follows_the_length_rules_of_the_groups_that_it_reads(data_sets: Any, read: str) -> None:
    import keras

    data = data_sets["block"]
    inputs = lw.inputs(data.columns.only(*(["sounds"] if read == "target" else ["letters", "sounds"])))
    model = keras.Model(inputs, inputs["target_sequence_length"] + 0)
    serve = data.serving_fn(model)
    steps = {"letters": [[1]] * 3, "sounds": [["a"]] * 7}
    assert serve(tf.constant([sequence_example(steps)])).numpy().tolist() == [7]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"over_long \(target\)"):
        serve(tf.constant([sequence_example({**steps, "sounds": [["a"]] * 9})]))


@pytest.mark.parametrize("layout", ["example", "block"])
def test_padding_is_on_the_left_in_each_group(data_sets: Any, layout: str) -> None:
    read = (data_sets[layout].read(batch_steps=BUDGET, padding=side, labels="sounds") for side in ("right", "left"))
    for (right, sounds, weights), (left, moved, moved_weights) in zip(*read, strict=True):
        target = right["target_sequence_length"]
        for lengths, on_right, on_left in (
            (right["source_sequence_length"], right["letters"], left["letters"]),
            (right["source_sequence_length"], right["point"], left["point"]),
            (target, sounds, moved),
            (target, weights, moved_weights),
        ):
            count = on_right.shape[1]
            expected = [np.roll(row, count - length, 0) for row, length in zip(on_right.numpy(), lengths, strict=True)]
            np.testing.assert_array_equal(on_left, expected)


def test_uses_that_do_not_support_groups_are_refused(made: Any, data_sets: Any) -> None:
    data = data_sets["block"]
    with pytest.raises(ConfigError, match="expected columns of one group.*'letters_embedding' of the group 'source'"):
        lw.SequenceFeatures(data.columns)
    with pytest.raises(ConfigError, match=r"of_group|expected the name of a group \(source, target, extra\)"):
        data.columns.of_group("sources")
    with pytest.raises((ConfigError, tf.errors.InvalidArgumentError), match="batch_steps"):
        list(data.read(batch_steps=12))
    with pytest.raises(ConfigError, match="batch_steps: expected at least 17"):
        data_sets["example"].read(batch_steps=12)


def test_a_manifest_with_wrong_groups_is_refused(data_sets: Any, tmp_path: Path) -> None:
    manifest = data_sets["block"].manifest
    lies = [
        {"groups": {}},
        {"groups": {name: group.model_copy(update={"boundaries": (3,)}) for name, group in manifest.groups.items()}},
    ]
    for lie in lies:
        (tmp_path / "manifest.json").write_text(manifest.model_copy(update=lie).to_json())
        with pytest.raises(DatasetError, match="groups"):
            lw.open(tmp_path)
    for lie in ({"pairs": ((2**70, 1, 1),)}, {"pairs": ((2**31, 1, 1),)}, {"pairs": ((1, 1, 2**63),)}):
        (tmp_path / "manifest.json").write_text(manifest.model_copy(update=lie).to_json())
        with pytest.raises(DatasetError, match=r"manifest.json: .*(int|expected values)"):
            lw.open(tmp_path)


@pytest.mark.parametrize("source", ["block", "example", "raw"])
def test_a_group_without_a_name_may_follow_a_named_one(tmp_path: Path, source: str) -> None:
    lengths = {number: (number % 5 + 1, number % 3 + 1) for number in range(40)}
    records = [
        sequence_example({"frame": [[number]] * frames, "x": [[float(number)]] * steps}, {"number": number})
        for number, (frames, steps) in lengths.items()
    ]
    write_records(tmp_path / "raw.tfrecord", records)
    job = {
        "inputs": {"files": str(tmp_path / "raw.tfrecord")},
        "columns": [
            lw.sequence_categorical_column_with_identity("frame", 40, group="video"),
            lw.sequence_numeric_column("x"),
            lw.context_column("number", dtype="int64"),
        ],
        "output": {"path": str(tmp_path / "out"), "layout": "example" if source == "example" else "block"},
    }
    options = {"batch_steps": 32, "epochs": 1, "shuffle": False}
    batches = lw.read_raw(job, **options) if source == "raw" else lw.prepare(job, workers=1).read("train", **options)
    found = {}
    for batch in batches.as_numpy_iterator():
        keys = ("number", "video_sequence_length", "sequence_length", "frame", "x")
        for number, frames, steps, ids, values in zip(*(batch[key] for key in keys), strict=True):
            assert set(ids[:frames]) == {number} == set(values[:steps].reshape(-1))
            found[int(number)] = int(frames), int(steps)
    assert found == lengths
