"""Signals, killed workers, full and read-only disks, no file handles, two runs at once: exit codes, and resuming."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from faults import machine
from faults.machine import Command, files_read
from faults.runs import Runs
from lengthwise.config import JobConfig
from prepare import jobs, words

SECTIONS: dict[str, Any] = {"output": {"shard_bytes": 100_000}}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """24 files of 4000 records: some seconds of work."""
    folder = tmp_path_factory.mktemp("stopped")
    files = words.files(count=2, records=4000)
    some, others = files.values()
    return list(
        jobs.job(folder, words.COLUMNS, {f"{n:02d}.tfrecord": [some, others][n % 2] for n in range(24)}).inputs.files
    )


def config(folder: Path, raw: list[str], **changes: Any) -> JobConfig:
    return jobs.job(folder, words.COLUMNS, raw, **{**SECTIONS, **changes})


@pytest.fixture(scope="module")
def undisturbed(raw: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    finished = machine.run(config(folder, raw), "--workers", "1")
    assert finished.code == 0, finished.stderr
    return jobs.tree(folder / "out")


def assert_resumes(folder: Path, raw: list[str], expected: dict[str, bytes]) -> None:
    assert not (folder / "out" / "manifest.json").exists()
    finished = machine.run(config(folder, raw), "--workers", "1")
    assert finished.code == 0, finished.stderr
    assert jobs.tree(folder / "out") == expected


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_stops_the_run_with_130_and_it_resumes(raw, undisturbed, tmp_path, number, workers):
    command = Command(config(tmp_path, raw), "--workers", workers)
    command.wait_for(lambda: files_read(tmp_path / "out") >= 3)
    os.kill(command.pid, number)
    finished = command.wait()
    assert finished.code == 130, finished.stderr
    assert "resume" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert files_read(tmp_path / "out") < len(raw)
    assert_resumes(tmp_path, raw, undisturbed)


@pytest.mark.slow
def test_a_signal_before_anything_is_read_stops_with_130(raw, tmp_path):
    command = Command(config(tmp_path, raw))
    command.wait_for(lambda: (tmp_path / "out" / ".work" / "lock").exists())
    os.kill(command.pid, signal.SIGTERM)
    finished = command.wait()
    assert (finished.code, "Traceback" in finished.stderr) == (130, False), finished.stderr


@pytest.mark.slow
def test_a_killed_worker_process_ends_the_run_and_it_resumes(raw, undisturbed, tmp_path):
    command = Command(config(tmp_path, raw), "--workers", "2")
    command.wait_for(lambda: files_read(tmp_path / "out") >= 1)
    os.kill(command.children()[-1], signal.SIGKILL)
    finished = command.wait()
    assert finished.code == 3, finished.stderr
    assert "Traceback" not in finished.stderr
    assert_resumes(tmp_path, raw, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_stops_worker_processes_too(raw, tmp_path, number):
    command = Command(config(tmp_path, raw), "--workers", "2")
    command.wait_for(lambda: files_read(tmp_path / "out") >= 1)
    children = command.children()
    assert len(children) >= 2
    os.kill(command.pid, number)
    assert command.wait().code == 130
    assert [pid for pid in children if machine.is_running(pid)] == []


def test_of_two_runs_at_once_the_second_stops_with_a_message(raw, tmp_path):
    first = Command(config(tmp_path, raw), "--workers", "1")
    first.wait_for(lambda: files_read(tmp_path / "out") >= 1)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = machine.run(config(tmp_path, raw))
        assert second.code == 2
        assert "another run" in second.stderr
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.wait().code == 0


@pytest.fixture
def mounts(tmp_path: Path) -> None:
    if not machine.can_mount(tmp_path / "mounted"):
        pytest.skip("file systems cannot be mounted here: a full disk cannot be tested")
    (tmp_path / "mounted").rmdir()


@pytest.mark.slow
@pytest.mark.parametrize("size", ["200k", "3m", "6m"])
def test_a_full_disk_stops_the_run_with_3_and_it_resumes_when_there_is_room(raw, undisturbed, tmp_path, mounts, size):
    with machine.small_disk(tmp_path / "disk", size) as remount:
        full = config(tmp_path / "disk", raw)
        finished = Command(full, "--workers", "1").wait()
        assert finished.code == 3, finished.stderr
        assert "No space left on device" in finished.stderr
        assert "Traceback" not in finished.stderr
        assert not (tmp_path / "disk" / "out" / "manifest.json").exists()
        remount("size=100m")
        assert machine.run(full, "--workers", "1").code == 0
        assert jobs.tree(tmp_path / "disk" / "out") == undisturbed


def test_a_read_only_output_is_an_error_of_the_environment(raw, tmp_path, mounts):
    with machine.small_disk(tmp_path / "disk", "5m") as remount:
        readonly = config(tmp_path / "disk", raw)
        command_file = tmp_path / "disk" / "job.yaml"
        command_file.touch()
        elsewhere = readonly.model_copy(
            update={"output": readonly.output.model_copy(update={"path": str(tmp_path / "out")})}
        )
        remount("ro")
        finished = Command(elsewhere, "--output", str(tmp_path / "disk" / "out")).wait()
        assert finished.code == 3, finished.stderr
        assert "Read-only file system" in finished.stderr
        assert "Traceback" not in finished.stderr


def test_a_lack_of_file_handles_is_not_damage_of_the_data(raw, tmp_path):
    few = config(tmp_path, raw[:2], buckets={"count": 2})
    with Runs() as runs:
        codes = set()
        for handles in range(20):
            ended = runs.run(few, handles=handles)
            codes.add(ended.code)
            assert ended.code in (0, 3), ended
            if ended.code == 3:
                assert "Too many open files" in ended.message
                assert not (tmp_path / "out" / "manifest.json").exists()
        assert codes == {0, 3}
    assert "damaged_file" not in (tmp_path / "out" / "manifest.json").read_text()
