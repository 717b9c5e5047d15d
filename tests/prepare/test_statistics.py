"""The statistics of the written values in the manifest."""

import statistics
from pathlib import Path

import pytest

from lengthwise import columns as lw
from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report import compare_manifests
from prepare import jobs
from records.messages import example, sequence_example

ID = lw.sequence_categorical_column_with_identity("id", 10)


def prepare_contexts(folder: Path, texts: list[bytes]) -> Manifest:
    """A data set of one-step sequences in several shards, each with a text."""
    records = [sequence_example({"id": [1]}, {"text": text}) for text in texts]
    size = sum(map(len, texts)) + 100 * len(texts)
    return jobs.run(
        folder, (ID, lw.context_column("text", dtype="string")), {"a": records}, output={"shard_bytes": size // 4}
    )


@pytest.mark.parametrize(
    ("base", "spread"),
    [(0, 1), (-5, 3), (1_700_000_000, 1), (1_700_000_000_000, 60_000), (1_700_000_000_000_000, 1_000_000)],
)
def test_numbers_far_from_zero_have_their_mean_and_spread(tmp_path: Path, base: int, spread: int) -> None:
    values = [base + spread * (place * place % 7) for place in range(800)]
    records = [sequence_example({"time": values[start : start + 8]}) for start in range(0, 800, 8)]
    column = lw.sequence_numeric_column("time", dtype="int64")
    manifest = jobs.run(tmp_path, (column,), {"a": records}, output={"shard_bytes": 1000})
    found = manifest.statistics["time"]
    assert len(manifest.shards) > 2
    assert (found.min, found.max, sum(found.histogram)) == (min(values), max(values), 800)
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-15)
    assert found.std == pytest.approx(statistics.pstdev(values), rel=1e-9)


def test_equal_numbers_have_no_spread(tmp_path: Path) -> None:
    records = [sequence_example({"x": [0.1, 0.1, 0.1]})] * 10
    found = jobs.run(tmp_path, (lw.sequence_numeric_column("x"),), {"a": records}).statistics["x"]
    assert found.mean == found.min == found.max
    assert found.std == 0


OPTIONAL = (
    ID,
    lw.sequence_numeric_column("x", shape=(2,), default_value=-7.0, required=False),
    lw.sequence_categorical_column_with_identity("tag", 5, weight_key="weight", required=False),
    lw.context_column("price", default_value=-7.0),
    lw.context_column("who", dtype="string", default_value="nobody"),
)


def optional_records(container: str, present: int, absent: int) -> list[bytes]:
    """Two-step sequences, with all the optional features or without them."""
    sequences = {"x": [[100.0, 101.0]] * 2, "tag": [3, 3], "weight": [0.5, 0.5]}
    context = {"price": 100.0, "who": "somebody"}
    if container == "example":
        flat = {"x": [100.0, 101.0] * 2, "tag": [3, 3], "weight": [0.5, 0.5]}
        full, bare = example({"id": [1, 1], **flat, **context}), example({"id": [1, 1]})
    else:
        full, bare = sequence_example({"id": [1, 1], **sequences}, context), sequence_example({"id": [1, 1]})
    return [full] * present + [bare] * absent


@pytest.mark.parametrize("container", ["example", "sequence_example"])
def test_absent_features_are_missing_and_their_defaults_are_not_counted(tmp_path: Path, container: str) -> None:
    records = optional_records(container, 2, 8)
    manifest = jobs.run(tmp_path, OPTIONAL, {"a": records}, inputs={"format": container})
    written = jobs.sequences(tmp_path / "out", manifest)
    assert [row.features["price"] for row in written].count([-7.0]) == 8  # the defaults are written
    found = {
        key: (column.values, column.missing, column.min, column.max, column.mean)
        for key, column in manifest.statistics.items()
    }
    assert found == {
        "id": (20, 0, 1, 1, None),
        "x": (40, 32, 100, 101, 100.5),
        "tag": (20, 16, 3, 3, None),
        "weight": (20, 16, 0.5, 0.5, 0.5),
        "price": (10, 8, 100, 100, 100),
        "who": (10, 8, None, None, None),
    }
    assert sum(manifest.statistics["x"].histogram) == 8
    assert manifest.statistics["who"].top == (("somebody", 2),)


def test_features_that_no_record_has_are_only_missing(tmp_path: Path) -> None:
    manifest = jobs.run(tmp_path, OPTIONAL, {"a": optional_records("sequence_example", 0, 3)})
    for key, values in (("x", 12), ("weight", 6), ("price", 3), ("who", 3)):
        assert manifest.statistics[key] == ColumnStatistics(values=values, missing=values)


def test_features_that_went_missing_are_flagged(tmp_path: Path) -> None:
    def prepare(name: str, present: int, absent: int) -> Manifest:
        (tmp_path / name).mkdir()
        return jobs.run(tmp_path / name, OPTIONAL, {"a": optional_records("sequence_example", present, absent)})

    drifts = compare_manifests(prepare("after", 10, 40), prepare("before", 50, 0))
    flags = {drift.key: drift.flags for drift in drifts if drift.flags}
    assert flags == dict.fromkeys(("x", "tag", "weight", "price", "who"), ("missing: 0% → 80.0%",))


def test_strings_are_counted_exactly_up_to_a_limit(tmp_path: Path) -> None:
    texts = [f"user {number}".encode() for number in range(10_000)] + [b"user 7"] * 3
    manifest = prepare_contexts(tmp_path, texts)
    found = manifest.statistics["text"]
    assert len(manifest.shards) > 2
    assert (found.values, found.distinct, len(found.top)) == (10_003, 10_000, 20)
    assert found.top[:3] == (("user 7", 4), ("user 0", 1), ("user 1", 1))


def test_strings_beyond_the_limit_are_not_counted_individually(tmp_path: Path) -> None:
    found = prepare_contexts(tmp_path, [f"user {number}".encode() for number in range(10_001)]).statistics["text"]
    assert found == ColumnStatistics(values=10_001)
    assert "More than 10,000 distinct strings" in (tmp_path / "out" / "report.html").read_text()


def test_long_strings_are_distinguished_but_shown_truncated(tmp_path: Path) -> None:
    beginning = "è" * 60_000
    texts = [f"{beginning}{number}".encode() for number in range(30)]
    found = prepare_contexts(tmp_path, [*texts, texts[0], b"x" * 200]).statistics["text"]
    assert found.distinct == 31
    assert found.top[:2] == (("è" * 200 + "…", 2), ("x" * 200, 1))
    assert (tmp_path / "out" / "manifest.json").stat().st_size < 30_000


def test_bytes_that_are_not_utf8_differ_from_their_escapes(tmp_path: Path) -> None:
    found = prepare_contexts(tmp_path, [b"\xff", b"\xff", rb"\xff", b"\0", b""]).statistics["text"]
    assert found.distinct == 4
    assert found.top == ((r"\xff", 2), ("", 1), ("\0", 1), (r"\xff", 1))
