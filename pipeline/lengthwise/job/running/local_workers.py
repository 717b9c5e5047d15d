"""Worker processes on this machine. Each gets the next task as soon as it has finished one.

          ┌─ connection ─ worker process ─┐
 tasks ───┤                               ├──▶ results, in the order of the tasks
          └─ connection ─ worker process ─┘

A worker that dies closes its connection, so the caller does not wait for it. Files that workers have written are kept
for the next run, so workers may be killed at any moment.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from lengthwise.errors import EnvironmentFailure
from lengthwise.job.task_values import Job

Task = TypeVar("Task")
Result = TypeVar("Result")

_PROGRAM = (
    "import sys; from lengthwise.parent_process import tie; tie(int(sys.argv[1])); "
    "from lengthwise.job.running.worker_process import serve_parent; serve_parent()"
)
_PATIENCE_S = 5.0  # for a worker without tasks to end
_RESUMES = "finished work is kept: the same command resumes"


class LocalWorkers:
    """Workers that run tasks: `count` processes, or this process if that is 1. They end with the context.

    Args:
        count: the number of workers.
        options: Beam's options for remote file systems.
    """

    def __init__(self, count: int, options: Sequence[str]) -> None:
        self._workers: list[_Worker] = []
        try:
            for _ in range(count if count > 1 else 0):
                self._workers.append(_Worker())
            for worker in self._workers:
                worker.send(list(options))
        except BaseException:
            self._kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._kill()
        for worker in self._workers:
            worker.end()

    def map(self, function: Callable[[Job, Task], Result], job: Job, tasks: Sequence[Task]) -> list[Result]:
        """The results of a function, which belongs to a module, for each of the tasks.

        Raises:
            EnvironmentFailure: a worker died.
            Exception: a worker raised it.
        """
        if not self._workers:
            return [function(job, task) for task in tasks]
        results: dict[int, Result] = {}
        remaining = iter(enumerate(tasks))
        at_work: dict[Any, tuple[_Worker, int]] = {}  # by connection

        def give_next(worker: _Worker) -> None:
            for number, task in remaining:
                worker.send((False, task))
                at_work[worker.connection] = worker, number
                return

        for worker in self._workers:
            worker.send((True, (function, job)))
            give_next(worker)
        while at_work:
            for connection in wait(list(at_work)):
                worker, number = at_work.pop(connection)
                results[number] = worker.receive()
                give_next(worker)
        return [results[number] for number in range(len(results))]

    def _kill(self) -> None:
        for worker in self._workers:
            worker.process.kill()


class _Worker:
    """A worker process, and the connection to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process runs)
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(os.getpid()), str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        except FileNotFoundError as error:
            raise EnvironmentFailure(f"{error.strerror}; set TMPDIR to a folder that can be written") from error
        except OSError as error:
            raise EnvironmentFailure(
                f"a worker process cannot be started: {error}; `--workers 1` needs none"
            ) from error
        finally:
            theirs.close()
        self.connection = Connection(ours.detach())

    def send(self, message: Any) -> None:
        try:
            self.connection.send(message)
        except OSError as error:
            raise self._death() from error

    def receive(self) -> Any:
        """The result of a task."""
        try:
            is_done, value = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error
        if not is_done:
            raise value
        return value

    def end(self) -> None:
        self.connection.close()
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()

    def _death(self) -> EnvironmentFailure:
        """The error that describes the end of the process: its signal, or its exit code and last line of output."""
        code = self.process.wait()
        if code == -signal.SIGKILL:
            return EnvironmentFailure(
                f"a worker process was killed (SIGKILL): out of memory? Fewer `--workers` need less; {_RESUMES}"
            )
        if code < 0:
            name = next((known.name for known in signal.Signals if known == -code), f"signal {-code}")
            return EnvironmentFailure(f"a worker process was killed ({name}); {_RESUMES}")
        self._output.seek(0)
        lines = self._output.read().decode(errors="backslashreplace").strip().splitlines()
        last_line = f": {lines[-1].strip()}" if lines else ""
        return EnvironmentFailure(
            f"a worker process ended before its work was done, with exit code {code}{last_line}; {_RESUMES}"
        )
