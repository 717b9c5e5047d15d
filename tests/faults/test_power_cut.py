"""Power failures, simulated by recording fsync: a file at its path is on disk, or is recognized as too short."""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from faults.runs import Runs
from lengthwise.job import run
from prepare import jobs, words

FILES = words.files(count=3, records=40)


class Disk:
    """Records what has been synced to the disk.

    Attributes:
        files: the size and time of each file when it was synced, by inode.
        folders: the names in each folder when it was synced, by inode.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[int, tuple[int, int]] = {}
        self.folders: dict[int, set[str]] = {}
        real = os.fsync

        def fsync(descriptor: int) -> None:
            real(descriptor)
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                self.folders[status.st_ino] = set(os.listdir(descriptor))
            else:
                self.files[status.st_ino] = (status.st_size, status.st_mtime_ns)

        monkeypatch.setattr(os, "fsync", fsync)

    def has(self, path: Path) -> bool:
        """Whether the file would have its bytes and its name after a power failure."""
        status = path.stat()
        named = path.name in self.folders.get(path.parent.stat().st_ino, ())
        return named and self.files.get(status.st_ino) == (status.st_size, status.st_mtime_ns)


def test_if_a_manifest_exists_after_a_power_failure_its_data_set_does(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    out = tmp_path / "out"
    real, lost = os.replace, []

    def replace(source: str, target: str) -> None:
        if target == f"{out}/manifest.json":
            names = [name for name in jobs.tree(out) if not name.startswith(".work")]
            assert any(name.startswith("Split-") for name in names)
            lost.extend(name for name in names if not disk.has(out / name))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    jobs.run(tmp_path, words.COLUMNS, FILES, splits={"fractions": {"train": 0.8, "eval": 0.2}})
    assert lost == []
    assert disk.has(out / "manifest.json")


def test_an_old_manifest_is_removed_from_the_disk_before_its_shards(tmp_path, monkeypatch):
    jobs.run(tmp_path, words.COLUMNS, FILES)
    disk = Disk(monkeypatch)
    out = tmp_path / "out"
    real, checked = os.remove, []

    def remove(path: str) -> None:
        if path.startswith(f"{out}/Split-"):
            checked.append("manifest.json" not in disk.folders.get(out.stat().st_ino, {"manifest.json"}))
        real(path)

    monkeypatch.setattr(os, "remove", remove)
    run(jobs.job(tmp_path, words.COLUMNS, FILES, shuffle={"seed": 5}), workers=1, overwrite=True)
    assert checked
    assert all(checked)


PLANNED: Any = {"buckets": {"count": 2}}


@pytest.mark.parametrize(
    ("lost", "sections"),
    [("runs/000000.rows", {}), ("waiting/000000.arrow", PLANNED), ("rejects/000000.tfrecord", PLANNED)],
)
@pytest.mark.parametrize("how", ["emptied", "cut short", "gone"])
def test_files_of_a_killed_run_that_a_power_failure_has_damaged_are_written_again(tmp_path, lost, sections, how):
    (tmp_path / "whole").mkdir()
    jobs.run(tmp_path / "whole", words.COLUMNS, FILES, **sections)
    job: Any = jobs.job(tmp_path, words.COLUMNS, FILES, **sections)
    with Runs() as runs:
        points = runs.run(job).points
        for die_at in range(points // 8, points, 2):
            shutil.rmtree(tmp_path / "out")
            runs.run(job, die_at=die_at)
            done = len(list((tmp_path / "out").glob(".work/*/spilled/*.json"))) == len(FILES)
            if done and list((tmp_path / "out").glob(f".work/*/{lost}")):
                break
    [path] = (tmp_path / "out").glob(f".work/*/{lost}")
    size = path.stat().st_size
    assert size
    path.unlink() if how == "gone" else os.truncate(path, 0 if how == "emptied" else size // 2)
    run(job, workers=1)
    found, expected = jobs.tree(tmp_path / "out"), jobs.tree(tmp_path / "whole" / "out")
    same = [name for name in expected if name not in ("manifest.json", "report.html") and "rejects" not in name]
    assert {name: found[name] for name in same} == {name: expected[name] for name in same}
    assert found.keys() == expected.keys()
