"""Runs the command line in a separate process, and on a disk that fills up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from lengthwise.config import JobConfig

WAIT = 120  # seconds after which a run that should have ended counts as hanging


@dataclass
class Finished:
    """The exit code and the error output of a run."""

    code: int
    stderr: str


def environment(**variables: str) -> dict[str, str]:
    """The environment of a process that imports what this one imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}


class Command:
    """Runs `lengthwise prepare` on a configuration, in a separate process group."""

    def __init__(self, config: JobConfig, *options: str, before: Sequence[str] = (), **variables: str) -> None:
        """`before`: a command that starts this one; `variables`: of its environment."""
        path = Path(config.output.path).parent / "job.yaml"
        content = config.model_dump(mode="json", exclude_none=True)
        path.write_text(yaml.safe_dump(content))
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", "lengthwise_cli", "prepare", str(path), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=environment(**variables),
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> Finished:
        """Waits for the end of the process; if it does not end, it is killed, and the test fails."""
        try:
            _, stderr = self._process.communicate(timeout=WAIT)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            _, stderr = self._process.communicate()
            raise AssertionError(f"it hung; its output: {stderr}") from None
        return Finished(self._process.returncode, stderr)

    def wait_for(self, reached: Callable[[], bool]) -> None:
        """Waits until the run has reached a state."""
        deadline = time.monotonic() + WAIT
        while not reached():
            assert self._process.poll() is None, f"ended too soon: {self.wait()}"
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def children(self) -> list[int]:
        """The processes that it has started, and those that these have started."""
        return children_of(self.pid)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have started."""
    found, waiting = [], [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                pids = [int(pid) for pid in task.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
                continue
            found += pids
            waiting += pids
    return found


def is_running(pid: int) -> bool:
    """Returns whether the process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def run(config: JobConfig, *options: str) -> Finished:
    return Command(config, *options).wait()


def files_read(folder: Path) -> int:
    """The number of input files that the job in `folder` has read."""
    return len(list(folder.glob(".work/*/spilled/*.json")))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of this size at `folder`; the returned function changes its options."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield lambda options: _remount(folder, options)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def can_mount(folder: Path) -> bool:
    """Whether this user may mount a file system here; in containers, users often may not."""
    try:
        with small_disk(folder, "64k"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False
