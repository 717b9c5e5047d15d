"""Options of the feed with sequences of several lengths: crops, packed rows, few shapes, statistics."""

from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from feed.grouped_data import BUDGET, GROUPS, PADDING, Row, check_batch
from lengthwise.errors import ConfigError

SOURCES = ["raw", "block", "example"]
PACK = {"source": 16, "target": 14}
FIRST = {"source": "letters", "target": "sounds"}
KEYS = ("letters", "point", "sounds")


def reader(job: dict[str, Any], sets: dict[str, Any], source: str) -> Any:
    return (lambda **o: lw.read_raw(job, on_invalid="skip", **o)) if source == "raw" else sets[source].read


@pytest.fixture(scope="module")
def packable(made: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The job and its data without the group that may be empty, which packed rows do not support."""
    job, _, folder = made
    rules = {name: group for name, group in job["sequences"]["groups"].items() if name != "extra"}
    columns = [column for column in job["columns"] if column.key != "pause"]
    job = {**job, "columns": columns, "sequences": {"groups": rules}}
    made_of = {
        layout: lw.prepare({**job, "output": {"path": str(folder / f"pairs-{layout}"), "layout": layout}}, workers=1)
        for layout in ("block", "example")
    }
    return job, made_of


@pytest.mark.parametrize("source", SOURCES)
def test_crops_are_consecutive_steps_of_the_named_groups(made: Any, data_sets: Any, source: str) -> None:
    job, valid, _ = made
    read = reader(job, data_sets, source)
    crop = {"source": 3, "target": 2}
    whole = {"letters", "point", "sounds", "pause"}
    epochs: list[dict[int, Row]] = []
    for options in ({"seed": 3}, {"seed": 3}, {"seed": 4}, {"shuffle": False}):
        found: dict[int, Row] = {}
        count = 0
        for batch in read(batch_steps=BUDGET, crop=crop, **options).as_numpy_iterator():
            check_batch(batch, found, {})
            count += len(batch["number"])
        assert count == len(found) == len(valid)
        epochs.append(found)
        for number, row in found.items():
            for key in whole:
                full, limit = valid[number][key], crop.get(GROUPS[key], 99)
                runs = [full[start : start + limit] for start in range(max(len(full) - limit, 0) + 1)]
                assert row[key] in (runs if options.get("shuffle", True) else runs[:1])
            start = [point[1] - valid[number]["point"][0][1] for point in row["point"]][
                :1
            ]  # points are numbered by step
            assert row["letters"] == valid[number]["letters"][int(start[0]) :][:3]
    assert epochs[0] == epochs[1] != epochs[2]


def unpacked(batch: dict[str, np.ndarray], found: dict[int, Row]) -> int:
    """Adds the values of each record in packed rows to `found`, by the groups' segment ids; returns their number."""
    count = 0
    for row, numbers in enumerate(batch["number"]):
        segments = {group: batch[f"{group}_segment_ids"][row] for group in PACK}
        last = {group: ids.max(initial=0) for group, ids in segments.items()}
        assert len({*last.values()}) == 1
        for ids in segments.values():
            assert ids[ids > 0].tolist() == sorted(ids[ids > 0])
            assert (ids[np.count_nonzero(ids) :] == 0).all()
        for slot in range(last["source"]):
            found[int(numbers[slot])] = {}
            count += 1
            for key in KEYS:
                steps = np.flatnonzero(segments[GROUPS[key]] == slot + 1)
                assert batch[f"{GROUPS[key]}_positions"][row][steps].tolist() == [*range(len(steps))]
                assert batch[f"{GROUPS[key]}_sequence_length"][row][slot] == len(steps)
                found[int(numbers[slot])][key] = batch[key][row][steps].tolist()
        for key in KEYS:
            assert (batch[key][row][segments[GROUPS[key]] == 0] == PADDING[key]).all()
    return count


@pytest.mark.parametrize("source", SOURCES)
def test_packed_rows_contain_each_record_once_with_all_its_groups(made: Any, packable: Any, source: str) -> None:
    valid = {number: {key: row[key] for key in KEYS} for number, row in made[1].items()}
    read = reader(*packable, source)
    options: dict[str, Any] = {"batch_steps": BUDGET, "pack": PACK, "seed": 3}
    batches = list(read(**options).as_numpy_iterator())
    found: dict[int, Row] = {}
    assert sum(unpacked(batch, found) for batch in batches) == len(valid)
    assert found == valid
    assert {tuple(batch[key].shape[:2] for key in ("letters", "sounds")) for batch in batches} == {((4, 16), (4, 14))}
    rows = sum((batch["source_segment_ids"][:, 0] > 0).sum() for batch in batches)
    longest = max(
        sum(len(row["letters"]) for row in valid.values()) / 16, sum(len(r["sounds"]) for r in valid.values()) / 14
    )
    assert rows < 1.25 * longest  # the lengths are independent of each other, so rows are not full
    again = read(**options).as_numpy_iterator()
    assert all((batch["letters"] == other["letters"]).all() for batch, other in zip(batches, again, strict=True))

    for features, labels, weights in read(**options, next_step="sounds").take(2).as_numpy_iterator():
        segments = features["target_segment_ids"]
        same = (segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] > 0)
        np.testing.assert_array_equal(weights, np.pad(same, [(0, 0), (0, 1)]))
        np.testing.assert_array_equal(labels[:, :-1][same], features["sounds"][:, 1:][same])
    cropped: dict[int, Row] = {}
    for batch in read(**options, crop={"source": 2}).as_numpy_iterator():
        unpacked(batch, cropped)
    assert {len(row["letters"]) for row in cropped.values()} == {1, 2}
    assert {number: row["sounds"] for number, row in cropped.items()} == {n: row["sounds"] for n, row in valid.items()}


