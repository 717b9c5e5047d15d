"""The engine and the image, found and built once for all container tests."""

import os
import subprocess
from pathlib import Path

import pytest

from container.engine import Engine, find_engine
from container.raw import write_job

TAG = "localhost/lengthwise:test"


@pytest.fixture(scope="session")
def engine() -> Engine:
    found = find_engine()
    if isinstance(found, str):
        pytest.skip(f"NO CONTAINER ENGINE: {found}")
    return found


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The `runtime` image; LENGTHWISE_IMAGE names one that is already built."""
    ready = os.environ.get("LENGTHWISE_IMAGE")
    return ready or engine.build_image(TAG, "runtime")


@pytest.fixture(scope="session")
def undisturbed(engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that a container prepared in one go."""
    folder = tmp_path_factory.mktemp("undisturbed") / "job"
    write_job(folder, files=20, repeats=40)
    done = subprocess.run(
        engine.run_command(image, ["prepare", "job.yaml"], mounts={folder: "/data"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "prepared"
