"""docs/accelerators.md, run with the backends that it describes, and the waiting time in `BatchStats`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import DOCS, session

PAGE = DOCS / "accelerators.md"
SLOW = "train.map(lambda *batch: (tf.py_function(lambda: time.sleep(0.1), [], []), batch)[1])"
"""The batches, each with a delay."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's data set, and its files."""
    path = tmp_path_factory.mktemp("page")
    session(PAGE, path)
    return path


def shares(folder: Path, script: str) -> list[float]:
    """The last line that the script prints."""
    path = os.pathsep.join([str(DOCS.parent / "pipeline"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-c", script]
    completed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr[-4000:]
    return [float(share) for share in completed.stdout.splitlines()[-1].strip("[]").split(",")]


@pytest.mark.backends
@pytest.mark.parametrize("name", ["on_jax.py", "on_torch.py"])
def test_batches_reach_the_device_in_advance_and_waiting_is_measured(folder: Path, name: str) -> None:
    script = (folder / name).read_text()
    *_, last = shares(folder, script)
    assert 0 <= last < 0.6
    late = "import time\n" + script.replace("stats.watch(train)", f"stats.watch({SLOW})")
    *_, last = shares(folder, late)
    assert last > 0.5
