"""The default number of workers: by affinity and cgroup, the same in `doctor` and in `prepare`."""

import contextlib
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lengthwise.cores import usable_cores

MINE = len(os.sched_getaffinity(0))
PRINT = "from lengthwise.cores import usable_cores; print(usable_cores())"
TREES = {
    "no quota": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    "v2": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
    "v2, of the cgroup around it": (
        {
            "proc/self/cgroup": "0::/a.slice/b.scope\n",
            "sys/fs/cgroup/a.slice/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/a.slice/b.scope/cpu.max": "max 100000\n",
        },
        1,
    ),
    "v2, rounded up": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "110000 100000\n"}, 2),
    "v1": (
        {
            "proc/self/cgroup": "4:memory:/x\n1:cpu,cpuacct:/job\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "20000\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "v1, in a container that sees the host's path": (
        {
            "proc/self/cgroup": "1:cpu:/docker/0123\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "v1, no quota": (
        {
            "proc/self/cgroup": "1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "nonsense": ({"proc/self/cgroup": "x\n0::/../..\n::\n", "sys/fs/cgroup/cpu.max": "0\n"}, None),
    "no files": ({}, None),
}


@pytest.mark.parametrize(("tree", "expected"), TREES.values(), ids=TREES)
def test_a_quota_bounds_the_cores(tmp_path: Path, tree: dict[str, str], expected: int | None) -> None:
    for name, text in tree.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cores(str(tmp_path)) == min(MINE, expected or MINE)


def test_affinity_bounds_them() -> None:
    first = str(min(os.sched_getaffinity(0)))
    done = subprocess.run(["taskset", "-c", first, sys.executable, "-c", PRINT], capture_output=True, check=True)
    assert int(done.stdout) == 1


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of this machine, with half a core."""
    folder = Path("/sys/fs/cgroup/cpu") / f"lengthwise-{uuid.uuid4().hex}"
    if not folder.parent.is_dir():
        folder = Path("/sys/fs/cgroup") / folder.name
    try:
        folder.mkdir()
        if (folder / "cpu.cfs_quota_us").exists():
            (folder / "cpu.cfs_quota_us").write_text("50000")
        else:
            (folder / "cpu.max").write_text("50000 100000")
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"NO CGROUP CAN BE MADE HERE: {error}")
    yield folder
    folder.rmdir()


def test_doctor_shows_the_quota_of_a_real_cgroup(cgroup: Path) -> None:
    script = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "lengthwise_cli", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.search(r"cores\s+ok\s+1 of \d+ usable", done.stdout), done.stdout + done.stderr
