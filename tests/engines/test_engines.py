"""The whole job on real engines: the same bytes as on the embedded runner, even if processes die."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engines.clusters import Flink, Prism, Spark, wait_until
from engines.conftest import Engine, Input
from prepare.jobs import tree_of_any_name


def test_the_job_gives_the_bytes_of_the_embedded_runner(engine: Engine, words: Input) -> None:
    code, log = engine.prepare(words.folder, engine.name)
    assert code == 0, log
    assert "unparsable" in log
    assert tree_of_any_name(words.folder / engine.name) == words.expected


def test_with_killed_processes_nothing_is_lost_or_duplicated(engine: Engine, numbers: Input) -> None:
    output = numbers.folder / f"{engine.name}-killed"
    process = engine.start(numbers.folder, output.name)
    _wait_for(process, output, "spilled")
    os.kill(engine.cluster.workers()[0], signal.SIGKILL)
    if isinstance(engine.cluster, Prism):  # it does not retry
        log, _ = process.communicate(timeout=100)
        assert process.returncode == 3, log
        process = engine.start(numbers.folder, output.name)
    _wait_for(process, output, "written")
    if isinstance(engine.cluster, Flink):
        engine.cluster.kill("task-manager-1")
        engine.cluster.start_task_manager("task-manager-3")
    elif isinstance(engine.cluster, Spark):
        engine.cluster.kill("worker-1")
        engine.cluster.start_worker("worker-3")
    log, _ = process.communicate(timeout=400)
    assert process.returncode == 0, log
    assert tree_of_any_name(output) == numbers.expected


@pytest.mark.slow
def test_a_run_that_is_stopped_ends_on_the_engine_and_resumes_by_the_same_command(
    engine: Engine, numbers: Input
) -> None:
    process = engine.start(numbers.folder, f"{engine.name}-stopped")
    _wait_for(process, numbers.folder / f"{engine.name}-stopped", "spilled")
    process.send_signal(signal.SIGINT)
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 130, log
    wait_until(lambda: not engine.cluster.active_jobs(), "the engine's job to end", 60)
    code, log = engine.prepare(numbers.folder, f"{engine.name}-stopped")
    assert code == 0, log
    assert tree_of_any_name(numbers.folder / f"{engine.name}-stopped") == numbers.expected


@pytest.mark.slow
def test_a_broken_limit_is_exit_code_1_and_no_data_set(engine: Engine, words: Input, tmp_path: Path) -> None:
    shutil.copytree(words.folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "job.yaml").write_text(
        (words.folder / "job.yaml").read_text().replace("rejected_fraction: 0.1", "rejected_fraction: 0")
    )
    code, log = engine.prepare(tmp_path, "limited")
    assert code == 1, log
    assert "limits.rejected_fraction allows 0.000%" in log
    assert not (tmp_path / "limited" / "manifest.json").exists()


@pytest.mark.slow
def test_the_doctor_checks_the_engine_and_its_workers(engine: Engine, tmp_path: Path) -> None:
    _, _, options = engine.command.partition(" -- ")
    command = (
        f"{Path(sys.executable).parent}/lengthwise doctor {tmp_path} -- {options} {' '.join(engine.cluster.options)}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a worker ran a job" in done.stdout


def _wait_for(process: "subprocess.Popen[str]", output: Path, what: str) -> None:
    """Waits until the first results of a stage are in the work folder, and checks that the run continues."""
    wait_until(lambda: process.poll() is not None or [*output.glob(f".work/*/{what}/*.json")], f"the first of {what}")
    assert process.poll() is None, process.communicate()[0]
