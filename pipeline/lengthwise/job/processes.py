"""Worker processes of Beam's embedded runner: started, and watched to their end.

Beam has a way to start them too, but where a worker dies before it is connected, its runner waits for it for ever.
Here a thread waits for each process. If one ends before its work does, all that the runner waits for fails at once.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from typing import Any, ClassVar

from apache_beam.portability.api import beam_fn_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from google.protobuf import json_format, text_format

URN = "lengthwise:environment:process:v1"
"""The environment whose workers these are; its payload is the name of a `Team`."""

_LOGGER = logging.getLogger(__name__)
_PROGRAM = (
    "import sys; from lengthwise.tether import tie; tie(int(sys.argv[1])); "
    "from lengthwise.job.worker import main; main()"
)
_PATIENCE_S = 30.0  # with a worker that has nothing left to do
_RESUMES = "what is done is kept: the same command resumes"


class Team:
    """The worker processes of a run.

    Attributes:
        name: for `named`.
        fault: why the first of them died; empty while all are well.
    """

    _all: ClassVar["weakref.WeakValueDictionary[str, Team]"] = weakref.WeakValueDictionary()

    def __init__(self) -> None:
        self.name = f"team-{id(self)}"
        self.fault = ""
        self._lock = threading.Lock()
        self._awaited: list[Any] = []
        Team._all[self.name] = self

    @classmethod
    def named(cls, name: str) -> "Team":
        """The team of a run that has not ended."""
        return cls._all[name]

    def follow(self, future: Any) -> Any:
        """Returns what the runner is about to wait for. It fails as soon as a worker dies, whichever it is."""
        with self._lock:
            self._awaited = [one for one in [*self._awaited, future] if not one.is_done()]
        if self.fault:
            self.fail(self.fault)
        return future

    def fail(self, fault: str) -> None:
        """Tells the runner that what it waits for will not come; the first fault counts."""
        with self._lock:
            self.fault = self.fault or fault
            for future in self._awaited:
                future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=future.instruction_id, error=self.fault))
            self._awaited = []


class _Connection:
    """A worker's control connection, whose answers fail with the team."""

    def __init__(self, connection: Any, team: Team) -> None:
        self._connection = connection
        self._team = team
        self.close = connection.close

    def push(self, request: Any) -> Any:
        return self._team.follow(self._connection.push(request))


@WorkerHandler.register_environment(URN, bytes)
class ProcessHandler(GrpcWorkerHandler):
    """A worker process, as Beam's runner deals with it."""

    def __init__(self, payload: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._team = Team.named(payload.decode())
        self.control_conn: Any = _Connection(self.control_conn, self._team)
        self._process: subprocess.Popen[str] | None = None
        self._started = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._attend, name=f"attend_{self.worker_id}", daemon=True)

    def start_worker(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the process: by itself where it can, else by force."""
        self._is_closing = True
        if self._thread.ident is None:  # it could not even be started
            return
        self._started.wait()
        try:
            if self._process is not None and self._process.poll() is None and not self._team.fault:
                super().close()
        finally:
            if self._team.fault and self._process is not None:
                self._process.kill()
            self.stop_worker()

    def stop_worker(self) -> None:
        self._thread.join(_PATIENCE_S)
        if self._process is not None:
            self._process.kill()
        self._thread.join()

    def _attend(self) -> None:
        """Starts the process and stays until it ends: it is tied to the thread that starts it (see `tether`)."""
        try:
            fault = self._run()
        except Exception as error:  # noqa: BLE001 (whatever it is, the runner must hear of it)
            fault = f"a worker process cannot be started: {error}; `--workers 1` needs none"
        finally:
            self._started.set()
        if fault:
            self._team.fail(fault)

    def _run(self) -> str:
        """Runs the process to its end; returns how it died, or nothing if its work was done."""
        self._process = process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(os.getpid())],
            env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="backslashreplace",
        )  # fmt: skip
        self._started.set()
        last = [""]
        reader = threading.Thread(target=_relay, args=(process.stdout, self.worker_id, last), daemon=True)
        reader.start()
        code = process.wait()
        reader.join(1)  # no longer: a process that it has started may hold the other end
        return _describe(code, last[0]) if code or not self._is_closing else ""

    def _environment(self) -> dict[str, str]:
        """What Beam's worker looks for in its environment."""
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        return {
            **os.environ,
            "WORKER_ID": self.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
        }


def _relay(stream: Any, worker: str, last: list[str]) -> None:
    """Logs what a worker prints, and keeps its last line."""
    for line in stream:
        if line.strip():
            last[0] = line.strip()
            _LOGGER.info("%s: %s", worker, line.rstrip())


def _describe(code: int, last: str) -> str:
    """How a worker ended, in words: by a signal, or with an exit code and its last line."""
    if code == -signal.SIGKILL:
        return f"a worker process was killed (SIGKILL): out of memory? Fewer `--workers` need less; {_RESUMES}"
    if code < 0:
        name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
        return f"a worker process was killed ({name}); {_RESUMES}"
    said = f": {last}" if last else ""
    return f"a worker process ended before its work did, with exit code {code}{said}; {_RESUMES}"
