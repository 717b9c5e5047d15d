"""Cost against size: each part at 1x, 2x, 4x, 8x and 16x of one size, with the other sizes fixed.

    python -m benchmarks.bench_scaling --base 4000 --json scaling.json

CPU seconds inside one warm process, without start-up. `prepare` runs the stages of the job (spill, assign, write)
without Beam. Every measurement is the median of the rounds, in which all sizes take turns.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks.data import make_float_records, write_file
from benchmarks.runner import alternate, spread
from lengthwise import columns as lw
from lengthwise.buckets import LengthHistogram, plan_optimal

FACTORS = (1, 2, 4, 8, 16)
_FEED = 4  # a factor for the records, so that building the graph does not hide their cost
_Measure = Callable[[], float]


class Work:
    """Creates the inputs of each size, in one folder."""

    def __init__(self, folder: str, base: int) -> None:
        self._folder = folder
        self._base = base

    def prepare(
        self, *, records: int = 1, steps: int = 1, columns: int = 1, buckets: int = 1, shards: int = 1, split: int = 1
    ) -> _Measure:
        """Runs the stages of `prepare` over a data set of `factor` times the base size."""
        names = [f"value{number:02d}" for number in range(columns)]
        length = 16 * steps
        path = os.path.join(self._folder, f"{records}-{steps}-{columns}-{split}")
        files = [f"{path}-{number:03d}" for number in range(split)]
        if not os.path.exists(files[-1]):
            lengths = np.random.default_rng(0).integers(1, 2 * length + 1, self._base * records)
            for file, part in zip(files, np.array_split(lengths, split), strict=True):
                write_file(file, [make_float_records(part, names)])
        boundaries = np.unique(np.linspace(0, 2 * length, 2 * buckets + 1)[1:].astype(int)).tolist()
        total = sum(map(os.path.getsize, files))
        config = {
            "inputs": {"files": files},
            "columns": [lw.sequence_numeric_column(name) for name in names],
            "buckets": {"boundaries": boundaries},
            "output": {"compression": "none", "shard_bytes": max(1, total // (2 * shards)) if shards > 1 else 2**30},
        }
        return lambda: self._run(config)

    def _run(self, config: dict[str, Any]) -> float:
        from lengthwise.config import JobConfig
        from lengthwise.job.reading.input_files import list_inputs
        from lengthwise.job.reading.input_pieces import whole_files
        from lengthwise.job.spilling.piece_spilling import spill_piece
        from lengthwise.job.task_values import Job
        from lengthwise.job.writing.shard_writing import assign_shards, write_shard

        with tempfile.TemporaryDirectory(dir=self._folder) as output:
            config["output"]["path"] = output
            checked = JobConfig.model_validate(config)
            start = time.process_time()
            job = Job(checked, list_inputs(checked), checked.buckets.given, "", output)
            spilled = [spill_piece(job, piece) for piece in whole_files(job)]
            for task in assign_shards(job, spilled):
                write_shard(job, task)
            return time.process_time() - start

    def feed(self, layout: str, factor: int) -> _Measure:
        """Reads a prepared data set of `factor` times four times the base's records."""
        from benchmarks.bench_feed import prepare
        from benchmarks.data import raw_data
        from lengthwise.feed import read_prepared

        folder = os.path.join(self._folder, f"feed-{factor}")
        prepared = os.path.join(folder, layout)
        if not os.path.exists(prepared):
            prepare(raw_data(_FEED * self._base * factor, folder=self._folder), layout, folder)
        return lambda: _read(lambda: read_prepared(prepared, "train", batch_steps=8192))

    def feed_raw(self, factor: int) -> _Measure:
        """Reads `factor` times the base's raw records."""
        from benchmarks.data import raw_columns, raw_data
        from lengthwise.feed import read_raw

        files = raw_data(_FEED * self._base * factor, folder=self._folder).files
        return lambda: _read(lambda: read_raw(files, columns=raw_columns(), batch_steps=8192))


def _read(make: Callable[[], Any]) -> float:
    import tensorflow as tf

    dataset = make()
    start = time.process_time()
    dataset.reduce(tf.constant(0, tf.int64), lambda total, batch: total + tf.size(batch["sequence_length"], tf.int64))
    return time.process_time() - start


def layer(steps: int) -> _Measure:
    """Runs one forward pass over a batch of 256 sequences of that many steps."""
    from benchmarks.bench_layer import FORWARD, contestants

    function, batch = contestants(steps, FORWARD)["ours"]

    def measure() -> float:
        function(batch)
        start = time.process_time()
        for _ in range(20):
            result = function(batch)
        _ = result.numpy()
        return (time.process_time() - start) / 20

    return measure


def planning(lengths: int, count: int) -> _Measure:
    """Plans optimal boundaries for a histogram of that many lengths."""
    histogram = LengthHistogram(np.arange(1, lengths + 1), np.random.default_rng(0).integers(1, 100, lengths))

    def measure() -> float:
        start = time.process_time()
        plan_optimal(histogram, count)
        return time.process_time() - start

    return measure


def dimensions(work: Work, parts: list[str]) -> dict[str, dict[int, _Measure]]:
    """Returns the sizes that grow, and the measurement at each factor."""
    every = {
        "prepare: records": lambda f: work.prepare(records=f),
        "prepare: steps a record": lambda f: work.prepare(steps=f),
        "prepare: columns": lambda f: work.prepare(columns=f),
        "prepare: buckets": lambda f: work.prepare(records=4, buckets=f),
        "prepare: shards": lambda f: work.prepare(records=4, shards=f),
        "prepare: input files": lambda f: work.prepare(records=4, split=f),
        "read_prepared, block: records": lambda f: work.feed("block", f),
        "read_prepared, example: records": lambda f: work.feed("example", f),
        "read_raw: records": work.feed_raw,
        "layer, forward: steps": lambda f: layer(16 * f),
        "optimal buckets: lengths": lambda f: planning(6_250 * f, 32),
        "optimal buckets: buckets": lambda f: planning(50_000, 2 * f),
    }
    chosen = {name: make for name, make in every.items() if not parts or any(part in name for part in parts)}
    return {name: {factor: make(factor) for factor in FACTORS} for name, make in chosen.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=int, default=4_000, help="records at 1x")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", nargs="*", default=[], help="only parts whose names contain one of these strings")
    parser.add_argument("--json")
    given = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, sizes in dimensions(Work(folder, given.base), given.parts).items():
            for measure in sizes.values():
                measure()  # the first call is slower
                break
            seconds = alternate(sizes, given.rounds)
            results[name] = {factor: spread(values) for factor, values in seconds.items()}
            ratios = [round(results[name][f]["median"] / results[name][1]["median"], 2) for f in FACTORS]
            print(f"{name:34} {results[name][1]['median']:9.4f} CPU s at 1x, then {ratios[1:]}", flush=True)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
