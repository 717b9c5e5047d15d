"""The tf.data service of compose.yaml: its dispatcher and a worker, each in a container, read by a third."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from container.compose import service
from container.engine import CALLER, Engine

pytestmark = pytest.mark.container

TRAINER = """
import lengthwise as lw
batches = lw.read_prepared("prepared", "train", batch_steps=65536, service="dispatcher:5050", epochs=1)
print("sequences", sum(int(batch["sequence_length"].shape[0]) for batch in batches))
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The names that compose's network would know: all containers here share one loopback."""
    path = tmp_path_factory.mktemp("names") / "hosts"
    path.write_text("127.0.0.1 localhost dispatcher\n")
    return path


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journal")
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def dispatcher(engine: Engine, image: str, undisturbed: Path, hosts: Path, journal: Path) -> Iterator[str]:
    """The name of a dispatcher's container, in whose network a worker runs as well."""
    name, data = f"lengthwise-dispatcher-{uuid4().hex[:12]}", undisturbed.parent
    start, work = service("dispatcher"), service("worker")
    detached = ["--detach", "--name", name]
    command = engine.run_command(
        image,
        start.arguments,
        entrypoint=start.entrypoint,
        mounts={journal: "/journal", hosts: "/etc/hosts"},
        options=detached,
    )
    subprocess.run(command, check=True, capture_output=True)
    engine.wait_for_port(name, 5050)
    worker = engine.run_command(
        image,
        work.arguments,
        entrypoint=work.entrypoint,
        mounts={data: "/data", hosts: "/etc/hosts"},
        options=["--detach", "--name", f"{name}-worker", "--env", "WORKER_HOST=localhost"],
        network=f"container:{name}",
    )
    subprocess.run(worker, check=True, capture_output=True)
    yield name
    for container in (f"{name}-trainer", f"{name}-worker", name):  # those in its network first
        subprocess.run([engine.name, "kill", container], check=False, capture_output=True)
        engine.wait_for_end(container, seconds=30)


def test_a_trainer_gets_every_sequence_once(
    engine: Engine, image: str, dispatcher: str, undisturbed: Path, hosts: Path
) -> None:
    command = engine.run_command(
        image,
        ["-c", TRAINER],
        entrypoint="python",
        mounts={undisturbed.parent: "/data", hosts: "/etc/hosts"},
        options=["--name", f"{dispatcher}-trainer"],
        network=f"container:{dispatcher}",
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == ["sequences", str(20 * 40 * 500)], done.stderr[-3000:]


def test_the_journal_belongs_to_the_caller(dispatcher: str, journal: Path) -> None:
    assert {(path.stat().st_uid, path.stat().st_gid) for path in journal.rglob("*")} == {CALLER}


def test_dispatcher_and_worker_end_when_they_are_told_to(engine: Engine, dispatcher: str) -> None:
    for name in (f"{dispatcher}-worker", dispatcher):
        subprocess.run([engine.name, "kill", "--signal", "TERM", name], check=True, capture_output=True)
        assert engine.wait_for_end(name, seconds=30), f"{name} goes on after SIGTERM"
