"""Every kind of column x every container format x every policy, in the real job, compared with TensorFlow's lookups."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lengthwise import columns as lw
from lengthwise.columns import AnyColumn
from lengthwise.config import GroupRules
from lengthwise.manifest import Manifest
from lengthwise.records.rejected.reject_files import read_rejects
from lengthwise.reject_reasons import Reject
from prepare import jobs
from records.messages import example, sequence_example
from records.oracle import Outcome, Rules, judge

WORDS = ("red", "grün", "", "7")
NUMBERS = (7, -3, 2**40)
LONGEST = 8


def all_columns(vocabulary: Path, container: str, *, groups: bool) -> tuple[AnyColumn, ...]:
    """Each kind, out-of-vocabulary policy and wrapper; several values per step; weights; context of each dtype."""
    (vocabulary / "words.txt").write_text("red\ngrün\n7\n", encoding="utf-8")
    (vocabulary / "numbers.txt").write_text("\r\n".join(map(str, NUMBERS)), encoding="utf-8")
    words, numbers = str(vocabulary / "words.txt"), str(vocabulary / "numbers.txt")
    identity = lw.sequence_categorical_column_with_identity
    hashed = lw.sequence_categorical_column_with_hash_bucket
    listed = lw.sequence_categorical_column_with_vocabulary_list
    filed = lw.sequence_categorical_column_with_vocabulary_file
    shared = lw.shared_embedding_columns([identity("shared_a", 6), identity("shared_b", 6)], 4)
    return (
        lw.sequence_numeric_column("float"),
        lw.sequence_numeric_column("double", dtype="float64", min_value=-1e6),
        lw.sequence_numeric_column("matrix", shape=(2, 2), default_value=-1.0),
        lw.sequence_numeric_column("int", dtype="int64"),
        lw.sequence_numeric_column("small_int", dtype="int32", default_value=5),
        lw.sequence_numeric_column("optional", required=False, default_value=2.0),
        lw.sequence_numeric_column("filled", shape=(2,), default_value=-1.0, missing="fill"),
        lw.sequence_numeric_column("carried", missing="previous", observed=True, required=False),
        lw.sequence_bytes_column("opaque", max_bytes=20),
        lw.sequence_bucketized_column(lw.sequence_numeric_column("bucketized"), (0.0, 1.0)),
        identity("id", 6),
        identity("id_zero", 6, oov="zero"),
        identity("id_default", 6, 3),
        identity("id_optional", 6, required=False),
        identity("ids", 2**40, values_per_step=3, weight_key="ids_weights"),
        hashed("hash", 1000),
        hashed("hash_int", 50, dtype="int64"),
        listed("word", WORDS),
        lw.embedding_column(listed("word_error", WORDS, oov="error"), 8),
        lw.indicator_column(listed("word_default", WORDS, default_value=1)),
        listed("word_buckets", WORDS, num_oov_buckets=5),
        listed("number", NUMBERS),
        listed("number_buckets", NUMBERS, num_oov_buckets=3),
        filed("file_word", words),
        filed("file_first", words, vocabulary_size=2, num_oov_buckets=2),
        filed("file_number", numbers, dtype="int64", default_value=0),
        *shared,
        lw.categorical_column_with_vocabulary_file("device", words, required=False),
        lw.indicator_column(
            lw.categorical_column_with_hash_bucket("topics", 30, values_per_step=3, weight_key="topic_weights")
        ),
        lw.categorical_column_with_identity("country", 6, values_per_step=2, required=False, oov="error"),
        lw.context_column("uid", dtype="int64"),
        lw.context_column("label", shape=(2,)),
        lw.context_column("name", dtype="string", default_value="nobody"),
        lw.context_column("weight", default_value=0.5, min_value=0.0),
        *(grouped(container) if groups else ()),
    )


def grouped(container: str) -> tuple[AnyColumn, ...]:
    """Returns columns of two groups with separate lengths; one is a flat list in the context."""
    place = "context" if container == "sequence_example" else "feature_lists"
    return (
        lw.sequence_categorical_column_with_vocabulary_list("sound", WORDS, group="sounds", weight_key="loudness"),
        lw.sequence_numeric_column("pitch", dtype="int64", default_value=-1, required=False, group="sounds"),
        lw.sequence_numeric_column("point", shape=(2,), group="track", from_=place),
        lw.sequence_bytes_column("image", required=False, group="track", from_=place),
    )


def grouped_steps(rng: random.Random) -> dict[str, Any]:
    sounds, points = rng.choice([0, 7, *[1, 2, 5] * 6]), rng.choice([1, 4, 30])
    pitches = sounds if rng.random() < 0.95 else sounds + 1
    steps: dict[str, Any] = {
        "sound": [[rng.choice([*WORDS, "unknown"])] for _ in range(sounds)],
        "loudness": [[rng.random()] for _ in range(sounds)],
        "point": [[rng.random(), rng.random()] for _ in range(points)],
    }
    if rng.random() < 0.7:
        steps["image"] = [[rng.randbytes(rng.choice([0, 3, 2000]))] for _ in range(points)]
    if rng.random() < 0.7:
        steps["pitch"] = [[rng.randrange(-(2**40), 2**40)] for _ in range(pitches)]
    return steps


def steps_of(rng: random.Random, length: int) -> dict[str, Any]:
    """The raw values of a record's sequences, one list per step."""

    def each(draw: Any) -> list[list[Any]]:
        return [[draw()] for _ in range(length)]

    def word() -> str:
        return rng.choice([*WORDS, "unknown", "\x00", "ü" * 9])

    def number() -> int:
        return rng.choice([*NUMBERS, 0, 5, -(2**63), 2**31 + 7])

    ids = [[rng.choice([0, 9, 2**31, 2**40 - 1]) for _ in range(3)] for _ in range(length)]
    return {
        "float": each(lambda: rng.uniform(-2, 2)),
        "double": each(rng.random),
        "matrix": [[rng.gauss(0, 1) for _ in range(4)] for _ in range(length)],
        "int": each(lambda: rng.choice([0, -1, 2**62, -(2**40)])),
        "small_int": each(lambda: rng.randrange(100)),
        "optional": each(rng.random),
        "filled": [[rng.choice([math.nan, rng.random()]), rng.random()] for _ in range(length)],
        "carried": each(lambda: rng.choice([math.nan, rng.random()])),
        "bucketized": each(lambda: rng.uniform(-1, 2)),
        "opaque": each(lambda: rng.randbytes(rng.choice([0, 1, 20]))),
        "id": each(lambda: rng.randrange(6)),
        "id_zero": each(lambda: rng.choice([0, 5, 6, -1, 2**32 + 1])),
        "id_default": each(lambda: rng.choice([0, 5, 6, -1, 2**32 + 1])),
        "id_optional": each(lambda: rng.randrange(6)),
        "ids": ids,
        "ids_weights": [[rng.random() for _ in step] for step in ids],
        "hash": each(word),
        "hash_int": each(number),
        "word": each(word),
        "word_error": each(lambda: rng.choice(WORDS)),
        "word_default": each(word),
        "word_buckets": each(word),
        "number": each(number),
        "number_buckets": each(number),
        "file_word": each(word),
        "file_first": each(word),
        "file_number": each(number),
        "shared_a": each(lambda: rng.randrange(6)),
        "shared_b": each(lambda: rng.randrange(6)),
    }


