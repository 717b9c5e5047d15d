"""README's section about Docker: its very commands, run by the engine that there is."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from container.engine import CALLER, ROOT, Engine
from container.raw import contents, write_job

pytestmark = pytest.mark.container


def commands() -> list[str]:
    """The commands of README's blocks that are marked ```bash container, one a line."""
    blocks = re.findall(r"^```bash container\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_readme_builds_what_the_dockerfile_makes_by_default() -> None:
    build = shlex.split(commands()[0])
    assert build == ["docker", "build", "--tag", "lengthwise", "."]
    last = re.findall(r"^FROM (\S+) AS (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
    assert last == ("runtime", "lengthwise")


def test_readme_prepares_a_mounted_folder(engine: Engine, image: str, undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    write_job(folder, files=20, repeats=40)
    line = commands()[1].replace("$(id -u)", str(CALLER[0])).replace("$(id -g)", str(CALLER[1]))
    docker, run, *arguments = shlex.split(line.replace("$PWD", str(folder)))
    assert (docker, run) == ("docker", "run")
    arguments[arguments.index("lengthwise")] = image
    done = subprocess.run(
        [*engine.run, "--network=none", *arguments], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert contents(folder / "prepared") == contents(undisturbed)