def test_a_model_gives_packed_pairs_the_same_outputs_as_unpacked_ones(packable: Any) -> None:
    data = packable[1]["block"]
    columns = {group: data.columns.only(key) for group, key in FIRST.items()}
    layers = {group: lw.SequenceFeatures(columns[group], embedding_dim=4) for group in PACK}
    self_attention, cross_attention = (keras.layers.MultiHeadAttention(2, 4) for _ in range(2))

    def vectors(features: dict[str, Any], mask: Any, cross_mask: Any) -> np.ndarray:
        source, target = (layers[group](features) for group in ("source", "target"))
        for tensor in (source, target):
            tensor._keras_mask = None  # the masks below define the real steps
        target = self_attention(target, target, attention_mask=mask)
        return cross_attention(target, source, attention_mask=cross_mask).numpy()

    alone: dict[int, np.ndarray] = {}
    for batch in data.read(batch_steps=BUDGET):
        lengths = {group: batch[f"{group}_sequence_length"] for group in PACK}
        real = {group: tf.sequence_mask(lengths[group], batch[key].shape[1]) for group, key in FIRST.items()}
        steps = tf.range(batch["sounds"].shape[1])
        causal = real["target"][:, None, :] & (steps[:, None] >= steps)
        found = vectors(batch, causal, tf.repeat(real["source"][:, None, :], len(steps), 1))
        for row, number in enumerate(batch["number"].numpy()):
            alone[int(number)] = found[row, : lengths["target"][row]]
    count = 0
    for batch in data.read(batch_steps=BUDGET, pack=PACK):
        source, target = batch["source_segment_ids"], batch["target_segment_ids"]
        cross_mask = lw.SegmentMask()(target, source)
        assert cross_mask.numpy().any(-1).all()
        found = vectors(batch, lw.SegmentMask(causal=True)(target), cross_mask)
        for row, numbers in enumerate(batch["number"].numpy()):
            for slot in range(int(target[row].numpy().max())):
                np.testing.assert_allclose(found[row][target[row] == slot + 1], alone[int(numbers[slot])], atol=1e-5)
                count += 1
    assert count == len(alone)
    assert {"source_positions", "target_segment_ids", "source_sequence_length"} < set(
        lw.inputs(data.columns, packed=True)
    )
    with pytest.raises(ConfigError, match="causal: expected False for keys of another group"):
        lw.SegmentMask(causal=True)(target, source)


def test_examples_have_few_shapes_and_the_largest_come_first(made: Any, data_sets: Any) -> None:
    valid, data = made[1], data_sets["example"]
    shapes, numbers = set(), []
    for features, labels, weights in data.read(batch_steps=BUDGET, max_shapes=2, labels="number").as_numpy_iterator():
        shapes.add((features["letters"].shape, features["sounds"].shape, features["pause"].shape))
        numbers += labels[weights > 0].tolist()
        for group in ("source", "target", "extra"):
            assert (features[f"{group}_sequence_length"][weights == 0] == 1).all()
    assert len(shapes) == 2
    assert sorted(numbers) == sorted(valid)
    sizes = []
    for batch in data.read(batch_steps=BUDGET, largest_first=True, crop={"target": 3}).as_numpy_iterator():
        steps = [batch[key].shape[1] for key in ("letters", "sounds", "pause")]
        sizes.append((len(batch["number"]) * sum(steps), *steps))
    assert all(any(all(a <= b for a, b in zip(size, first, strict=True)) for first in sizes[:2]) for size in sizes)
    assert sizes[0][1] == 8
    assert sum(size[1] == 8 for size in sizes) > 1


