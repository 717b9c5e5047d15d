"""Peak memory of `prepare` with global shuffle for growing inputs. It should not depend on the size of the input.

    python -m benchmarks.bench_memory --records 300000 --factors 1 4 16 --json memory.json

Each size runs in a separate process, including imports; the kernel reports the peak of the whole process
(`ru_maxrss`). The input grows in two ways: eight files of growing size, and a growing number of files of one size.
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
    """Returns the peak memory of one run over that many records in that many files."""
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
    parser.add_argument("--json", help="write the results to this file")
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
