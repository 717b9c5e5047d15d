"""Start-up costs: the help of the command line, `check` on one file, a small `prepare`, the first batch of the feed.

    python -m benchmarks.bench_start --rounds 3 --json start.json

CPU and wall seconds of whole processes.
"""

import argparse
import json
import os
import tempfile
from typing import Any

import yaml

from benchmarks.data import WORDS, raw_data
from benchmarks.runner import alternate, run_process, spread

_FIRST = "import sys; from lengthwise.feed import {function}; next(iter({function}({arguments}, batch_steps=8192)))"
_COLUMNS = [
    {"kind": "identity", "key": "id", "num_buckets": 100_000},
    {"kind": "numeric", "key": "value"},
    {"kind": "vocabulary", "key": "word", "vocabulary_list": list(WORDS)},
    {"kind": "context", "key": "record", "dtype": "int64"},
]


def commands(folder: str) -> dict[str, list[str]]:
    """Returns the commands to start, by name."""
    files = raw_data(2_000, files=1).files
    config = os.path.join(folder, "job.yaml")
    buckets = {"boundaries": [16, 64, 512]}
    with open(config, "w", encoding="utf-8") as stream:
        yaml.safe_dump({"inputs": {"files": list(files)}, "columns": _COLUMNS, "buckets": buckets}, stream)
    cli, prepared = ["-m", "lengthwise_cli"], os.path.join(folder, "prepared")
    run_process([*cli, "prepare", config, "--output", prepared])
    columns = "__import__('benchmarks.data').data.raw_columns()"
    return {
        "lengthwise --help": [*cli, "--help"],
        "lengthwise check, 2,000 records": [*cli, "check", config],
        "lengthwise prepare, 2,000 records": [*cli, "prepare", config, "--overwrite", "--output", prepared],
        "import tensorflow": ["-c", "import tensorflow"],
        "first batch of read_prepared": ["-c", _first("read_prepared", f"{prepared!r}, 'train'")],
        "first batch of read_raw": ["-c", _first("read_raw", f"{files!r}, columns={columns}")],
    }


def _first(function: str, arguments: str) -> str:
    return _FIRST.format(function=function, arguments=arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    given = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        usages = alternate(
            {name: lambda command=command: run_process(command) for name, command in commands(folder).items()},
            given.rounds,
        )
    for name, runs in usages.items():
        results[name] = {field: spread([getattr(one, field) for one in runs]) for field in ("cpu", "wall", "peak")}
        print(
            f"{name:36} {results[name]['cpu']['median']:6.2f} CPU s {results[name]['wall']['median']:6.2f} s",
            flush=True,
        )
    if given.json:
        with open(given.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
