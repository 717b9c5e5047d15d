"""`lengthwise compare`: what moved since an earlier data set, by exit code, table and JSON, and under other limits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from report.test_false_alarms import sample


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three data sets with only their manifests, as a comparison reads no more; moods and lengths of one moved."""
    folder, rng = tmp_path_factory.mktemp("weeks"), np.random.default_rng(3)
    for name, changes in (("first", {}), ("second", {}), ("moved", {"shift": 3.0, "longer": 3.0})):
        (folder / name).mkdir()
        (folder / name / "manifest.json").write_text(sample(rng, 2000, **changes).to_json())
    return folder


def test_two_weeks_of_one_source_are_no_alarm(weeks: Path, lengthwise: Callable[..., Any]) -> None:
    result = lengthwise("compare", weeks / "second", weeks / "first")
    assert result.stdout.endswith("none of 8 features moved\n")
    assert result.stderr == ""
    assert lengthwise("compare", weeks / "second", weeks / "first", "--quiet").output == ""


def test_what_moved_is_an_exit_code_a_table_and_json(weeks: Path, lengthwise: Callable[..., Any]) -> None:
    arguments = ("compare", weeks / "moved", weeks / "first" / "manifest.json")
    result = lengthwise(*arguments, code=1)
    assert f"2 of 8 features moved from {weeks / 'first'}: " in result.stderr
    assert "distribution moved: Jensen-Shannon distance" in result.stdout
    result = lengthwise(*arguments, "--json", code=1)
    comparison = json.loads(result.stdout)
    assert sorted(comparison["moved"]) == ["mood", "sequence_length"]
    assert comparison["limits"]["false_alarms"] == 0.01
    by_key = {feature["key"]: feature for feature in comparison["features"]}
    assert by_key["mood"]["measure"] == "Jensen-Shannon"
    assert by_key["mood"]["distance"] > 0.5
    assert by_key["film"]["flags"] == []


@pytest.mark.parametrize(
    ("limits", "moved"),
    [
        ("columns: {mood: {ignore: true}}", ["sequence_length"]),
        ("columns: {mood: {distance: 1, growth: 10}, sequence_length: {ignore: yes}}", []),
        ("distance: 1\ngrowth: 10\ncolumns: {sequence_length: {ignore: true}, mood: {distance: 0.1}}", ["mood"]),
        ("false_alarms: 1.0e-300\ncolumns: {sequence_length: {ignore: true}}", ["mood"]),
    ],
)
def test_limits_are_for_all_columns_or_some(
    weeks: Path, lengthwise: Callable[..., Any], tmp_path: Path, limits: str, moved: list[str]
) -> None:
    file = tmp_path / "drift.yaml"
    file.write_text(limits)
    arguments = ("compare", weeks / "moved", weeks / "first", "--json", "--limits", file)
    assert json.loads(lengthwise(*arguments, code=int(bool(moved))).stdout)["moved"] == moved


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("distence: 0.3", "drift.yaml: distence: expected a known field, received 'distence'; did you mean"),
        ("columns: {mood: {share: 2}}", "drift.yaml: columns.mood.share: expected at most 1"),
        ("columns: {moot: {share: 1}}", "columns.moot: expected a feature of one of the data sets, received 'moot'"),
        ("false_alarms: 0", "drift.yaml: false_alarms: expected"),
        ("[1]", "drift.yaml: expected a mapping of fields"),
    ],
)  # fmt: skip
def test_wrong_limits_name_the_field(
    weeks: Path, lengthwise: Callable[..., Any], tmp_path: Path, limits: str, message: str
) -> None:
    (tmp_path / "drift.yaml").write_text(limits)
    error = lengthwise("compare", weeks / "moved", weeks / "first", "--limits", tmp_path / "drift.yaml", code=2).stderr
    assert message in error


def test_a_folder_without_a_data_set_is_one_message(
    weeks: Path, lengthwise: Callable[..., Any], tmp_path: Path
) -> None:
    assert "no manifest" in lengthwise("compare", weeks / "first", tmp_path, code=1).stderr
    assert "does not exist" in lengthwise("compare", weeks / "first", tmp_path / "no", code=2).stderr
