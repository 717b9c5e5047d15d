"""Worker processes: any failure ends the run with a reason, and no worker outlives its run. No run may hang."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import machine
from faults.machine import Command
from faults.runs import Runs
from lengthwise.config import JobConfig
from prepare import jobs, words

PROCESSES = ("--workers", "2")
NOBODY = 65534
STRANGER = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
"""A user who may read and write only what all users may."""
READER = (*STRANGER, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""A user who may read everything, so that Python is found wherever it is installed, and write as a stranger may."""


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with Runs() as running:
        yield running


def config(folder: Path, **changes: Any) -> JobConfig:
    sections = {"buckets": {"boundaries": (6, 12)}, **changes}
    return jobs.job(folder, words.COLUMNS, words.files(count=3, records=400, invalid=0), **sections)


def same_input(folder: Path, other: JobConfig) -> JobConfig:
    folder.mkdir()
    return jobs.job(folder, words.COLUMNS, list(other.inputs.files), buckets={"boundaries": (6, 12)})


@pytest.mark.slow
def test_a_worker_that_dies_at_any_moment_ends_the_run_with_its_reason(runs, tmp_path):
    codes = []
    undisturbed = config(tmp_path)
    first = same_input(tmp_path / "0", undisturbed)
    for after in (0, 0.01, 0.05, 0.1, 0.3, 0.6, 1, 1.5, 2, 2.5, 3, 4):
        folder = tmp_path / str(after)
        job = same_input(folder, undisturbed) if after else first
        started = time.monotonic()
        ended = runs.run(job, workers=2, worker_dies_after=after)
        assert time.monotonic() - started < 60 + after, (after, ended)
        assert ended.code in (0, 3), (after, ended)
        assert (folder / "out" / "manifest.json").exists() == (ended.code == 0), (after, ended)
        if ended.code:
            assert "EnvironmentFailure: a worker process was killed (SIGKILL): out of memory?" in ended.message, after
        codes.append(ended.code)
    assert codes[:4] == [3] * 4
    for job, workers in ((undisturbed, 2), (first, 1)):
        ended = runs.run(job, workers=workers)
        assert (ended.code, ended.message) == (0, "")
    assert jobs.tree(tmp_path / "0" / "out") == jobs.tree(tmp_path / "out")


@pytest.mark.slow
def test_no_worker_and_no_temporary_file_outlives_its_run(runs, tmp_path):
    killed = 0
    after = 2.0
    while killed < 8:
        ended = runs.run(config(tmp_path), workers=2, die_after=after)
        if ended.code == 0:  # it was faster than the alarm
            shutil.rmtree(tmp_path / "out")
        else:
            assert ended.code == -signal.SIGALRM, ended
            killed += 1
        time.sleep(0.5)
        assert runs.left() == [], after
        assert list(runs.temporary.iterdir()) == [], after
        after *= 0.75
    assert runs.run(config(tmp_path), workers=2).code == 0


def test_temporary_folders_of_others_and_of_active_runs_stay(tmp_path, monkeypatch):
    from lengthwise.job.running import abandoned_folders

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = {name: tmp_path / name for name in ("beam-pipeline-temp0", "lengthwise-1", "lengthwise-2", "lengthwise-3")}
    elsewhere = tmp_path / "elsewhere"
    for folder in (*names.values(), elsewhere):
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
    (names["lengthwise-1"] / ".lengthwise").symlink_to(elsewhere / "notes.txt")
    (elsewhere / ".lengthwise").write_text("")
    (tmp_path / "lengthwise-link").symlink_to(elsewhere)
    with abandoned_folders.claimed(str(names["lengthwise-2"])), abandoned_folders.claimed(str(names["lengthwise-3"])):
        (names["lengthwise-3"] / ".lengthwise").chmod(0o600)
        if os.geteuid() == 0:
            os.chown(names["lengthwise-3"] / ".lengthwise", NOBODY, NOBODY)
        abandoned_folders.remove_abandoned()
        assert all((folder / "notes.txt").exists() for folder in (*names.values(), elsewhere))
    abandoned_folders.remove_abandoned()
    gone = {name for name, folder in names.items() if not folder.exists()}
    assert gone == ({"lengthwise-2"} if os.geteuid() == 0 else {"lengthwise-2", "lengthwise-3"})
    assert (elsewhere / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_reported_with_its_last_line(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys\nif len(sys.argv) == 3:\n    sys.modules['pyarrow'] = None\n"
    )
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)])
    ended = Command(config(tmp_path), *PROCESSES, PYTHONPATH=path).wait()
    assert ended.code == 3, ended.stderr
    assert "a worker process ended before its work was done, with exit code 1: ModuleNotFoundError" in ended.stderr
    assert "the same command resumes" in ended.stderr


