"""Every mistake in a configuration or on the command line: one readable message, exit code 2, no traceback."""

import json
import os
from collections.abc import Callable

import pytest

from cli.conftest import start
from config.mistakes import MISTAKES, Mistake
from lengthwise.config import load_config
from lengthwise.job import run


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


def _empty_folder(place, *names: str) -> object:
    (place.folder / "empty").mkdir()
    for name in names:
        (place.folder / "empty" / name).touch()
    return place.folder / "empty"


def _misnamed(place) -> list[object]:
    os.rename(place.raw / "b.tfrecord", os.fsencode(place.raw / "b") + b"\xff.tfrecord")
    return ["prepare", place.job]


def _prepared(place) -> str:
    run(load_config(place.job), workers=1)
    return str(place.prepared)


DRY = ("--dry_run=True",)

WRONG: dict[str, tuple[Callable, list[str]]] = {
    "no such configuration": (
        lambda place: ["prepare", place.folder / "jop.yaml"],
        ["jop.yaml: expected a YAML file, received no such file", "did you mean", "job.yaml?"],
    ),
    "no such input": (
        lambda place: ["check", place.job, "/nowhere/*.tfrecord"],
        ["expected files at /nowhere/*.tfrecord, found none"],
    ),
    "an empty folder as input": (
        lambda place: ["check", place.job, _empty_folder(place)],
        ["inputs.files: expected files with records below ", "found an empty folder; check the path"],
    ),
    "a folder without data as input": (
        lambda place: ["check", place.job, _empty_folder(place, "_SUCCESS")],
        ["inputs.files: expected files with records at ", "empty, found none (left out: ", "/_SUCCESS); name a file"],
    ),
    "a bracket that is no pattern": (
        lambda place: ["check", place.job, place.folder / "raw [x]" / "*"],
        ["found none; check the path or the pattern ([ opens a set of characters; write [[] for"],
    ),
    "a file name that is not UTF-8": (_misnamed, ["expected file names in UTF-8, found b'", "\\xff.tfrecord'; rename"]),
    "somebody's folder": (
        _foreign,
        ["expected a new or an empty folder", "contains thesis.txt", "name another folder"],
    ),
    "an unknown setting": (
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
    "an empty folder to inspect": (lambda place: ["inspect", _empty_folder(place)], ["found an empty folder"]),
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
        ["exists already", "--overwrite"],
    ),
    "a draft of an empty folder": (lambda place: ["init", _empty_folder(place)], ["FILES: ", "found an empty folder"]),
    "an extract over another file": (
        lambda place: ["rejects", _prepared(place), "--extract", place.job],
        ["--extract: ", "job.yaml exists already", "--overwrite"],
    ),
    "rejects of a column that has none": (
        lambda place: ["rejects", _prepared(place), "--column", "wodrs"],
        ["no record was rejected for 'wodrs'; the rejects have: not_finite of column 'x'"],
    ),
    "a page over another file": (
        lambda place: ["report", _prepared(place), "-o", place.job],
        ["--output: ", "job.yaml exists already", "--overwrite"],
    ),
    **{
        f"a missing data set to {' '.join(command)}": (
            lambda place, command=command: [*command, place.folder / "nothing"],
            ["nothing: expected a prepared data set", "received a path that does not exist"],
        )
        for command in (["verify"], ["rejects"], ["inspect"], ["report", "-o", "page.html"])
    },
    "a missing data set to compare with": (
        lambda place: [
            "report",
            _prepared(place),
            "-o",
            place.folder / "x.html",
            "--compare",
            place.folder / "nothing",
        ],
        ["nothing: expected a prepared data set", "received a path that does not exist"],
    ),
    **{
        f"a file to {' '.join(command)}": (
            lambda place, command=command: [*command, place.job],
            ["job.yaml: expected the folder of a prepared data set, received a file"],
        )
        for command in (["verify"], ["rejects"], ["report", "-o", "page.html"])
    },
    **{
        f"a size of {size} for {field}": (
            lambda place, field=field, size=size: ["check", place.job, "--set", f"{field}={size}"],
            [f"{field}: expected", "received "],
        )
        for size in ("inf", "-inf", ".inf", "nan", ".nan", "1e999", "1e400MiB", "infGiB", "0", "-3KiB", "''")
        for field in ("output.shard_bytes", "limits.max_record_bytes")
    },
    "Beam's options before the dashes": (
        lambda place: ["check", place.job, "--runner=DataflowRunner"],
        ["No such option", "Beam's options follow --, as in: ", "check ... -- --runner=DataflowRunner"],
    ),
    "Beam's options before the dashes, in two words": (
        lambda place: ["prepare", "--direct_num_workers", "2", place.job],
        ["Beam's options follow --, as in: ", "prepare ... -- --direct_num_workers"],
    ),
    "a dry run without input": (
        lambda place: ["prepare", place.job, "--set", "inputs.by_split={}", "--", *DRY],
        ["inputs.files: expected at least one file or pattern, received none"],
    ),
    "a dry run of splits without a file": (
        lambda place: ["prepare", place.job, "--set", "inputs.by_split={train: nowhere/*}", "--", *DRY],
        ["inputs.files: expected files at nowhere/*, found none"],
    ),
    "a draft of nothing": (lambda _: ["init", "/nowhere/*"], ["FILES: expected files at /nowhere/*, found none"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_on_the_command_line(name: str, place, lengthwise) -> None:
    arguments, texts = WRONG[name]
    result = lengthwise(*arguments(place), code=2)
    assert [text for text in texts if text not in result.stderr] == [], result.stderr
    assert result.stdout == ""


def test_json_gives_the_error_as_an_event_and_once(place, lengthwise) -> None:
    result = lengthwise("prepare", place.job, "--set", "shuffle.seed=later", "--json", code=2)
    event = json.loads(result.stdout)
    assert result.stderr == ""
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert "shuffle.seed" in event["message"]
    assert (
        "Traceback" in start("--debug", "prepare", place.job, "--set", "shuffle.seed=later", "--json").communicate()[1]
    )
    [event] = map(json.loads, lengthwise("verify", place.folder / "nothing", "--json", code=2).stdout.splitlines())
    assert (event["event"], event["exit_code"]) == ("error", 2)


def test_a_manifest_names_its_data_set(place, lengthwise) -> None:
    folder = _prepared(place)
    for command in (
        ["verify"],
        ["rejects"],
        ["inspect"],
        ["report", "-o", place.folder / "x.html", "--compare", folder],
    ):
        lengthwise(*command, f"{folder}/manifest.json")


def test_a_page_is_replaced_when_asked(place, lengthwise) -> None:
    page = place.folder / "page.html"
    page.write_text("mine")
    lengthwise("report", _prepared(place), "-o", page, code=2)
    assert page.read_text() == "mine"
    lengthwise("report", place.prepared, "-o", page, "--overwrite")
    assert page.read_text() == (place.prepared / "report.html").read_text()


def test_a_fault_of_ours_ends_the_events_too(place, lengthwise, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a\x1b")

    monkeypatch.setattr("lengthwise.job.run_by_plan", fail)
    result = lengthwise("prepare", place.job, "--json", code=3)
    event = json.loads(result.stdout.splitlines()[-1])
    assert event == {"event": "error", "message": "ZeroDivisionError: a\x1b", "exit_code": 3}
    assert "unexpected error: ZeroDivisionError: a\\x1b" in result.stderr
