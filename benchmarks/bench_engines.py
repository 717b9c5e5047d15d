"""The default job on Flink, Spark and Prism, and with two worker processes here: time and memory of all processes.

    make test-engines QUICK=1                                       (downloads the engines)
    python -m benchmarks.bench_engines                              (as root: it runs in a separate network)
    python -m benchmarks.bench_engines --engines here spark         (one of them)

Each run uses a newly started cluster with two workers: the CPU time of an engine includes its start. Data sets
that differ by a byte are an error.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from benchmarks.data import NUM_IDS, WORDS, RawData, raw_data
from benchmarks.real import real_data

_ROOT = Path(__file__).parents[1]
_WHEELS = _ROOT / "build" / "engines"
_INSTALLED = Path(os.environ.get("LENGTHWISE_ENGINES", "~/.cache/lengthwise-engines")).expanduser()
_OPTIONS = (
    "--runner=PortableRunner", "--job_endpoint=localhost:8099",
    "--environment_type=EXTERNAL", "--environment_config=localhost:50000",
)  # fmt: skip
_KEPT = {"flink": ("--environment_cache_millis=60000",)}  # as in the README
_ENGINE, _WORKERS, _CLIENT = "engine", "workers", "client"
_HERE = "here"  # no engine
_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Samples all descendants of this process, five times per second.

    Attributes:
        peak: maximum private memory in MiB, by kind of process, and of all processes.
    """

    def __init__(self) -> None:
        self.client = 0
        self.peak: Counter[str] = Counter()
        self._cpu: dict[int, tuple[str, float]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def cpu(self, *kinds: str) -> float:
        """Returns the seconds, user and system, of all sampled processes of these kinds."""
        return sum(seconds for kind, seconds in self._cpu.values() if kind in kinds)

    def _watch(self) -> None:
        while not self._stopped.wait(0.2):
            below, memory = {os.getpid()}, Counter[str]()
            for pid, (parent, name, seconds, mebibytes) in sorted(_processes().items()):  # children have larger ids
                if parent in below:
                    below.add(pid)
                    kind = _CLIENT if pid == self.client else _ENGINE if name in ("java", "prism") else _WORKERS
                    self._cpu[pid] = kind, seconds
                    memory[kind] += mebibytes
                    memory["all"] += mebibytes
            self.peak |= memory


def _processes() -> dict[int, tuple[int, str, float, float]]:
    """Returns for each process its parent, name, CPU seconds without its children, and private memory in MiB."""
    found = {}
    for entry in filter(lambda entry: entry.name.isdigit(), Path("/proc").iterdir()):
        with suppress(OSError, IndexError, ValueError):
            name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            resident, shared = map(int, (entry / "statm").read_text().split()[1:3])
            seconds = (int(fields[11]) + int(fields[12])) / _TICKS
            mebibytes = (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 2**20
            found[int(entry.name)] = int(fields[1]), name, seconds, mebibytes
    return found


def measure(name: str, folder: Path, site: Path) -> dict[str, Any]:
    """Runs the job `job.yaml` in `folder` on that engine."""
    from engines.clusters import ENGINES

    with Watch() as watch:
        start = time.perf_counter()
        place = folder / f"{name}-cluster"
        with ENGINES[name](_INSTALLED / name, place, site) if name in ENGINES else nullcontext() as cluster:
            started = time.perf_counter()
            options = ["--workers", "2"]
            if cluster is not None:
                options = ["--", *_OPTIONS, *_KEPT.get(name, ()), *cluster.options]
            command = [Path(sys.executable).parent / "lengthwise", "prepare", "job.yaml", "--output", name, *options]
            with open(folder / f"{name}.log", "wb") as log:
                client = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
                watch.client = client.pid
                code = client.wait()
            if code:
                raise RuntimeError(f"{name}: exit code {code}\n{(folder / f'{name}.log').read_text()[-4000:]}")
            wall = time.perf_counter() - started
            time.sleep(1)  # until the last sample
    return {
        "engine": name,
        "start_s": round(started - start, 1),
        "wall_s": round(wall, 1),
        "cpu_s": {kind: round(watch.cpu(kind), 1) for kind in (_ENGINE, _WORKERS, _CLIENT)},
        "peak_mib": {kind: round(mebibytes) for kind, mebibytes in watch.peak.items()},
    }


def compare(data: RawData, engines: list[str], site: Path) -> list[dict[str, Any]]:
    """Runs the default job over that data on each engine.

    Raises:
        RuntimeError: the data sets differ.
    """
    columns = [
        {"kind": "identity", "key": "id", "num_buckets": NUM_IDS},
        {"kind": "numeric", "key": "value"},
        {"kind": "vocabulary", "key": "word", "vocabulary_list": list(WORDS)},
        {"kind": "context", "key": "record", "dtype": "int64"},
    ]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "job.yaml").write_text(json.dumps({"inputs": {"files": list(data.files)}, "columns": columns}))
        found = []
        for name in engines:
            found.append(measure(name, folder, site))
            print(json.dumps(found[-1]), flush=True)
        manifests = {(folder / name / "manifest.json").read_bytes() for name in engines}  # with checksums of shards
    if len(manifests) > 1:
        raise RuntimeError(f"{len(manifests)} different data sets of {', '.join(engines)}")
    return found


def _in_a_network_of_its_own() -> None:
    """Restarts this process in an isolated network: engines accept any connection. The wheel is built before."""
    if {name for _, name in socket.if_nameindex()} == {"lo"}:
        return
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", _WHEELS, _ROOT]
    subprocess.run(pip, check=True)
    os.environ["PYTHONPATH"] = f"{_ROOT}:{_ROOT / 'tests'}"
    alone = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    again = [sys.executable, "-m", "benchmarks.bench_engines", *sys.argv[1:]]
    os.execvp(alone[0], [*alone, "bash", "-c", 'ip link set lo up; exec "$@"', "bash", *again])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--engines", nargs="+", default=[_HERE, "prism", "flink", "spark"])
    parser.add_argument("--data", nargs="+", default=["generated", "cmudict"], choices=["generated", "cmudict"])
    parser.add_argument("--json")
    given = parser.parse_args()
    _in_a_network_of_its_own()
    missing = [one for one in given.engines if one != _HERE and not (_INSTALLED / one / "ready").exists()]
    if missing:
        print(f"NOT MEASURED: {', '.join(missing)}; `make test-engines` fetches engines", flush=True)
    engines = [one for one in given.engines if one not in missing]
    [wheel] = _WHEELS.glob("*.whl")
    found = {}
    with tempfile.TemporaryDirectory() as place:
        site = Path(place) / "site"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site, wheel]
        subprocess.run(pip, check=True)
        for name in given.data:
            data = raw_data(given.records) if name == "generated" else real_data(name)
            title = f"{len(data.lengths):,} {'generated records' if name == 'generated' else f'records of {name}'}"
            found[title] = compare(data, engines, site)
    if given.json:
        Path(given.json).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
