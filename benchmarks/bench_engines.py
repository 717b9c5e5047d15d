"""The whole job on Flink, Spark and Prism beside the embedded runner: time and memory of all processes.

    make test-engines QUICK=1   (fetches the engines and builds the wheel)
    sudo unshare --net bash -c 'ip link set lo up; PYTHONPATH=.:tests .venv/bin/python -m benchmarks.bench_engines'

Each run begins on a cluster that has just started, with two workers. An engine's CPU time includes its start.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.data import NUM_IDS, WORDS, raw_data

_RUNNER = "--runner=PortableRunner --job_endpoint=localhost:8099"
_POOL = "--environment_type=EXTERNAL --environment_config=localhost:50000"
_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at all processes below this one, twice a second: CPU seconds, and the largest sum of memory."""

    def __init__(self) -> None:
        self._cpu: dict[int, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def cpu(self) -> float:
        """Seconds, user and system, of all that were seen."""
        return sum(self._cpu.values())

    def _watch(self) -> None:
        while not self._stopped.wait(0.5):
            found = _processes()
            below, memory = {os.getpid()}, 0.0
            for pid, (parent, seconds, mebibytes) in sorted(found.items()):  # children have larger numbers
                if parent in below:
                    below.add(pid)
                    self._cpu[pid] = seconds
                    memory += mebibytes
            self.peak = max(self.peak, memory)


def _processes() -> dict[int, tuple[int, float, float]]:
    """Of each process its parent, CPU seconds without its children, and MiB in memory that it shares with nobody."""
    found = {}
    for entry in filter(lambda entry: entry.name.isdigit(), Path("/proc").iterdir()):
        with suppress(OSError, IndexError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            resident, shared = map(int, (entry / "statm").read_text().split()[1:3])
            seconds = (int(fields[11]) + int(fields[12])) / _TICKS
            found[int(entry.name)] = int(fields[1]), seconds, (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return found


def measure(name: str, folder: Path, site: Path) -> dict[str, Any]:
    """Prepares what is in `folder` on that engine."""
    from contextlib import nullcontext

    from engines.clusters import ENGINES

    installed = Path(os.environ.get("LENGTHWISE_ENGINES", "~/.cache/lengthwise-engines")).expanduser() / name
    with Watch() as watch:
        start = time.perf_counter()
        with (
            ENGINES[name](installed, folder / f"{name}-cluster", site) if name in ENGINES else nullcontext() as cluster
        ):
            started = time.perf_counter()
            options = ["--workers", "2"]
            if cluster is not None:
                options = ["--", *f"{_RUNNER} {_POOL}".split(), *cluster.options]
            command = [Path(sys.executable).parent / "lengthwise", "prepare", "job.yaml", "--output", name, *options]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wall = time.perf_counter() - started
            time.sleep(1)  # the watch's last look
    return {
        "engine": name,
        "start_s": round(started - start, 1),
        "wall_s": round(wall, 1),
        "cpu_s": round(watch.cpu, 1),
        "peak_mib": round(watch.peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--engines", nargs="+", default=["embedded", "prism", "flink", "spark"])
    given = parser.parse_args()
    [wheel] = Path("build/engines").glob("*.whl")
    with tempfile.TemporaryDirectory() as place:
        folder, site = Path(place), Path(place) / "site"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site, wheel]
        subprocess.run(pip, check=True)
        columns = [
            {"kind": "identity", "key": "id", "num_buckets": NUM_IDS},
            {"kind": "numeric", "key": "value"},
            {"kind": "vocabulary", "key": "word", "vocabulary_list": list(WORDS)},
            {"kind": "context", "key": "record", "dtype": "int64"},
        ]
        config = {"inputs": {"files": list(raw_data(given.records).files)}, "columns": columns, "buckets": {"count": 8}}
        (folder / "job.yaml").write_text(json.dumps(config))  # JSON is YAML
        for name in given.engines:
            print(json.dumps(measure(name, folder, site)), flush=True)
        manifests = {(folder / name / "manifest.json").read_bytes() for name in given.engines}
        print(f"{len(manifests)} different manifests, checksums of all shards included")


if __name__ == "__main__":
    main()
