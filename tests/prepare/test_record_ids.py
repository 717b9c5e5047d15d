"""Ids of whole records in a job: records are split by the raw value, and the manifest describes the ids."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from lengthwise import columns as lw
from lengthwise.columns import AnyColumn
from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.manifest import Manifest
from lengthwise.records.samples.record_display import MISSING_ENTRY, show_prepared
from lengthwise.report.feature_cards import feature_cards
from prepare import jobs
from records.messages import sequence_example

STEPS = lw.sequence_numeric_column("x")


def splits_of(folder: Path, user: AnyColumn, values: list[str] | list[int]) -> dict[str, list[float]]:
    """By split, the first step of each record."""
    folder.mkdir()
    records = [sequence_example({"x": [float(place)]}, {"user": value}) for place, value in enumerate(values)]
    sections = {"splits": {"fractions": {"train": 0.5, "eval": 0.5}, "key": "user"}}
    manifest = jobs.run(folder, [STEPS, user], {"a.tfrecord": records}, **sections)
    found: dict[str, list[float]] = defaultdict(list)
    for row in jobs.sequences(folder / "out", manifest):
        found[row.split].append(row.features["x"][0][0])
    return {split: sorted(numbers) for split, numbers in found.items()}


@pytest.mark.parametrize(
    ("plain", "ids", "values"),
    [
        (
            lw.context_column("user", dtype="string"),
            lw.categorical_column_with_vocabulary_list("user", ["u1", "u2"]),
            [f"u{number % 20}" for number in range(80)],
        ),
        (
            lw.context_column("user", dtype="int64"),
            lw.categorical_column_with_identity("user", 2, oov="zero"),
            [number % 20 for number in range(80)],
        ),
    ],
    ids=["strings", "integers"],
)
def test_the_split_key_is_the_raw_value_regardless_of_the_lookup(tmp_path, plain, ids, values) -> None:
    expected = splits_of(tmp_path / "plain", plain, values)
    assert set(expected) == {"train", "eval"}
    assert splits_of(tmp_path / "ids", ids, values) == expected


def test_several_values_are_no_split_key() -> None:
    topics = lw.categorical_column_with_identity("topics", 9, values_per_step=2)
    with pytest.raises(ValueError, match="expected a context column of one value, received 'topics'; available: none"):
        JobConfig(columns=(STEPS, topics), splits={"key": "topics"})


def test_two_columns_of_one_feature_must_agree_on_per() -> None:
    columns = [lw.sequence_categorical_column_with_identity("a", 9), lw.categorical_column_with_identity("a", 9)]
    with pytest.raises(ConfigError, match="'a' by different rules .per 'step' and 'record'"):
        lw.sequence_features(columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ids")


@pytest.fixture(scope="module")
def counted(folder: Path) -> Manifest:
    topics = lw.categorical_column_with_vocabulary_list("topics", ["a", "b"], values_per_step=3, required=False)
    contexts = [{"topics": ["a", "a", "b"]}, {"topics": ["?"]}, {}, {"topics": ["a", "a", "a", "b"]}]
    records = [sequence_example({"x": [1.0]}, context) for context in contexts]
    return jobs.run(folder, [STEPS, topics], {"a.tfrecord": records})


def test_ids_are_counted_and_their_number_has_statistics(counted: Manifest) -> None:
    ids, number = counted.statistics["topics"], counted.statistics["topics_count"]
    assert (ids.values, ids.missing, ids.top) == (9, 6, (("0", 2), ("1", 1)))
    assert (number.values, number.min, number.max) == (3, 0, 3)
    assert np.isclose(number.mean or 0, 4 / 3)


def test_outside_values_are_repaired_absent_features_are_not_and_too_many_values_are_refused(counted: Manifest) -> None:
    assert counted.counts.repaired == {"topics": 1}
    assert counted.counts.rejected == {"value_count": 1}


def test_the_report_describes_their_kinds(counted: Manifest) -> None:
    kinds = {card.key: (card.kind, card.names) for card in feature_cards(counted)}
    assert kinds == {
        "x": ("sequence · float32", "x"),
        "topics": ("context · vocabulary of 2", "topics"),
        "topics_count": ("context · int64", "topics"),
    }
    assert list(kinds) == ["x", "topics", "topics_count"]
    [topics] = [card for card in feature_cards(counted) if card.key == "topics"]
    assert [(row.value, row.count) for row in topics.top] == [("a", 2), ("b", 1)]


def test_inspect_shows_the_values_of_ids(counted: Manifest, folder: Path) -> None:
    shown = [record.context for record in show_prepared(str(folder / "out"), counted, counted.shards)]
    found = sorted((about["topics_count"], [str(value) for value in about["topics"]]) for about in shown)
    missing = str(MISSING_ENTRY)
    assert found == [([0], [missing] * 3), ([1], [missing] * 3), ([3], ["a", "a", "b"])]
