"""`read_raw` of a job and the data set that the job prepares: the same records in the same split."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import lengthwise as lw
from lengthwise.config import Splits
from lengthwise.errors import ConfigError
from lengthwise.feed.parsing.split_filter import SplitFilter
from lengthwise.feed.rows.feed_features import Flat, Rows
from lengthwise.records.rows.splits import assign_splits, hash_values, splits_of_records
from lengthwise.rules.raw_steps import RawSteps
from records.messages import sequence_example, write_records

COLUMNS = [
    lw.sequence_numeric_column("x", max_value=1.0),
    lw.context_column("record", dtype="int64"),
    lw.categorical_column_with_hash_bucket("user", 7, dtype="int64"),  # divided by the number, not by its id
    lw.context_column("name", dtype="string", default_value="nobody"),
    lw.context_column("score"),
]
PARTS = {"train": 0.6, "eval": 0.3, "test": 0.1}
DIVISIONS: dict[str, dict[str, Any]] = {
    "bytes": {"fractions": PARTS, "seed": 2**63 - 1},
    "integers": {"fractions": PARTS, "key": "user"},
    "strings": {"fractions": PARTS, "key": "name"},
}
INVALID = 10  # of the 300 records


def make_record(number: int) -> bytes:
    steps = [number / 300 if number % 30 else 2.0] * (number % 7 + 1)
    context = {"record": number, "user": number % 41 - 20, "score": number % 23 / 7}
    return sequence_example({"x": steps}, context | ({"name": f"n{number % 37}"} if number % 5 else {}))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw_splits")
    records = [make_record(number) for number in range(300)]
    for part in range(3):
        write_records(folder / f"{part}.tfrecord", records[part::3])
    return folder


def job_of(raw: Path, **sections: Any) -> dict[str, Any]:
    buckets = {"boundaries": [3, 6]}
    rules = {"sequences": {"over_long": "truncate_left"}, "limits": {"rejected_fraction": 0.1}}
    inputs = {} if "inputs" in sections else {"inputs": {"files": f"{raw}/*.tfrecord"}}
    return {**inputs, "columns": COLUMNS, "buckets": buckets, **rules, **sections}


def records_of(dataset: Any) -> list[tuple[Any, ...]]:
    """Each record's number, values and other features, sorted."""
    found = []
    for batch in dataset.as_numpy_iterator():
        for row, length in enumerate(batch["sequence_length"]):
            others = (batch[key][row] for key in ("user", "name", "score"))
            found.append((int(batch["record"][row]), batch["x"][row, :length].tolist(), *others))
    return sorted(found)


@pytest.mark.parametrize("division", [*DIVISIONS, "files"])
def test_the_records_of_each_split_are_those_of_the_prepared_data(division: str, raw: Path, tmp_path: Path) -> None:
    if division == "files":
        by_split = {"train": [f"{raw}/0.tfrecord", f"{raw}/1.tfrecord"], "eval": f"{raw}/2.tfrecord"}
        job = job_of(raw, inputs={"by_split": by_split})
    else:
        job = job_of(raw, splits=DIVISIONS[division])
    data = lw.prepare(job, output=tmp_path / "out", workers=1)
    assert len(data.splits) == (2 if division == "files" else 3)
    everything, read, by_key = 0, 0, "key" in job.get("splits", {})
    for split in data.splits:
        expected = records_of(data.read(split, batch_size=16))
        assert records_of(lw.read_raw(job, split, batch_size=16, on_invalid="skip")) == expected
        counts = lw.count_raw(job, split)
        assert counts["valid"] == len(expected) == data.splits[split]
        assert sum(counts.values()) == (300 if division != "files" else {"train": 200, "eval": 100}[split])
        everything += len(expected)
        read += counts.get("out_of_range", 0)
    assert (everything, read) == (300 - INVALID, INVALID * (len(data.splits) if by_key else 1))


def test_an_invalid_record_stops_only_the_reader_of_its_split(raw: Path) -> None:
    number = splits_of_records([make_record(0)], Splits(fractions={"train": 0.5, "eval": 0.5}))[0]
    job = {
        "inputs": {"files": write_records(raw / "few", [make_record(n) for n in (0, *range(31, 59))])},
        "columns": COLUMNS,
        "splits": {"fractions": {"train": 0.5, "eval": 0.5}},
    }
    split, other = ("eval", "train") if number == 0 else ("train", "eval")
    assert 5 < len(records_of(lw.read_raw(job, other, batch_size=8))) < 24
    with pytest.raises(tf.errors.InvalidArgumentError, match="out_of_range"):
        records_of(lw.read_raw(job, split, batch_size=8))


