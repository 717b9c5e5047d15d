"""Time of `prepare` by stage and by library, sampled by py-spy with native frames.

    python -m benchmarks.bench_stages --records 300000 --json stages.json

py-spy comes from PyPI (`pip install py-spy`); without it, nothing is measured. It needs permission to trace its child
process.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable

from benchmarks.data import raw_data
from benchmarks.prepare_jobs import OURS, SHUFFLED

_STAGES = {
    "job/reading": "read and frame records",
    "records/container": "read and frame records",
    "records/decoding": "decode",
    "records/rows": "look up, validate, cut",
    "rules": "look up, validate, cut",
    "job/spilling": "spill and sort",
    "records/arrays": "spill and sort",
    "records/encoding": "pad and encode",
    "records/statistics": "statistics",
    "job/writing": "write shards",
    "storage": "write shards",
}
_LIBRARIES = {
    "tfx_bsl": "tfx-bsl",
    "google_crc32c": "crc32c",
    "libcrc32c": "crc32c",
    "libz": "zlib",
    "numpy": "numpy",
    "arrow": "Arrow",
    "libprotobuf": "protobuf",
    "_upb": "protobuf",
}
_SYSTEM = re.compile(r"^(p?read|p?write|open|openat|close|fstat|stat|lseek|fsync|unlink|rename|getdents)\w* \(")
_WAITING = re.compile(r"(wait|sleep|poll|select|futex)\w* \(|_wait_for_tstate_lock|take_gil")
_PLACE = re.compile(r"lengthwise/((?:records|job)/\w+|rules|storage)/\w+\.py")


def sample(job: str, records: int, rate: int) -> list[tuple[list[str], int]] | None:
    """Returns stacks, root first, and their number of samples; None without py-spy."""
    tool = shutil.which("py-spy", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]))
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        stacks = os.path.join(folder, "stacks")
        command = [sys.executable, "-m", "benchmarks.prepare_jobs", "--job", job, "--output", os.path.join(folder, "o")]
        record = [tool, "record", "--native", "--format", "raw", "--rate", str(rate), "--output", stacks, "--"]
        subprocess.run([*record, *command, *raw_data(records).files], check=True, capture_output=True)
        with open(stacks, encoding="utf-8") as stream:
            lines = [line.rstrip("\n").rpartition(" ") for line in stream]
    return [(stack.split(";"), int(count)) for stack, _, count in lines]


def break_down(stacks: Iterable[tuple[list[str], int]]) -> dict[str, dict[str, float]]:
    """Returns the shares of all working samples by stage, and of those inside the steps of the job by library."""
    stages: Counter[str] = Counter()
    libraries: Counter[str] = Counter()
    for frames, count in stacks:
        stage = stage_of(frames)
        if stage:
            stages[stage] += count
            if stage not in (_START, _BEAM):
                libraries[library_of(frames)] += count
    return {"stages": _shares(stages), "libraries": _shares(libraries)}


_START, _BEAM = "start: imports", "Beam and the rest"


def stage_of(frames: list[str]) -> str:
    """Returns the stage of a stack, by its innermost frame in this package; empty if the thread waits."""
    if any("importlib" in frame for frame in frames):
        return _START
    working = any("spill_piece" in frame or "write_shard" in frame for frame in frames)
    if not working:
        return "" if any(_WAITING.search(frame) for frame in frames[-8:]) else _BEAM
    for frame in reversed(frames):
        found = _PLACE.search(frame)
        if found:
            if any("frame_writing.py" in one for one in frames):
                return "write shards"
            return _STAGES.get(found[1], _BEAM)
    return _BEAM


def library_of(frames: list[str]) -> str:
    """Returns the library of the innermost frame; functions of the C library count for their caller."""
    if _SYSTEM.match(frames[-1]):
        return "file system"
    for frame in reversed(frames):
        if ".py:" in frame or "libpython" in frame:
            return "Python"
        for mark, name in _LIBRARIES.items():
            if mark in frame:
                return name
    return "Python"


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = max(1, sum(counts.values()))
    return {name: count / total for name, count in counts.most_common()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rate", type=int, default=200, help="samples per second")
    parser.add_argument("--json")
    given = parser.parse_args()
    results = {}
    for job in (OURS, SHUFFLED):
        stacks = sample(job, given.records, given.rate)
        if stacks is None:
            print("py-spy is not installed: no breakdown")
            continue
        results[job] = break_down(stacks)
        for kind, shares in results[job].items():
            print(job, kind, {name: round(share, 3) for name, share in shares.items()}, flush=True)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
