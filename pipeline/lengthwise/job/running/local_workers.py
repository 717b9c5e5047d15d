"""Worker processes on this machine. Each gets the next task as soon as it has finished one.

          ┌─ connection ─ worker process ─┐
 tasks ───┤                               ├──▶ results, in the order of the tasks
          └─ connection ─ worker process ─┘

A worker that dies closes its connection, so nobody waits for it. All that workers write is kept for the next run, so
they may be killed at any moment.
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
    "from lengthwise.job.running.worker_process import main; main()"
)
_PATIENCE_S = 5.0  # with a worker that has nothing left to do
_RESUMES = "what is done is kept: the same command resumes"


class LocalWorkers:
    """As many workers as `count` says: processes, or this one where that is 1. They end with the context."""

    def __init__(self, count: int, options: Sequence[str] = ()) -> None:
        """`options`: Beam's, of remote file systems."""
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
        """What the function, one of a module, gives for each of the tasks.

        Raises:
            EnvironmentFailure: a worker died.
            Exception: what a worker raised.
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
    """A process, and the connection to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process runs)
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(os.getpid()), str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()],
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
        """What a task gave."""
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
        self._said.close()

    def _death(self) -> EnvironmentFailure:
        """How the process ended, in words: by a signal, or with an exit code and its last line."""
        code = self.process.wait()
        if code == -signal.SIGKILL:
            return EnvironmentFailure(
                f"a worker process was killed (SIGKILL): out of memory? Fewer `--workers` need less; {_RESUMES}"
            )
        if code < 0:
            name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
            return EnvironmentFailure(f"a worker process was killed ({name}); {_RESUMES}")
        self._said.seek(0)
        lines = self._said.read().decode(errors="backslashreplace").strip().splitlines()
        said = f": {lines[-1].strip()}" if lines else ""
        return EnvironmentFailure(
            f"a worker process ended before its work did, with exit code {code}{said}; {_RESUMES}"
        )
