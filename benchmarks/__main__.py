"""Runs all measurements in turn, each in a separate process; then writes RESULTS.md, RESULTS.json and the plots.

python -m benchmarks                     small sizes, a few minutes, to build/benchmarks        (make bench)
python -m benchmarks --full              the sizes of the goals, to benchmarks/                 (make bench-full)
python -m benchmarks --full --only feed  repeats one part; keeps the figures of the others
python -m benchmarks --equality          compares outputs without measuring
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.real import available
from benchmarks.results import write_results
from benchmarks.runner import describe_machine

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(_HERE)

Parts = dict[str, list[str]]
_NO_TURNS = ("--rounds", "0", "--equal", "500")
SMALL: Parts = {
    "decode": ["bench_decode", "--rounds", "1"],
    "prepare": ["bench_prepare", "--records", "50000", "--rounds", "1", "--equal", "2000"],
    "feed": ["bench_feed", "--records", "60000", "--rounds", "2"],
    "layer": ["bench_layer", "--rounds", "3", "--seconds", "0.2", "--steps", "64"],
    "buckets": ["bench_buckets", "--repeats", "1"],
    "groups": ["bench_groups", "--records", "20000"],
    "scaling": ["bench_scaling", "--base", "500", "--rounds", "1"],
    "stages": ["bench_stages", "--records", "50000"],
    "start": ["bench_start", "--rounds", "1"],
    "clock": ["bench_clock", "--sequences", "20000", "--seconds", "1", "--data", os.path.join("build", "clock-small")],
    "learning": ["bench_learning", "--updates", "40", "--seeds", "1"],
}
FULL: Parts = {
    "prepare": ["bench_prepare", "--records", "300000", "--rounds", "3"],
    "decode": ["bench_decode", "--rounds", "9"],
    "large": ["bench_prepare", *_NO_TURNS, "--large", "1000000"],
    "workers": ["bench_prepare", *_NO_TURNS, "--workers", "1000000", "--single", "1200000", "--skewed", "1000000"],
    "real": ["bench_prepare", *_NO_TURNS, "--real"],
    "feed": ["bench_feed", "--records", "300000", "--rounds", "3"],
    "layer": ["bench_layer", "--rounds", "5", "--seconds", "0.3"],
    "buckets": ["bench_buckets", "--repeats", "3"],
    "groups": ["bench_groups"],
    "scaling": ["bench_scaling", "--base", "4000", "--rounds", "3"],
    "stages": ["bench_stages", "--records", "300000"],
    "start": ["bench_start", "--rounds", "3"],
    "clock": ["bench_clock"],
    "clock-1-core": ["bench_clock", "--cores", "1"],
    "learning": ["bench_learning", "--updates", "150", "--seeds", "3"],
}
EQUALITY: Parts = {"prepare": ["bench_prepare", "--equal", "500", "--rounds", "0"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--equality", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], choices=FULL, help="run only these parts")
    parser.add_argument("--render", action="store_true", help="write RESULTS.md again without measuring")
    parser.add_argument("--output", help="the folder of the results")
    given = parser.parse_args()
    parts = EQUALITY if given.equality else FULL if given.full else SMALL
    folder = given.output or (_HERE if given.full else os.path.join(_ROOT, "build", "benchmarks"))
    os.makedirs(folder, exist_ok=True)
    results = _known(folder)
    for name, command in parts.items():
        if given.render or (given.only and name not in given.only):
            continue
        machine = {**describe_machine(), "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
        results[name] = {"machine": machine, "command": " ".join(command), "results": measure(name, command)}
        if given.full and name == "feed":
            for data in available():
                results[f"feed {data}"] = {
                    "machine": machine,
                    "command": f"bench_feed --data {data}",
                    "results": measure(f"feed {data}", ["bench_feed", "--data", data, "--rounds", "3"]),
                }
        _save(folder, results)
    if not given.equality:
        write_results(folder, results)
        print(f"wrote {os.path.join(folder, 'RESULTS.md')}")


def measure(name: str, command: list[str]) -> Any:
    """Runs one part and returns its results."""
    print(f"== {name}: {' '.join(command)}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        module, *options = command
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
        subprocess.run(
            [sys.executable, "-m", f"benchmarks.{module}", *options, "--json", path],
            check=True,
            cwd=_ROOT,
            env=environment,
        )
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)
    return found


def _known(folder: str) -> dict[str, Any]:
    path = os.path.join(folder, "RESULTS.json")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as stream:
        known: dict[str, Any] = json.load(stream)
    return known


def _save(folder: str, results: dict[str, Any]) -> None:
    with open(os.path.join(folder, "RESULTS.json"), "w", encoding="utf-8") as stream:
        json.dump(results, stream, indent=1)
        stream.write("\n")


if __name__ == "__main__":
    main()
