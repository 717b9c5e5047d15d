"""Every mistake in a configuration or on the command line: one readable message, exit code 2, no traceback."""

import os
from collections.abc import Callable

import pytest

from config.mistakes import MISTAKES, Mistake
from lengthwise import prepare
from lengthwise.config import load_config


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_the_configuration(mistake: Mistake, tmp_path, monkeypatch, lengthwise) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(mistake.yaml)
    result = lengthwise("check", "job.yaml", code=2)
    assert result.stderr == f"Error: {mistake.message.replace('FILE', 'job.yaml')}\n"
    assert result.stdout == ""


def _foreign(place) -> list[object]:
    (place.folder / "full").mkdir()
    (place.folder / "full" / "thesis.txt").write_text("mine")
    return ["prepare", place.job, "--output", place.folder / "full"]


def _unwanted(place) -> list[object]:
    return ["inspect", place.raw]


def _misnamed(place) -> list[object]:
    os.rename(place.raw / "b.tfrecord", os.fsencode(place.raw / "b") + b"\xff.tfrecord")
    return ["prepare", place.job]


def _prepared(place) -> str:
    prepare.run(load_config(place.job), workers=1)
    return str(place.prepared)


WRONG: dict[str, tuple[Callable, list[str]]] = {
    "no such configuration": (
        lambda place: ["prepare", place.folder / "jop.yaml"],
        ["jop.yaml: expected a YAML file, received no such file", "did you mean", "job.yaml?"],
    ),
    "no such input": (
        lambda place: ["check", place.job, "/nowhere/*.tfrecord"],
        ["expected files at /nowhere/*.tfrecord, found none"],
    ),
    "a folder as input": (
        lambda place: ["check", place.job, place.raw],
        ["found none; it is a folder: write ", "raw/* for the files in it"],
    ),
    "a bracket that is no pattern": (
        lambda place: ["check", place.job, place.folder / "raw [x]" / "*"],
        ["found none; check the path or the pattern ([ opens a set of characters; write [[] for"],
    ),
    "a file name that is not UTF-8": (_misnamed, ["expected file names in UTF-8, found b'", "\\xff.tfrecord'; rename"]),
    "somebody's folder": (_foreign, ["expected a new or an empty folder", "holds thesis.txt", "name another folder"]),
    "a setting that is none": (
        lambda place: ["check", place.job, "--set", "buckets.cuont=3"],
        ["buckets.cuont", "did you mean", "count"],
    ),
    "a setting of a wrong value": (
        lambda place: ["check", place.job, "--set", "shuffle.seed=later"],
        ["shuffle.seed: expected", "received 'later'"],
    ),
    "a setting without a value": (
        lambda place: ["check", place.job, "--set", "shuffle"],
        ["--set: expected FIELD=VALUE", "received 'shuffle'"],
    ),
    "a setting that is no YAML": (
        lambda place: ["check", place.job, "--set", "shuffle.seed=[1"],
        ["--set shuffle.seed: expected a YAML value, received '[1'"],
    ),
    "no output": (
        lambda place: ["prepare", place.job, "--set", "output.path=''"],
        ["output.path: expected"],
    ),
    "a runner that loses records": (
        lambda place: ["prepare", place.job, "--", "--runner=DaskRunner"],
        ["--runner=DaskRunner", "lose records"],
    ),
    "a runner that cannot reach the scratch folder": (
        lambda place: ["plan", place.job, "--", "--runner=DataflowRunner"],
        ["--runner=DataflowRunner: expected --temp_location"],
    ),
    "a folder of raw files": (_unwanted, ["received a folder without manifest.json"]),
    "nothing to inspect": (lambda place: ["inspect", place.folder / "nothing"], ["received a path where nothing is"]),
    "a bucket of a raw file": (
        lambda place: ["inspect", place.raw / "a.tfrecord", "--bucket", "4"],
        ["--bucket, --split: expected a prepared data set"],
    ),
    "a record beyond the last": (
        lambda place: ["inspect", place.raw / "a.tfrecord", "--record", "100"],
        ["has no record 100"],
    ),
    "a draft over another": (
        lambda place: ["init", place.raw / "a.tfrecord", "-o", place.job],
        ["stands there already", "--overwrite"],
    ),
    "a draft of a folder": (
        lambda place: ["init", place.raw],
        ["matches no file; it is a folder: write ", "raw/* for the files in it"],
    ),
    "an extract over another file": (
        lambda place: ["rejects", _prepared(place), "--extract", place.job],
        ["--extract: ", "job.yaml stands there already", "--overwrite"],
    ),
    "rejects of a column that has none": (
        lambda place: ["rejects", _prepared(place), "--column", "wodrs"],
        ["no record was rejected for 'wodrs'; there are: not_finite of column 'x'"],
    ),
    "a draft of nothing": (lambda _: ["init", "/nowhere/*"], ["/nowhere/*: expected a file or a pattern"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_on_the_command_line(name: str, place, lengthwise) -> None:
    arguments, texts = WRONG[name]
    result = lengthwise(*arguments(place), code=2)
    assert [text for text in texts if text not in result.stderr] == [], result.stderr
    assert result.stdout == ""


def test_json_gives_the_error_as_an_event_too(place, lengthwise) -> None:
    import json

    result = lengthwise("prepare", place.job, "--set", "shuffle.seed=later", "--json", code=2)
    event = json.loads(result.stdout)
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert "shuffle.seed" in event["message"]
