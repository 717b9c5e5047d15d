"""Paths that contain `*`, `?` and `[` are paths: only what a user gives as a pattern is a pattern."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from lengthwise.config import JobConfig
from lengthwise.job import run
from lengthwise.job.verification.data_set_verification import verify_data_set
from lengthwise.manifest import load_manifest
from lengthwise.storage import files
from prepare import jobs, words
from prepare.storage_kinds import KINDS, storage_folder

NAMES = {"run[1]": "run1", "a*b": "axb", "what?": "whats", "[!a]": "b", "a**b": "a/x/b"}
"""Names, each with another that it would match as a pattern."""
FILES = words.files(count=2, records=20, invalid=0)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with storage_folder(request.param, tmp_path, monkeypatch) as folder:
        yield folder


def sizes(pattern: str) -> dict[str, int]:
    """The sizes of the files that match a pattern, by path."""
    return {path: size for path, size, _ in files.find(pattern)}


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_listed_moved_and_removed_by_its_name(place, name):
    others = [f"{NAMES[name]}/1/x", f"{NAMES[name]}/{name}/x", f"{name}x/x", f"{name[:-1]}/x"]
    mine = [f"{name}/1/x", f"{name}/{name}", f"{name}/y"]
    for path in [*others, *mine]:
        files.write_bytes(f"{place}/{path}", path.encode())
    assert files.list_tree(f"{place}/{name}") == sorted(path.removeprefix(f"{name}/") for path in mine)
    assert sizes(f"{place}/{name}/{name}") == {f"{place}/{name}/{name}": len(mine[1])}
    files.remove(f"{place}/{name}/{name}")
    assert not files.exists(f"{place}/{name}/{name}")
    files.rename(f"{place}/{name}/y", f"{place}/{name}/{name}")
    assert files.read_bytes(f"{place}/{name}/{name}") == mine[2].encode()
    files.remove(f"{place}/{name}")
    assert files.list_tree(place) == sorted(others)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_path_is_not_a_path_that_it_would_match(place, name):
    files.write_bytes(f"{place}/{NAMES[name]}", b"x")
    assert not files.exists(f"{place}/{name}")
    assert files.list_tree(f"{place}/{name}") == []
    files.remove(f"{place}/{name}")
    assert files.list_tree(place) == [NAMES[name]]


PATTERNS = {
    "raw/*": ["raw/a", "raw/b[1]", "raw/b1"],
    "raw/?": ["raw/a"],
    "raw/b[0-9]": ["raw/b1"],
    "raw/b[1]": ["raw/b[1]"],  # the name of a file
    "raw/b[[]1]": ["raw/b[1]"],
    "raw/b[[]*": ["raw/b[1]"],
    "raw/b[[]?[]]": ["raw/b[1]"],
    "day[[]1]/*": ["day[1]/a"],
    "day*/a": ["day1/a", "day[1]/a"],
    "day*/*/a": ["day1/2/a"],
    "day1/**": ["day1/2/a", "day1/a"],
    "day2/*": [],
}


def test_patterns(place):
    for path in ["raw/a", "raw/b[1]", "raw/b1", "day1/a", "day1/2/a", "day[1]/a"]:
        files.write_bytes(f"{place}/{path}", b"x")
    with warnings.catch_warnings(action="error"):
        found = {pattern: sizes(f"{place}/{pattern}") for pattern in PATTERNS}
    expected = {pattern: {f"{place}/{name}": 1 for name in names} for pattern, names in PATTERNS.items()}
    assert found == expected


@pytest.mark.slow
def test_a_whole_job_from_and_to_folders_of_such_names(place, tmp_path):
    given = jobs.job(tmp_path, words.COLUMNS, FILES)
    for path in given.inputs.files:
        for folder in ("in[1]", "in1"):
            files.write_bytes(f"{place}/{folder}/{os.path.basename(path)}", Path(path).read_bytes())
    neighbours = [f"{place}/run1/Split-train/length-00004-00000-of-00001.tfrecord.gz", f"{place}/run1/manifest.json"]
    for path in neighbours:
        files.write_bytes(path, b"another's")

    def job(seed: int) -> JobConfig:
        pattern = [f"{place}/in[[]1]/*"]
        return jobs.job(tmp_path, words.COLUMNS, pattern, shuffle={"seed": seed}, output={"path": f"{place}/run[1]"})

    for seed in (1, 2):
        manifest = run(job(seed), workers=1, overwrite=True)
        assert [one.path for one in manifest.inputs] == [f"{place}/in[1]/{name}" for name in sorted(FILES)]
        assert verify_data_set(f"{place}/run[1]").faults == []
        assert load_manifest(f"{place}/run[1]") == manifest
    assert manifest.counts.read == 40
    assert [files.read_bytes(path) for path in neighbours] == [b"another's"] * 2
