"""SIGKILL at any time: the folder never looks complete when it is not, and the same command ends with the same bytes.

With `LENGTHWISE_ALL_POINTS=1`, runs are killed at every point instead of at a few seeded ones.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.runs import Ended, Runs
from lengthwise.config import JobConfig
from lengthwise.job.verification.data_set_verification import verify_data_set
from prepare import jobs, words
from records.messages import read_records, write_records

POINTS = 30
SECTIONS: dict[str, Any] = {
    "buckets": {"count": 2},
    "splits": {"fractions": {"train": 0.8, "eval": 0.2}},
    "output": {"shard_bytes": 6_000},
}


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with Runs() as running:
        yield running


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("killed")
    return list(jobs.job(folder, words.COLUMNS, words.files(count=4, records=120)).inputs.files)


def config(folder: Path, raw: list[str], **changes: Any) -> JobConfig:
    return jobs.job(folder, words.COLUMNS, raw, **{**SECTIONS, **changes})


@pytest.fixture(scope="module")
def undisturbed(runs: Runs, raw: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Ended]:
    folder = tmp_path_factory.mktemp("undisturbed")
    ended = runs.run(config(folder, raw))
    assert ended.code == 0, ended.message
    return jobs.tree(folder / "out"), ended


def points(total: int, seed: int) -> list[int]:
    if os.environ.get("LENGTHWISE_ALL_POINTS"):
        return list(range(1, total + 1))
    return sorted(random.Random(seed).sample(range(1, total + 1), min(POINTS, total)))


def assert_whole_or_absent(folder: Path) -> None:
    """If a manifest exists, the data set is complete."""
    if (folder / "manifest.json").exists():
        assert verify_data_set(str(folder)).faults == []


@pytest.mark.slow
def test_killed_anywhere_the_same_command_ends_with_the_same_bytes(runs, raw, undisturbed, tmp_path):
    expected, once = undisturbed
    assert once.points > 50
    for point in points(once.points, seed=1):
        folder = tmp_path / str(point)
        folder.mkdir()
        killed = runs.run(config(folder, raw), die_at=point)
        assert killed.code == -signal.SIGKILL, (point, killed)
        assert_whole_or_absent(folder / "out")
        resumed = runs.run(config(folder, raw))
        assert (resumed.code, resumed.message) == (0, ""), point
        assert jobs.tree(folder / "out") == expected, point
        assert not (folder / "out" / ".work").exists(), point
        shutil.rmtree(folder)


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_ends_with_the_same_bytes(runs, raw, undisturbed, tmp_path):
    expected, _ = undisturbed
    rng = random.Random(4)
    started = time.monotonic()
    assert runs.run(config(tmp_path, raw)).code == 0
    seconds = time.monotonic() - started
    killed = 0
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        killed += runs.run(config(folder, raw), die_after=rng.uniform(0.05, 0.9) * seconds).code == -signal.SIGALRM
        assert_whole_or_absent(folder / "out")
        resumed = runs.run(config(folder, raw))
        assert (resumed.code, resumed.message) == (0, "")
        assert jobs.tree(folder / "out") == expected
    assert killed > 3


@pytest.mark.slow
def test_killed_again_and_again_it_still_ends_with_the_same_bytes(runs, raw, undisturbed, tmp_path):
    expected, once = undisturbed
    rng = random.Random(2)
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        for _ in range(6):
            ended = runs.run(config(folder, raw), die_at=rng.randint(1, once.points // 2))
            assert_whole_or_absent(folder / "out")
        ended = runs.run(config(folder, raw))
        assert (ended.code, ended.message) == (0, "")
        assert jobs.tree(folder / "out") == expected


@pytest.mark.slow
def test_killed_while_overwriting_the_old_data_set_is_whole_or_removed(runs, raw, undisturbed, tmp_path):
    expected, once = undisturbed
    old_folder = tmp_path / "old"
    old_folder.mkdir()
    assert runs.run(config(old_folder, raw[:2])).code == 0
    old = jobs.tree(old_folder / "out")
    late = range(once.points - 24, once.points, 3)  # while it removes its work folder
    for point in sorted({*points(once.points, seed=3), *late}):
        folder = tmp_path / str(point)
        shutil.copytree(old_folder, folder)
        killed = runs.run(config(folder, raw), die_at=point, overwrite=True)
        assert killed.code == -signal.SIGKILL, (point, killed)
        assert_whole_or_absent(folder / "out")
        found = {name: content for name, content in jobs.tree(folder / "out").items() if not name.startswith(".work")}
        if "manifest.json" in found:
            assert found in (old, expected), point
        resumed = runs.run(config(folder, raw), overwrite=True)
        assert (resumed.code, resumed.message) == (0, ""), point
        assert jobs.tree(folder / "out") == expected, point
        shutil.rmtree(folder)


def test_only_unfinished_inputs_are_read_again(runs, raw, undisturbed, tmp_path):
    expected, once = undisturbed
    assert once.reads == len(raw)
    reads = set()
    for point in range(1, once.points // 4, once.points // 48):  # later, only shards are written
        folder = tmp_path / str(point)
        folder.mkdir()
        assert runs.run(config(folder, raw), die_at=point).code == -signal.SIGKILL
        done = len(list((folder / "out" / ".work").glob("*/spilled/*.json")))
        resumed = runs.run(config(folder, raw))
        assert jobs.tree(folder / "out") == expected
        assert resumed.reads == len(raw) - done, point
        reads.add(resumed.reads)
    assert len(reads) > 3


def test_a_finished_job_is_not_run_again(runs, raw, undisturbed, tmp_path):
    expected, _ = undisturbed
    assert runs.run(config(tmp_path, raw)).code == 0
    again = runs.run(config(tmp_path, raw))
    assert (again.code, again.reads, again.points) == (0, 0, again.points)
    assert jobs.tree(tmp_path / "out") == expected


def test_another_configuration_does_not_use_the_work_of_a_killed_run(runs, raw, undisturbed, tmp_path):
    expected, once = undisturbed
    other = config(tmp_path, raw, shuffle={"seed": 5})
    for point in (once.points // 2, once.points * 7 // 10):
        assert runs.run(other, die_at=point).code == -signal.SIGKILL
        ended = runs.run(config(tmp_path, raw))
        assert (ended.code, ended.message) == (0, "")
        assert jobs.tree(tmp_path / "out") == expected
        shutil.rmtree(tmp_path / "out")


@pytest.mark.parametrize("another_file", [True, False])
def test_an_input_replaced_after_the_kill_by_one_of_its_size_and_time_is_read_again(runs, tmp_path, another_file):
    raw = list(jobs.job(tmp_path, words.COLUMNS, words.files(count=2, records=60)).inputs.files)
    killed, other = config(tmp_path, raw), tmp_path / "other"
    total = runs.run(killed).points
    shutil.rmtree(tmp_path / "out")
    assert runs.run(killed, die_at=total // 2).code == -signal.SIGKILL
    assert list((tmp_path / "out" / ".work").glob("*/spilled/000000.json"))
    before = os.stat(raw[0])
    place = other / "part-0.tfrecord" if another_file else Path(raw[0])
    other.mkdir()
    write_records(place, read_records(raw[0])[::-1])
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(place, raw[0])
    after = os.stat(raw[0])
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert runs.run(config(other, raw)).code == runs.run(killed).code == 0
    assert jobs.tree(tmp_path / "out") == jobs.tree(other / "out")
