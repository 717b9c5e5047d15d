"""Folders, patterns and paths of raw files: one rule, on every kind of file system and for every command."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lengthwise.config import JobConfig
from lengthwise.draft import draft_config
from lengthwise.errors import ConfigError
from lengthwise.feed.options.raw_job import RawJob
from lengthwise.job import run
from lengthwise.job.reading.input_files import list_inputs
from lengthwise.records.container.frame_writing import frame
from lengthwise.storage import files
from lengthwise.storage.input_sources import find_sources
from lengthwise_cli.main import main
from prepare.storage_kinds import KINDS, storage_folder
from records.messages import sequence_example

DATA = ["day=1/part-0.tfrecord", "day=1/part-1.gz", "day=2/deep/er/part-0", "_day=3/part-0", "top.tfrecord"]
WITHOUT_DATA = [
    *("_SUCCESS", "day=1/_SUCCESS", "day=1/.part-0.tfrecord.crc", "day=1/part-1.gz.crc", "day=2/part-1.tmp"),
    *("_temporary/0/part-0", ".work/x", "day=2/part-2._COPYING_", "dataset_info.json", "day=1/README.md", "labels.TXT"),
]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder on a file system of each kind, with data and other files."""
    with storage_folder(request.param, tmp_path, monkeypatch) as folder:
        for name in [*DATA, *WITHOUT_DATA]:
            files.write_bytes(f"{folder}/raw/{name}", b"x")
        yield f"{folder}/raw"


def _found(folder: str, pattern: str) -> list[str]:
    found = find_sources([f"{folder}{pattern}"], "files")
    paths = [match.path for match in found.files]
    assert not set(paths) & set(found.left_out)
    return [path[len(folder) + 1 :] for path in paths]


EXPECTED = {
    "": DATA,
    "/": DATA,
    "/day=1": DATA[:2],
    "/day=1/": DATA[:2],
    "/day=*": DATA[:3],  # folders
    "/day=*/": DATA[:3],
    "/*": ["top.tfrecord", "dataset_info.json", "labels.TXT"],  # files, so none of folders
    "/day=1/*": ["day=1/README.md", *DATA[:2]],
    "/day=1/part-*": DATA[:2],
    "/*/_SUCCESS": ["day=1/_SUCCESS"],  # asked for
    "/_SUCCESS": ["_SUCCESS"],
    "/dataset_info.json": ["dataset_info.json"],
    "/_day=3": ["_day=3/part-0"],
    "/day=2/deep": ["day=2/deep/er/part-0"],
}


def test_a_folder_means_all_data_below_and_a_pattern_what_it_matches(place) -> None:
    expected = {pattern: sorted(names) for pattern, names in EXPECTED.items()}
    assert {pattern: _found(place, pattern) for pattern in EXPECTED} == expected


def test_skipped_files_are_named(place) -> None:
    found = find_sources([place], "files")
    assert found.left_out == tuple(sorted(f"{place}/{name}" for name in WITHOUT_DATA))
    listed = ", ".join(found.left_out[:3])
    assert found.text == f"5 files; left out: {listed} and 8 more"
    files.remove(f"{place}/day=2")
    files.write_bytes(f"{place}/day=2/_SUCCESS", b"x")
    with pytest.raises(ConfigError) as caught:
        find_sources([f"{place}/day=2"], "inputs.files")
    assert str(caught.value) == (
        f"inputs.files: expected files with records at {place}/day=2, found none "
        f"(left out: {place}/day=2/_SUCCESS); name a file to read it"
    )


def test_nothing_is_an_error(place) -> None:
    with pytest.raises(ConfigError, match=r"files: expected files at .*/nothing, found none; check the path"):
        find_sources([f"{place}/nothing"], "files")


def test_a_folder_is_taken_by_its_name_and_each_file_once(tmp_path) -> None:
    for name in ("run[1]/a", "run1/a"):
        files.write_bytes(f"{tmp_path}/{name}", b"x")
    assert _found(str(tmp_path), "/run[1]") == ["run[1]/a"]
    os.symlink(tmp_path / "run1" / "a", tmp_path / "run1" / "a-longer-name")
    assert [match.path for match in find_sources([f"{tmp_path}/run1", f"{tmp_path}/run1/../run1/a"], "f").files] == [
        f"{tmp_path}/run1/a"
    ]


def test_every_command_and_reader_takes_a_folder(tmp_path) -> None:
    raw = str(tmp_path / "raw")
    for name in ("a.tfrecord", "day=1/b.tfrecord"):
        files.write_bytes(f"{raw}/{name}", frame([sequence_example({"x": [1, 2]})] * 30))
    for name in ("_SUCCESS", "features.json"):
        files.write_bytes(f"{raw}/{name}", b"{}")
    found = [f"{raw}/a.tfrecord", f"{raw}/day=1/b.tfrecord"]
    config = JobConfig.model_validate(
        {
            "inputs": {"files": raw},
            "columns": [{"kind": "identity", "key": "x", "num_buckets": 3}],
            "output": {"path": f"{tmp_path}/prepared"},
        }
    )
    assert (
        [source.path for source in list_inputs(config)]
        == RawJob.of(raw, config.columns, "train").find_files()
        == RawJob.of([raw, f"{raw}/*.tfrecord"], config.columns, "train").find_files()
        == found
    )
    messages: list[str] = []
    assert run(config, workers=1, progress=lambda event: messages.append(event.message)).counts.written == 60
    assert f"inputs.files: 2 files; left out: {raw}/_SUCCESS, {raw}/features.json" in messages
    draft = draft_config([raw])
    assert f"# 2 files; left out: {raw}/_SUCCESS, {raw}/features.json.\n" in draft
    assert f"    - {raw}\n" in draft
    shown = CliRunner().invoke(main, ["inspect", raw, "-n", "1"])
    assert f"{raw}: 2 files; left out: {raw}/_SUCCESS, {raw}/features.json\n{raw}: 60 records" in shown.stdout
    assert f"{raw}/a.tfrecord\n#0" in shown.stdout
    whole = CliRunner().invoke(main, ["inspect", raw, "--record", "31"])
    assert (whole.exit_code, "#1" in whole.stdout) == (0, True), whole.output
