"""Beam workers in a separate container: the worker pool from which Flink's and Spark's runners request workers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from container.compose import service
from container.engine import Engine
from container.raw import contents, write_job

pytestmark = pytest.mark.container

POOL_OPTIONS = (
    "--runner=PortableRunner",
    "--job_endpoint=embed",
    "--environment_type=EXTERNAL",
    "--environment_config=localhost:50000",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The storage that the job and its workers share."""
    folder = tmp_path_factory.mktemp("shared") / "job"
    write_job(folder, files=20, repeats=40)
    return folder


@pytest.fixture(scope="module")
def pool(engine: Engine, image: str, shared: Path) -> Iterator[str]:
    """The name of a running pool, as compose.yaml starts it."""
    name = f"lengthwise-pool-{uuid4().hex[:12]}"
    start = service("worker-pool")
    command = engine.run_command(
        image,
        start.arguments,
        entrypoint=start.entrypoint,
        mounts={shared: "/data"},
        options=["--detach", "--name", name],
    )
    subprocess.run(command, check=True, capture_output=True)
    engine.wait_for_port(name, 50000)
    yield name
    subprocess.run([engine.name, "rm", "--force", name], check=False, capture_output=True)


def test_workers_of_a_pool_write_the_same_bytes(
    engine: Engine, image: str, pool: str, shared: Path, undisturbed: Path
) -> None:
    job = ["prepare", "job.yaml", "--", *POOL_OPTIONS]
    command = engine.run_command(image, job, mounts={shared: "/data"}, network=f"container:{pool}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert contents(shared / "prepared") == contents(undisturbed)
    logs = subprocess.run([engine.name, "logs", pool], capture_output=True, text=True, check=True)
    assert "Starting worker with command" in logs.stdout + logs.stderr


def test_a_pool_ends_when_it_is_told_to(engine: Engine, pool: str) -> None:
    subprocess.run([engine.name, "kill", "--signal", "TERM", pool], check=True, capture_output=True)
    assert engine.wait_for_end(pool, seconds=30), "it goes on after SIGTERM"
