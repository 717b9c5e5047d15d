"""Shared code of the measurements: rounds in which contestants take turns, timing of processes, the machine."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

_PACKAGES = ("tensorflow", "tfx-bsl", "apache-beam", "keras", "tf_keras", "pyarrow", "numpy", "protobuf")


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources of a process, including its children.

    Attributes:
        cpu: seconds, user and system.
        wall: seconds.
        peak: MiB of the largest process.
    """

    cpu: float
    wall: float
    peak: float


def run_process(command: Sequence[str]) -> Usage:
    """Runs a Python command (`-m package.module ...`) to its end and measures it, including imports.

    Raises:
        RuntimeError: the command failed; the message contains the end of its output.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment()
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{output.decode()[-4000:]}")
    return Usage(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024)


def _environment() -> dict[str, str]:
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": os.pathsep.join(paths)}


def alternate(contestants: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """Runs all contestants in turn, `rounds` times, so that temporary load affects all of them."""
    results: dict[str, list[Any]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            results[name].append(measure())
    return results


def spread(values: Sequence[float]) -> dict[str, float]:
    """Returns the median, minimum and maximum."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def describe_machine() -> dict[str, Any]:
    """Returns processor, cores, memory, load and versions."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int((_first("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) / 2**20, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def _first(path: str, field: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return next(line.partition(":")[2].strip() for line in stream if line.startswith(field))
    except (OSError, StopIteration):
        return ""
