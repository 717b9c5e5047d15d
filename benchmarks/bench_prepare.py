"""Offline preparation: `prepare` compared with a naive Beam job, the usual tfx-bsl job, and lower limits.

    python -m benchmarks.bench_prepare --records 300000 --rounds 3 --json prepare.json

All jobs have the same input and runner, and run in turn, each in a separate process including imports and start-up.
Only the limits, a copy and a read by TensorFlow, are measured without importing TensorFlow. The measure is CPU time;
the outputs of all jobs are read back and compared before measuring.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import tempfile
from typing import Any

import numpy as np

from benchmarks.data import RawData, raw_data
from benchmarks.prepare_jobs import COPY, DEFAULT, LIMITS, NAIVE, OURS, PLANNING, PREPARING, READ, SHUFFLED, USUAL
from benchmarks.real import available, real_data
from benchmarks.runner import Usage, alternate, run_process, spread

_TURNS = (NAIVE, USUAL, OURS, SHUFFLED, DEFAULT, COPY, READ)


def fingerprint_output(folder: str) -> str:
    """Returns a digest of the records, independent of order and files: (boundary, sorted parsed features)."""
    from lengthwise.records.container.frame_reading import read_blocks
    from lengthwise.records.decoding.example_protos import Example

    digests = []
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if not name.startswith("length-"):
                continue
            boundary = name.split("-")[1]
            with open(os.path.join(parent, name), "rb") as stream:
                for block in read_blocks(stream):
                    for record in block.records:
                        content = Example.FromString(record).SerializeToString(deterministic=True)
                        digests.append(hashlib.md5(boundary.encode() + content).digest())
    return hashlib.md5(b"".join(sorted(digests))).hexdigest() + f" ({len(digests)} records)"


def run_job(job: str, data: RawData, output: str) -> Usage:
    """Runs a job in a separate process. Measures the whole process; for the limits, only the job."""
    command = ["-m", "benchmarks.prepare_jobs", "--job", job, "--output", output]
    if job not in LIMITS:
        return run_process([*command, *data.files])
    timed = output + "-seconds.json"
    usage = run_process([*command, "--timed", timed, *data.files])
    with open(timed, encoding="utf-8") as stream:
        return dataclasses.replace(usage, **json.load(stream))


def check_equality(data: RawData, jobs: tuple[str, ...] = PREPARING) -> str:
    """Runs the jobs and compares their outputs; returns a digest.

    Raises:
        AssertionError: they differ.
    """
    digests = {}
    for job in jobs:
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "out")
            run_job(job, data, output)
            digests[job] = fingerprint_output(output)
    assert len(set(digests.values())) == 1, f"the outputs differ: {digests}"
    return digests[jobs[-1]]


def measure(job: str, data: RawData) -> Usage:
    with tempfile.TemporaryDirectory() as folder:
        usage = run_job(job, data, os.path.join(folder, "out"))
    print(f"  {len(data.lengths):>9,} records  {job:26} {usage.cpu:7.1f} CPU s {usage.wall:7.1f} s", flush=True)
    return usage


def compare(data: RawData, jobs: tuple[str, ...], rounds: int, wall: bool = False) -> dict[str, Any]:
    """Returns records per CPU second (or wall second) of each job, and the ratio to the first job."""
    usages = alternate({job: lambda job=job: measure(job, data) for job in jobs}, rounds)
    seconds = {job: [one.wall if wall else one.cpu for one in runs] for job, runs in usages.items()}
    results = {}
    for job, runs in usages.items():
        ratios = [first / one for first, one in zip(seconds[jobs[0]], seconds[job], strict=True)]
        results[job] = {
            "records_per_second": spread([len(data.lengths) / one for one in seconds[job]]),
            "seconds": spread(seconds[job]),
            "wall": spread([one.wall for one in runs]),
            "peak_mib": spread([one.peak for one in runs]),
            "ratio": spread(ratios),
        }
    return results


def skewed_data(records: int) -> RawData:
    """Returns the data set in 8 files, one of which has nine tenths of the records."""
    large, small = raw_data(records * 9 // 10, files=1), raw_data(records // 10, files=7, seed=1)
    return RawData((*large.files, *small.files), np.concatenate([large.lengths, small.lengths]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=0, help="records of a second, larger comparison with one round")
    parser.add_argument("--workers", type=int, default=0, help="records in 8 files, read by one and by two workers")
    parser.add_argument("--single", type=int, default=0, help="the same in one file (1,200,000 are 1.5 GB)")
    parser.add_argument("--skewed", type=int, default=0, help="the same in 8 files, one of which has 90%%")
    parser.add_argument("--equal", type=int, default=5_000, help="records for the comparison of outputs")
    parser.add_argument("--real", action="store_true", help="also measure on real data")
    parser.add_argument("--json")
    given = parser.parse_args()
    results: dict[str, Any] = {"equal": check_equality(raw_data(given.equal))}
    check_equality(raw_data(given.equal), PLANNING)
    print("equal outputs:", results["equal"], flush=True)
    results["generated"] = {}
    if given.rounds:
        results["generated"] = {given.records: compare(raw_data(given.records), _TURNS, given.rounds)}
    if given.large:
        results["generated"][given.large] = compare(raw_data(given.large), (NAIVE, OURS, SHUFFLED, DEFAULT), 1)
    shared = {
        "workers": raw_data(given.workers) if given.workers else None,
        "single": raw_data(given.single, files=1) if given.single else None,
        "skewed": skewed_data(given.skewed) if given.skewed else None,
    }
    for name, data in shared.items():
        if data is not None:
            results[name] = {len(data.lengths): compare(data, PLANNING, max(given.rounds, 1), wall=True)}
    if given.real:
        for name in available():
            results.setdefault("equal_real", {})[name] = check_equality(real_data(name), (NAIVE, OURS))
            results.setdefault("real", {})[name] = compare(real_data(name), (NAIVE, OURS, SHUFFLED), 1)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
