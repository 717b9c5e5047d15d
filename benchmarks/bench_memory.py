"""Peak memory of `prepare`, global shuffle on, as the input grows: it should not grow with it.

    python -m benchmarks.bench_memory --records 300000 --factors 1 4 16 --json memory.json

A process for each size, imports included; the peak is that of the whole process as the kernel counts it (`ru_maxrss`).
Both ways of growing are measured: eight files that become larger, and more and more files of one size.
"""

import argparse
import json
import os
import tempfile
from typing import Any

from benchmarks.data import raw_data
from benchmarks.prepare_jobs import SHUFFLED
from benchmarks.runner import run_process


def measure(records: int, files: int) -> dict[str, Any]:
    """The peak of one run over that many records in that many files."""
    data = raw_data(records, files=files)
    size = sum(os.path.getsize(path) for path in data.files)
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "out")
        usage = run_process(["-m", "benchmarks.prepare_jobs", "--job", SHUFFLED, "--output", output, *data.files])
    found = {"records": records, "files": files, "input_mib": round(size / 2**20), "peak_mib": round(usage.peak)}
    print(json.dumps(found), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000, help="at 1x")
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--json", help="a file for the results")
    given = parser.parse_args()
    results = {
        "larger files": [measure(given.records * factor, 8) for factor in given.factors],
        "more files": [measure(given.records * factor, 8 * factor) for factor in given.factors],
    }
    if given.json:
        with open(given.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