def make_record(rng: random.Random, number: int, container: str, more: dict[str, Any]) -> bytes:
    """A record for `all_columns`, often valid, or empty, too long, uneven, or invalid; `more` are other sequences."""
    length = rng.choice([0, 1, 3, 4, 5, 8, 9, 20])
    sequences = steps_of(rng, length) | more
    context: dict[str, Any] = {"uid": number, "label": [1.0, -1.0], "name": f"n{number}", "weight": 1.0}
    for key in ("optional", "id_optional", "carried"):
        if rng.random() < 0.3:
            del sequences[key]
    context["device"] = rng.choice([*WORDS, "unknown"])
    context["topics"] = [rng.choice([*WORDS, "unknown"]) for _ in range(rng.randrange(1, 4))]
    context["topic_weights"] = [rng.random() for _ in context["topics"]]
    context["country"] = [rng.choice([0, 5, 5, 5, 5, 5, 6]) for _ in range(rng.randrange(1, 3))]
    for key in ("name", "weight", "device", "country"):
        if rng.random() < 0.3:
            del context[key]
    if rng.random() < 0.2:
        key = rng.choice(["float", "word", "ids"])
        for name in [key] if key != "ids" else ["ids", "ids_weights"]:
            sequences[name] = sequences[name][: rng.randrange(length + 1)]
    if length and rng.random() < 0.2:
        key, value = rng.choice(
            [
                ("id", 6),
                ("word_error", "x"),
                ("float", float("nan")),
                ("double", -1e7),
                ("shared_a", -1),
                ("opaque", bytes(21)),
            ]
        )
        sequences[key][-1:] = [[value]]
    if container == "example":
        return example({**{key: [v for step in steps for v in step] for key, steps in sequences.items()}, **context})
    if length and rng.random() < 0.3:  # a step may have fewer ids than `values_per_step`
        sequences["ids"] = [step[: rng.randrange(4)] for step in sequences["ids"]]
        sequences["filled"] = [step[: rng.choice([0, 2])] for step in sequences["filled"]]
        sequences |= {
            key: [step[: rng.randrange(2)] for step in sequences[key]] for key in {"carried"} & set(sequences)
        }
        weights = zip(sequences["ids"], sequences["ids_weights"], strict=False)
        sequences["ids_weights"] = [w[: len(step)] for step, w in weights]
    context |= {
        key: [value for step in sequences.pop(key) for value in step] for key in {"point", "image"} & set(sequences)
    }
    return sequence_example(sequences, context)