@pytest.mark.slow
def test_threads_of_beam_are_reached_past_a_proxy(tmp_path):
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    ended = Command(config(tmp_path), "--workers", "2", "--", "--runner=DirectRunner", **nowhere).wait()
    assert ended.code == 0, ended.stderr


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that all users may read and write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def _skip_unless(command: tuple[str, ...], program: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("this user is not root: other users cannot be tested")
    if subprocess.run([*command, sys.executable, "-c", program], capture_output=True, check=False).returncode:
        pytest.skip("this Python does not run as another user")


@pytest.mark.slow
@pytest.mark.parametrize(("home", "temporary"), [("/nonexistent", ""), ("/", "/nonexistent"), ("", "/")])
def test_worker_processes_work_as_another_user(shared, home, temporary):
    _skip_unless(READER, "import os, sys; os.execv(sys.executable, [sys.executable, '-c', ''])")
    ended = Command(config(shared), *PROCESSES, before=READER, HOME=home, TMPDIR=temporary).wait()
    assert ended.code == 0, ended.stderr
    assert (shared / "out" / "manifest.json").stat().st_uid == NOBODY


@pytest.mark.slow
def test_a_python_that_the_workers_user_cannot_run_is_reported(shared):
    """Simulates a Python in the folder of root: the first process can access it, the user cannot."""
    _skip_unless(STRANGER, "import lengthwise_cli.main")
    ended = Command(config(shared), *PROCESSES, before=STRANGER, HOME="/nonexistent").wait()
    assert ended.code in (0, 3), ended.stderr
    if ended.code:
        assert f"a worker process cannot be started: [Errno 13] Permission denied: '{sys.executable}'" in ended.stderr


@pytest.mark.slow
def test_a_lack_of_a_folder_for_temporary_files_is_reported(tmp_path):
    """The current folder is not writable either: it is on an empty read-only file system."""
    if not machine.can_mount(tmp_path / "mounted"):
        pytest.skip("file systems cannot be mounted here: a machine without temporary files cannot be tested")
    _skip_unless(READER, "")
    job = config(tmp_path)
    tmp_path.chmod(0o777)
    hidden = " && ".join(f"mount -t tmpfs -o ro tmpfs {place}" for place in ("/var/tmp", "/tmp"))
    script = f'mkdir -p /mnt && mount --bind {tmp_path} /mnt && {hidden} && cd / && exec "$@"'
    outside = ("unshare", "-m", "sh", "-c", script, "sh", *READER)
    path = os.pathsep.join(os.path.abspath(part) for part in sys.path if part)
    command = [
        *outside,
        sys.executable,
        "-m",
        "lengthwise_cli",
        "prepare",
        "/mnt/job.yaml",
        "/mnt/raw/*",
        "-o",
        "/mnt/out",
        "--workers",
        "2",
    ]
    Command(job, "--help").wait()  # which writes job.yaml
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path})
    assert ended.returncode == 3, ended.stderr
    assert "No usable temporary directory found" in ended.stderr
    assert "set TMPDIR to a folder that can be written" in ended.stderr