def split_filters(splits: Splits) -> list[SplitFilter]:
    config = lw.JobConfig(columns=tuple(COLUMNS), splits=splits)
    return [SplitFilter(config, name) for name in splits.fractions]


@st.composite
def divisions(draw: st.DrawFn, key: str | None = None) -> Splits:
    weights = draw(st.lists(st.one_of(st.floats(1e-12, 1), st.integers(1, 9)), min_size=2, max_size=5))
    fractions = {f"s{number}": weight / sum(weights) for number, weight in enumerate(weights)}
    return Splits(fractions=fractions, key=key, seed=draw(st.integers(0, 2**63 - 1)))


@settings(max_examples=60)
@given(divisions(), st.lists(st.binary(max_size=200), min_size=1, max_size=20))
def test_bytes_are_divided_by_tensorflow_as_by_numpy(splits: Splits, records: list[bytes]) -> None:
    expected = splits_of_records(records, splits)
    found = [split.of_records(tf.constant(records)).numpy() for split in split_filters(splits)]
    np.testing.assert_array_equal(np.argmax(found, axis=0), expected)
    assert np.sum(found, axis=0).tolist() == [1] * len(records)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "user": st.integers(-(2**63), 2**63 - 1),
    "name": st.binary(max_size=30),
    "score": st.floats(width=32),
}


@settings(max_examples=60)
@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_values_of_a_key_are_divided_by_tensorflow_as_by_numpy(data: st.DataObject, key: str) -> None:
    splits = data.draw(divisions(key))
    values = data.draw(st.lists(VALUES[key], min_size=1, max_size=20))
    dtype = {"user": np.int64, "score": np.float32}.get(key)
    array = pa.array(values, pa.large_binary()) if dtype is None else np.array(values, dtype)
    expected = assign_splits(hash_values(array), list(splits.fractions.values()), splits.seed)
    tensor = tf.constant(values, tf.string) if dtype is None else tf.constant(array)
    numbers = tf.range(len(values), dtype=tf.int64)
    flat = Flat(tf.repeat(numbers, 2), tf.range(len(values) + 1, dtype=tf.int64) * 2)
    rows = Rows({"x": flat}, tf.fill([len(values)], 2), {key: tensor}, tf.fill([len(values)], True))
    parsed = {key: RawSteps(tensor, tf.range(len(values) + 1, dtype=tf.int64), None, rows.keep)}
    for number, split in enumerate(split_filters(splits)):
        selected = split.rows(rows, parsed)
        wanted = np.flatnonzero(expected == number)
        np.testing.assert_array_equal(selected.sequences["x"].values, np.repeat(wanted, 2))
        assert len(selected.lengths) == len(selected.keep) == len(selected.context[key]) == len(wanted)


def test_the_shares_are_the_configured_ones() -> None:
    splits = Splits(fractions=PARTS)
    found = splits_of_records((number.to_bytes(4, "little") for number in range(20_000)), splits)
    shares = np.bincount(found) / 20_000
    np.testing.assert_allclose(shares, list(splits.fractions.values()), atol=0.015)


WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no such split": ({"columns": COLUMNS}, {"split": "tset"}, r"split: expected one of the job's splits \(train\)"),
    "no files": ({"columns": COLUMNS}, {}, "inputs.files: expected at least one file or pattern, received none"),
    "a list without columns": (["raw"], {}, "columns: expected columns with a list of files, received none"),
    "columns twice": (
        {"columns": COLUMNS},
        {"columns": COLUMNS},
        "columns: expected none with a job",
    ),
    "a wrong field": ({"columns": COLUMNS, "split": {}}, {}, "split"),
    "columns that are none": ("raw", {"columns": [3]}, "All feature_columns must be of type"),
    "no columns": ("raw", {"columns": []}, "columns: expected at least 1"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("reader", ["read_raw", "count_raw"])
def test_wrong_arguments_are_refused_before_reading(name: str, reader: str) -> None:
    source, arguments, message = WRONG[name]
    options = {"batch_size": 8} if reader == "read_raw" else {}
    with pytest.raises(ConfigError, match=message):
        getattr(lw, reader)(source, **arguments, **options)


def test_a_job_may_be_given_by_its_path(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(f"inputs: {{files: '{raw}/0.tfrecord'}}\ncolumns: [{{kind: numeric, key: x}}]\n")
    numbers = [row for batch in lw.read_raw(path, batch_size=8) for row in batch["x"].numpy()[:, 0].tolist()]
    assert lw.count_raw(str(path)) == {"valid": len(numbers)} == {"valid": 100}