def test_weights_are_about_one_and_folders_are_mixed(made: Any, data_sets: Any) -> None:
    valid = made[1]
    for source, options in (("raw", {}), ("block", {}), ("example", {}), ("block", {"next_step": "sounds"})):
        read = reader(made[0], data_sets, source)
        chosen = options or {"labels": "sounds"}
        weights = [w for *_, w in read(batch_steps=BUDGET, even_weights=True, **chosen).as_numpy_iterator()]
        factors = [batch_weights.max() for batch_weights in weights]  # one per batch
        assert 0.6 < np.mean(factors) < 1.4  # batches of so few records are not full
    both = lw.open([data_sets["block"].folder, data_sets["example"].folder])
    mixed = both.read(batch_steps=BUDGET, mix={data_sets["example"].folder: 2})
    counts = Counter(number for batch in mixed.as_numpy_iterator() for number in batch["number"].tolist())
    assert counts == dict.fromkeys(valid, 3)


def test_statistics_are_of_all_groups_and_of_each(data_sets: Any, packable: Any) -> None:
    read = data_sets["block"].read(batch_steps=BUDGET, labels="number", shuffle=False)
    real, padded, shapes = Counter[str](), Counter[str](), set()
    for features, _ in read.as_numpy_iterator():
        steps = {group: features[key].shape[1] for key, group in GROUPS.items()}
        shapes.add((len(features["source_sequence_length"]), *steps.values()))
        for group, count in steps.items():
            real[group] += int(features[f"{group}_sequence_length"].sum())
            padded[group] += len(features["source_sequence_length"]) * count
    stats = lw.BatchStats(key={"source": "letters", "target": "sounds", "extra": "pause"}, verbose=False)
    stats.params = {}
    logs: dict[str, Any] = {}
    watched = stats.watch(read)
    stats.on_train_begin()
    stats.on_epoch_begin(0)
    list(watched)
    stats.on_epoch_end(0, logs)
    assert logs["padding_share"] == pytest.approx(1 - real.total() / padded.total())
    for group in ("source", "target", "extra"):
        assert logs[f"padding_share_{group}"] == pytest.approx(1 - real[group] / padded[group])
    assert logs["distinct_shapes"] == len(shapes)
    assert logs["distinct_lengths"] == len({shape[1:] for shape in shapes})
    with pytest.raises(ConfigError, match="expected the name of a sequence feature for each group"):
        lw.BatchStats().watch(read)
    with pytest.raises(ConfigError, match="key: expected one of .*, received 'letter'"):
        lw.BatchStats(key={"source": "letter"}).watch(read)
    with pytest.raises(ConfigError, match="expected the groups of the dataset that is watched already"):
        stats.watch(packable[1]["block"].read(batch_steps=BUDGET, pack=PACK))


REFUSED = [
    ({"crop": 4}, r"crop: expected steps by group, such as crop={'source': 100, .*as columns name groups, received 4"),
    ({"crop": {"sauce": 4}}, r"crop: expected the names of groups \(source, target, extra\), received \['sauce'\]"),
    ({"crop": {"source": 0}}, r"crop\.source: expected at least 1, received 0"),
    ({"pack": 64}, "pack: expected steps by group"),
    (
        {"pack": PACK},
        r"pack: expected the steps of each group \(source, target, extra\), received \['source', 'target'\]",
    ),
    (
        {"pack": {**PACK, "extra": 4}},
        "at least 1 step.*extra_sequence_length|sequences.groups.extra.empty: expected 'reject'",
    ),
    ({"pack": {**PACK, "extra": 4}, "crop": {"source": 17}}, "expected a crop of at most pack, 16"),
    ({"pack": {"source": 100, "target": 64}}, "expected batch_steps of at least pack, 164, received 128"),
    ({"max_shapes": 4, "labels": "number"}, "max_shapes: expected a prepared data set in the layout `example`"),
    ({"largest_first": True}, "largest_first: expected a prepared data set in the layout `example`"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_options_that_do_not_support_groups_are_refused(made: Any, data_sets: Any, options: Any, message: str) -> None:
    for source in ("raw", "block"):
        with pytest.raises(ConfigError, match=message):
            reader(made[0], data_sets, source)(batch_steps=BUDGET, **options)


def test_packed_rows_must_hold_the_longest_of_each_group(packable: Any) -> None:
    with pytest.raises(ConfigError, match=r"pack: expected at least 7, .*\(target_sequence_length\), received 5"):
        packable[1]["block"].read(batch_steps=BUDGET, pack={"source": 16, "target": 5})
    dataset = tf.data.Dataset.from_tensor_slices({"item": tf.ragged.constant([[1, 2]])})
    with pytest.raises(ConfigError, match="crop: expected a number, as no column names a `group`, received {'a': 2}"):
        dataset.apply(lw.batch_by_steps(BUDGET, crop={"a": 2}))
