"""Real engines on loopback, small enough for two cores: each is started with Beam's job server and a pool of workers.

client ── job server ── Flink: job manager, two task managers  ──┐
                        Spark: master, two workers             ──┼── pool of Python workers
                        Prism: all in one process              ──┘
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from faults.machine import children_of

JOB_PORT, POOL_PORT = 8099, 50000
_BIN = Path(sys.executable).parent
_OPENED = (
    "lang",
    "lang.invoke",
    "lang.reflect",
    "io",
    "net",
    "nio",
    "util",
    "util.concurrent",
    "util.concurrent.atomic",
)
_JAVA = [
    *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED),
    *(
        f"--add-opens=java.base/sun.{name}=ALL-UNNAMED"
        for name in ("nio.ch", "nio.cs", "security.action", "util.calendar")
    ),
]
_FLINK_CONFIG = """
jobmanager.rpc.address: localhost
jobmanager.rpc.port: 6123
jobmanager.bind-host: localhost
jobmanager.memory.process.size: 768m
rest.address: localhost
rest.bind-address: localhost
rest.port: 8081
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.network.bind-policy: ip
taskmanager.numberOfTaskSlots: 1
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.task.heap.size: 192m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.managed.size: 64m
taskmanager.memory.network.min: 32m
taskmanager.memory.network.max: 32m
taskmanager.memory.jvm-metaspace.size: 160m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
heartbeat.interval: 1000
heartbeat.timeout: 6000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 10
restart-strategy.fixed-delay.delay: 1s
"""
_LOG4J = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c - %m%n
"""


class Cluster:
    """The processes of an engine, which end with the context.

    Attributes:
        folder: their current folder; each writes NAME.log there.
        options: options of `lengthwise prepare` after `--`, in addition to those of the README.
    """

    options: Sequence[str] = ()

    def __init__(self, installed: Path, folder: Path, site: Path) -> None:
        self._installed = installed
        self._site = site
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self.start_pool()
        try:
            self.start()
            for port in (POOL_PORT, JOB_PORT):
                wait_until(lambda port=port: _listens(port), f"port {port}; see {self.folder}")  # type: ignore[misc]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        workers = self.workers()  # they outlive their pool
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def start(self) -> None:
        """Starts the engine and its job server."""
        raise NotImplementedError

    def start_pool(self) -> None:
        """Starts the pool in a separate folder, so that relative paths do not lead to the folder of the client."""
        folder = self.folder / "pool"
        folder.mkdir()
        command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={POOL_PORT}"]
        path = f"{_BIN}:{os.environ['PATH']}"  # the pool starts `python`
        self.run("pool", command, folder=folder, PATH=path, PYTHONPATH=str(self._site))

    def active_jobs(self) -> Sequence[object]:
        """The jobs that the engine lists as active."""
        return ()

    def workers(self) -> list[int]:
        """The process ids of the Python workers that the pool has started."""
        return children_of(self._processes["pool"].pid)

    def kill(self, name: str) -> None:
        """Kills a process of the engine, as if its machine had failed."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def run(self, name: str, command: Sequence[str], *, folder: Path | None = None, **environment: str) -> None:
        """Starts a process."""
        with open(self.folder / f"{name}.log", "ab") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=folder or self.folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def _job_server(self, driver: str, classpath: str, *arguments: str, java: Sequence[str] = ()) -> None:
        ports = [f"--job-port={JOB_PORT}", "--artifact-port=8098", "--expansion-port=8097", "--job-host=localhost"]
        place = f"--artifacts-dir={self.folder}/artifacts"
        self.run("job-server", [*_JAVA, "-Xmx512m", *java, "-cp", classpath, driver, *arguments, *ports, place])


class Flink(Cluster):
    """A job manager and two task managers, of one slot each."""

    options = ("--parallelism=2",)

    def start(self) -> None:
        (self.folder / "flink-conf.yaml").write_text(_FLINK_CONFIG)
        (self.folder / "log4j.properties").write_text(_LOG4J)
        entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        self._flink("job-manager", entry, "-Xmx320m")
        for number in (1, 2):
            self.start_task_manager(f"task-manager-{number}")
        server = "org.apache.beam.runners.flink.FlinkJobServerDriver"
        self._job_server(server, str(self._installed / "job-server.jar"), "--flink-master=localhost:8081")

    def active_jobs(self) -> Sequence[object]:
        jobs = _ask("http://localhost:8081/jobs/overview")["jobs"]
        return [job for job in jobs if job["state"] not in ("FINISHED", "CANCELED", "FAILED")]

    def start_task_manager(self, name: str) -> None:
        """Starts another task manager."""
        self._flink(name, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "-Xmx256m")

    def _flink(self, name: str, entry: str, memory: str) -> None:
        jars = self._installed / "jars"
        classpath = ":".join(
            str(path) for path in sorted(jars.glob("*.jar")) if path.name.startswith(("flink-dist", "log4j"))
        )
        log = f"-Dlog4j.configurationFile={self.folder}/log4j.properties"
        self.run(name, [*_JAVA, memory, log, "-cp", classpath, entry, "--configDir", str(self.folder)])


class Spark(Cluster):
    """A master and two workers, of one core each."""

    def start(self) -> None:
        jars, server = f"{self._installed}/jars/*", self._installed / "job-server.jar"
        self.options = (f"--files_to_stage={server}",)  # Spark's own jars are there already
        place = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(self._installed), "SPARK_SCALA_VERSION": "2.12"}
        java = [*_JAVA, "-Xmx256m", "-cp", jars]
        master = ["org.apache.spark.deploy.master.Master", "--host", "localhost", "--port", "7077"]
        self.run("master", [*java, *master, "--webui-port", "8080"], **place)
        wait_until(lambda: _listens(7077), f"Spark's master; see {self.folder}")
        for number in (1, 2):
            self.start_worker(f"worker-{number}")
        settings = {
            "executor.memory": "512m",
            "driver.host": "localhost",
            "driver.bindAddress": "127.0.0.1",
            "executor.extraJavaOptions": " ".join(_JAVA[1:]),
        }
        self._job_server(
            "org.apache.beam.runners.spark.SparkJobServerDriver", f"{jars}:{server}",
            "--spark-master-url=spark://localhost:7077",
            java=[f"-Dspark.{name}={value}" for name, value in settings.items()],
        )  # fmt: skip

    def active_jobs(self) -> Sequence[object]:
        found: list[object] = _ask("http://localhost:8080/json/")["activeapps"]
        return found

    def start_worker(self, name: str) -> None:
        """Starts a worker; its executor runs tasks."""
        place = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(self._installed), "SPARK_SCALA_VERSION": "2.12"}
        command = ["org.apache.spark.deploy.worker.Worker", "--host", "localhost", "--cores", "1", "--memory", "512M"]
        work = ["--work-dir", str(self.folder / name), "--webui-port", "0", "spark://localhost:7077"]
        self.run(name, [*_JAVA, "-Xmx256m", "-cp", f"{self._installed}/jars/*", *command, *work], **place)


class Prism(Cluster):
    """Beam's own local runner, as a server."""

    def start(self) -> None:
        self.run("job-server", [str(self._installed / "prism"), f"--job_port={JOB_PORT}", "--serve_http=false"])


ENGINES: Mapping[str, type[Cluster]] = {"prism": Prism, "flink": Flink, "spark": Spark}


def wait_until(condition: Callable[[], object], what: str, seconds: float = 240) -> None:
    """Waits until a condition is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)


def _ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
