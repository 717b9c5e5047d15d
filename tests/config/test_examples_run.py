"""The example configurations prepare matching records, with the real job."""

import os
import random

import numpy as np
import pytest

from lengthwise.config import load_config
from lengthwise.job import run
from lengthwise.manifest import load_manifest
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample

CONFIGS = os.path.join(os.path.dirname(__file__), "..", "..", "configs")
SYMBOLS = ["HH", "AH0", "L", "OW1", "W", "ER1", "D", "B", "IY2", "AW"]
_ONE_VALUE = {str: "bytes_list", bytes: "bytes_list", int: "int64_list", float: "float_list"}


def _put(feature, values) -> None:
    values = [value.encode() if isinstance(value, str) else value for value in values]
    getattr(feature, _ONE_VALUE[type(values[0])]).value.extend(values)


def _record(context: dict, steps: dict) -> bytes:
    """A SequenceExample: values of the whole record, and a list of values for each step."""
    record = SequenceExample()
    for key, values in context.items():
        _put(record.context.feature[key], values)
    for key, sequence in steps.items():
        feature_list = record.feature_lists.feature_list[key]
        for values in sequence:
            _put(feature_list.feature.add(), values)
    return record.SerializeToString()


def _minimal(rng: random.Random, _index: int) -> bytes:
    return _record({}, {"items": [[rng.randrange(1000)] for _ in range(rng.randint(1, 30))]})


def _movielens(rng: random.Random, index: int) -> bytes:
    length = rng.randint(20, 200)
    steps = {
        "watches": [[rng.randint(1, 1682)] for _ in range(length)],
        "rating": [[float(rng.randint(1, 5))] for _ in range(length)],
    }
    return _record({"user": [index + 1]}, steps)


def _cmudict(rng: random.Random, index: int) -> bytes:
    phonemes = [rng.choice(SYMBOLS) for _ in range(rng.randint(1, 20))]
    stress = [[int(symbol[-1]) if symbol[-1].isdigit() else -1] for symbol in phonemes]
    context = {"word": [f"word{index}"], "syllables": [sum(value != [-1] for value in stress)]}
    return _record(context, {"phonemes": [[symbol] for symbol in phonemes], "stress": stress})


def _every_column(rng: random.Random, index: int) -> bytes:
    length = rng.randint(0, 60)
    tags = [[rng.randrange(100) for _ in range(rng.randint(1, 4))] for _ in range(length)]
    steps = {
        "price": [[rng.random() * 100] for _ in range(length)],
        "frame": [[rng.random() for _ in range(6)] for _ in range(length)],
        "spectrum": [[rng.randbytes(8)] for _ in range(length)],
        "picture": [[b"\xff\xd8" + rng.randbytes(50)] for _ in range(length)],
        "age": [[float(rng.randint(0, 90))] for _ in range(length)],
        "shop": [[rng.randrange(50)] for _ in range(length)],
        "shelf": [[rng.randrange(25)] for _ in range(length)],
        "query": [[f"query {rng.random()}"] for _ in range(length)],
        "colour": [[rng.choice(["red", "no", "violet"])] for _ in range(length)],
        "size": [[rng.choice([36, 40, 41])] for _ in range(length)],
        "word": [[rng.choice(["the", "for", "zebra"])] for _ in range(length + index % 2)],
        "brand": [[rng.choice(["a", "b"])] for _ in range(length)],
        "maker": [[rng.choice(["b", "c"])] for _ in range(length)],
        "tags": tags,
        "tag_weights": [[rng.random() for _ in values] for values in tags],
        "viewed": [[rng.randrange(510)] for _ in range(length)],
        "device": [[rng.choice(["phone", "laptop"])] for _ in range(length)],
        "sound": [[rng.random()] for _ in range(rng.randint(1, 400))],
    }
    if index % 3:
        steps["bought"] = [[rng.randrange(500)] for _ in range(length)]
    topics = [rng.choice(["sports", "music", "war"]) for _ in range(rng.randint(1, 3))]
    context = {"label": [index % 2], "user": [f"user {index % 40}"], "topics": topics}
    if index % 5:
        context["country"] = [rng.choice(["NZ", "Åland"])]
    if index % 4:
        context["position"] = [0.5, 1.5]
    return _record(context, steps)


@pytest.mark.parametrize(
    ("name", "make"),
    [("minimal", _minimal), ("movielens", _movielens), ("cmudict", _cmudict), ("every_column", _every_column)],
)
def test_an_example_prepares_matching_records(name, make, tmp_path) -> None:
    rng = random.Random(name)
    for part in range(2):
        records = [make(rng, part * 100 + index) for index in range(100)]
        (tmp_path / f"part-{part}.tfrecord").write_bytes(frame(records))
    config = load_config(
        f"{CONFIGS}/{name}.yaml",
        {"inputs.files": f"{tmp_path}/part-*.tfrecord", "output.path": f"{tmp_path}/prepared"},
    )
    manifest = run(config, workers=1)
    assert manifest.counts.read == 200
    assert manifest.counts.rejected == {}
    assert manifest.counts.written == 200
    assert manifest == load_manifest(f"{tmp_path}/prepared")
    assert {shard.split for shard in manifest.shards} <= set(config.split_names)
    assert np.sum([shard.sequences for shard in manifest.shards]) == manifest.counts.sequences
