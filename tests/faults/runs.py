"""Runs that are killed: a process forks a child for each run, so that it starts fast and can be killed at any point.

test ── a line of JSON: what to run, where to die ──> this process (Beam imported) ── fork ──> child: job.run
     <── a line of JSON: how it ended ──────────────
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from faults.machine import children_of, environment, is_running

WRITING = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: its exit code; negative: the signal that killed it.
        message: the error's text.
        points: the number of operations on the output folder; the run can be killed at each.
        reads: the number of input files that it opened.
    """

    code: int
    message: str
    points: int
    reads: int


class Runs:
    """The part in the test's process."""

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory()  # killed processes leave their temporary files
        variables = environment(TMPDIR=self._scratch.name)
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
        )
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()
        self._scratch.cleanup()

    def run(self, config: Any, **how: Any) -> Ended:
        """Runs a job.

        Args:
            config: a `JobConfig`.
            how: `die_at`: the number of the point at which the child kills itself; `die_after`: seconds after which it
                dies by an alarm; `overwrite`; `workers`; `handles`: the number of files that it may open in addition;
                `options`: Beam's; `worker_dies_after`: seconds after its start at which a worker process is killed.
        """
        line = json.dumps({"config": config.model_dump(mode="json"), **how})
        self._process.stdin.write(line + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return Ended(**json.loads(self._process.stdout.readline()))  # type: ignore[union-attr]

    @property
    def temporary(self) -> Path:
        """The folder for the temporary files of the runs."""
        return Path(self._scratch.name)

    def left(self) -> list[int]:
        """The processes of runs that are still running, recognized by their folder for temporary files."""
        mark = f"TMPDIR={self._scratch.name}".encode()
        return [pid for pid in _processes() if pid != self._process.pid and mark in _environment(pid)]


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and is_running(int(name))]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _serve() -> None:
    from lengthwise.job.running import beam_pipeline, beam_runner  # noqa: F401 (imported once for all children)
    from lengthwise.job.writing import manifest_assembly, publication  # noqa: F401 (imported once for all children)

    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(json.loads(line), writing)
        os.close(writing)
        with open(reading) as stream:
            lines = stream.read().splitlines()
        _, status = os.waitpid(child, 0)
        ended = json.loads(lines[-1]) if lines else {"message": "", "points": 0, "reads": 0}
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), **ended}), flush=True)


def _child(task: dict[str, Any], writing: int) -> None:
    code = 1
    try:
        code = _run(task, writing)
    finally:
        os._exit(code)


def _run(task: dict[str, Any], writing: int) -> int:
    from lengthwise.config import JobConfig
    from lengthwise.errors import LengthwiseError
    from lengthwise.job import run

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    config = JobConfig.model_validate(task["config"])
    counts = _watch(config.output.path, set(config.inputs.files), task.get("die_at", 0))
    if "handles" in task:
        opened = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + task["handles"],) * 2)
    if "die_after" in task:
        signal.setitimer(signal.ITIMER_REAL, task["die_after"])
    if "worker_dies_after" in task:
        threading.Thread(target=_kill_a_worker, args=(task["worker_dies_after"],), daemon=True).start()
    code, message = 0, ""
    try:
        run(
            config,
            overwrite=task.get("overwrite", False),
            workers=task.get("workers", 1),
            runner_options=task.get("options", ()),
        )
    except LengthwiseError as error:
        code, message = error.exit_code, f"{type(error).__name__}: {error}"
    except BaseException as error:  # noqa: BLE001 (the test wants to know)
        code, message = 99, repr(error)
    ended = {"message": message, "points": counts["points"], "reads": counts["reads"]}
    os.write(writing, (json.dumps(ended) + "\n").encode())
    return code


def _kill_a_worker(after: float) -> None:
    while not (workers := children_of(os.getpid())):
        time.sleep(0.001)
    time.sleep(after)
    with suppress(ProcessLookupError):
        os.kill(workers[0], signal.SIGKILL)


def _watch(folder: str, inputs: set[str], die_at: int) -> Counter[str]:
    """Counts the operations on the output folder; at the chosen one, the process kills itself."""
    counts: Counter[str] = Counter()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in WRITING or not arguments or not isinstance(arguments[0], str):
            return
        counts["reads"] += arguments[0] in inputs
        if arguments[0].startswith(folder):
            counts["points"] += 1
            if counts["points"] == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return counts


if __name__ == "__main__":
    _serve()
