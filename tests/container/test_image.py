"""What the image holds, and under which conditions its command starts."""

import subprocess
from pathlib import Path

import pytest

from container.engine import Engine

pytestmark = pytest.mark.container

GIB = 1 << 30


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_entry_point_is_the_command(engine: Engine, image: str) -> None:
    done = run(engine.run_command(image, ["--version"]))
    assert done.returncode == 0, done.stderr
    assert "lengthwise" in done.stdout


def test_without_arguments_it_explains_itself(engine: Engine, image: str) -> None:
    done = run(engine.run_command(image, []))
    assert done.returncode == 0, done.stderr
    assert "Usage: lengthwise" in done.stdout


def test_versions_are_those_of_the_constraints_file(engine: Engine, image: str) -> None:
    code = "import importlib.metadata as m; print(*(f'{d.name.lower()}=={d.version}' for d in m.distributions()))"
    done = run(engine.run_command(image, ["-c", code], entrypoint="python"))
    pinned = (Path(__file__).parents[2] / "constraints.txt").read_text().replace("tensorflow==", "tensorflow-cpu==")
    installed = {line.replace("_", "-").replace(".", "-") for line in done.stdout.split() if "==" in line}
    installed -= {line for line in installed if line.startswith(("lengthwise==", "pip==", "setuptools=="))}
    allowed = {line.split(" ;")[0].replace("_", "-").replace(".", "-") for line in pinned.splitlines()}
    assert installed
    assert installed <= allowed


def test_the_default_user_is_not_root(engine: Engine, image: str) -> None:
    inspect = [engine.name, "image", "inspect", "--format", "{{.Config.User}}", image]
    assert run(inspect).stdout.strip() == "10001:10001"


def test_the_image_stays_within_its_stated_size(engine: Engine, image: str) -> None:
    assert engine.image_bytes(image) < 2.5 * GIB


def test_the_native_parts_load_as_any_user_on_a_read_only_root(engine: Engine, image: str) -> None:
    code = (
        "import getpass, os, tensorflow, tfx_bsl.coders.sequence_example_coder; print(os.getuid(), getpass.getuser())"
    )
    done = run(engine.run_command(image, ["-c", code], entrypoint="python", user=(4321, 4321)))
    assert done.stdout.split() == ["4321", "lengthwise"], done.stderr


def test_a_path_that_is_not_mounted_is_said_to_be_missing(engine: Engine, image: str) -> None:
    done = run(engine.run_command(image, ["prepare", "/nowhere/job.yaml"]))
    assert done.returncode == 2
    assert "/nowhere/job.yaml" in done.stderr
    assert "Traceback" not in done.stderr
