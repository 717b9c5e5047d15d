"""The job in the container: on mounted folders, as the caller, stopped and resumed."""

import json
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest

from container.engine import CALLER, Engine
from container.raw import contents, write_job
from lengthwise.manifest import load_manifest

pytestmark = pytest.mark.container

PATIENCE_SECONDS = 120


def wait_until_reading(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Waits until the job says that it has read records."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        events = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        if any(event["event"] == "progress" and event["stage"] == "read" and event["records"] for event in events):
            return
        time.sleep(0.1)
    raise AssertionError(f"the job never said that it reads:\n{log.read_text()}")


def test_a_mounted_folder_is_prepared(undisturbed: Path) -> None:
    manifest = load_manifest(str(undisturbed))
    assert manifest.counts.read == 20 * 40 * 500


def test_the_output_belongs_to_the_caller(undisturbed: Path) -> None:
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in undisturbed.rglob("*")}
    assert owners == {CALLER}


@pytest.mark.parametrize("signal", ["TERM", "INT"])
def test_a_stopped_run_ends_cleanly_and_the_next_resumes(
    engine: Engine, image: str, undisturbed: Path, tmp_path: Path, signal: str
) -> None:
    folder, log, name = tmp_path / "job", tmp_path / "log", f"lengthwise-{uuid4().hex[:12]}"
    write_job(folder, files=20, repeats=40)
    prepare = ["prepare", "job.yaml", "--json"]
    command = engine.run_command(image, prepare, mounts={folder: "/data"}, options=["--name", name])
    with log.open("wb") as stdout, subprocess.Popen(command, stdout=stdout) as process:
        wait_until_reading(log, process)
        subprocess.run([engine.name, "kill", "--signal", signal, name], check=True, capture_output=True)
        assert process.wait(PATIENCE_SECONDS) == 130
    assert json.loads(log.read_text().splitlines()[-1])["exit_code"] == 130
    assert not (folder / "prepared" / "manifest.json").exists()

    again = subprocess.run(engine.run_command(image, prepare, mounts={folder: "/data"}), check=False)
    assert again.returncode == 0
    assert contents(folder / "prepared") == contents(undisturbed)