@dataclass
class Done:
    """A finished job, and the oracle's outcome of each record, by file and index."""

    manifest: Manifest
    folder: Path
    records: dict[tuple[str, int], bytes]
    outcomes: dict[tuple[str, int], Outcome]

    def rejects(self) -> Iterator[Reject]:
        for path in sorted((self.folder / "out" / "rejects").glob("*")):
            with open(path, "rb") as stream:
                yield from read_rejects(stream)


POLICIES = [
    # container, over_long, overlap, empty, mismatch, layout, compression, shuffle
    ("sequence_example", "reject", 0, "reject", "reject", "example", "gzip", True),
    ("sequence_example", "truncate_left", 0, "keep", "truncate", "block", "none", True),
    ("sequence_example", "truncate_right", 0, "keep", "reject", "example", "none", False),
    ("sequence_example", "window", 3, "reject", "truncate", "block", "gzip", False),
    ("example", "reject", 0, "keep", "truncate", "block", "gzip", True),
    ("example", "truncate_left", 0, "reject", "reject", "example", "none", False),
    ("example", "truncate_right", 0, "reject", "truncate", "example", "gzip", True),
    ("example", "window", 0, "keep", "reject", "block", "none", True),
]


GROUPS = {"sounds": GroupRules(max_length=6), "track": GroupRules(max_length=20, over_long="truncate_left")}


@pytest.fixture(scope="module", params=POLICIES, ids=lambda policies: "-".join(map(str, policies)))
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    container, over_long, overlap, empty, mismatch, layout, compression, shuffle = request.param
    folder = tmp_path_factory.mktemp("matrix")
    groups = over_long != "window"
    columns = all_columns(folder, container, groups=groups)
    rng = random.Random(str(request.param))
    files = {
        name: [
            make_record(rng, rank * 1000 + number, container, grouped_steps(rng) if groups else {})
            for number in range(60)
        ]
        for rank, name in enumerate(["a.tfrecord", "b.tfrecord.gz", "c.tfrecord"])
    }
    manifest = jobs.run(
        folder,
        columns,
        files,
        inputs={"format": container},
        sequences={
            "over_long": over_long,
            "window_overlap": overlap,
            "empty": empty,
            "mismatch": mismatch,
            "groups": GROUPS if groups else {},
        },
        splits={"fractions": {"train": 0.7, "eval": 0.3}},
        shuffle={"enabled": shuffle},
        output={"layout": layout, "compression": compression, "block_sequences": 7, "shard_bytes": 5_000},
    )
    rules = Rules(columns, container, mismatch, empty, over_long, LONGEST, overlap, GROUPS if groups else {})
    records = {
        (str(folder / "raw" / name), index): one for name, found in files.items() for index, one in enumerate(found)
    }
    return Done(manifest, folder, records, {place: judge(one, rules) for place, one in records.items()})


def test_every_valid_record_is_written_as_tensorflow_would_look_it_up(done: Done) -> None:
    expected = Counter(jobs.canonical(sequence) for outcome in done.outcomes.values() for sequence in outcome.sequences)
    written = Counter(sequence.canonical() for sequence in jobs.sequences(done.folder / "out", done.manifest))
    assert len(written) > 40
    assert written == expected


def test_every_invalid_record_is_rejected_with_its_bytes_and_place(done: Done) -> None:
    rejects = {(reject.file, reject.index): reject for reject in done.rejects()}
    assert set(rejects) == {place for place, outcome in done.outcomes.items() if outcome.faults}
    assert len(rejects) > 5
    for place, reject in rejects.items():
        assert reject.raw == done.records[place]
        assert (reject.reason, reject.column) in done.outcomes[place].faults
        assert reject.reason is done.outcomes[place].reason
    assert list(rejects) == sorted(rejects)


def test_read_is_written_and_rejected(done: Done) -> None:
    jobs.balance(done.manifest)
    counts = done.manifest.counts
    assert counts.read == len(done.records)
    assert counts.rejected == Counter(reject.reason.value for reject in done.rejects())
    repaired: Counter[str] = sum((Counter(outcome.repaired) for outcome in done.outcomes.values()), Counter())
    assert counts.repaired == repaired
    assert set(repaired) >= {
        "filled",
        "carried",
        "id_zero",
        "id_default",
        "word",
        "word_default",
        "word_buckets",
        "file_number",
        "device",
    }


def test_both_splits_and_more_than_one_shard_are_written(done: Done) -> None:
    assert {shard.split for shard in done.manifest.shards} == {"train", "eval"}
    assert len({shard.bucket for shard in done.manifest.shards}) == 2
    assert any("00001-of" in shard.path for shard in done.manifest.shards)


def test_no_unfinished_work_remains(done: Done) -> None:
    names = set(jobs.tree(done.folder / "out"))
    listed = {shard.path for shard in done.manifest.shards}
    others = {name for name in names - listed if not name.startswith(("rejects/", "vocabulary/"))}
    assert others == {"manifest.json", "schema.pbtxt", "report.html"}
