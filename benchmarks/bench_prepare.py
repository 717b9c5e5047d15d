"""Offline preparation against a naive Beam job and the usual tfx-bsl job: the same input, the same runner, one process each.

    .venv/bin/python benchmarks/bench_prepare.py --records 300000 --rounds 3

Each job is a process of its own, so that imports and start-up count; jobs are alternated, medians are reported. What is
compared is records per CPU-second. Before anything is timed, the jobs' outputs are read back and compared.
"""

import argparse
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BOUNDARIES = (8, 16, 24, 40, 64, 104, 168, 512)


def naive(files: list[str], output: str) -> None:
    """What a good engineer writes in a morning: a record is an element, protobuf and numpy in Python."""
    import apache_beam as beam
    import tensorflow as tf
    from data import NUM_IDS, WORDS

    words = {word.encode(): position for position, word in enumerate(WORDS)}

    def convert(raw: bytes) -> tuple[int, bytes]:
        record = tf.train.SequenceExample.FromString(raw)
        lists = record.feature_lists.feature_list
        ids = [step.int64_list.value[0] for step in lists["id"].feature]
        values = [step.float_list.value[0] for step in lists["value"].feature]
        texts = [words[step.bytes_list.value[0]] for step in lists["word"].feature]
        length = len(ids)
        valid = all(0 <= one < NUM_IDS for one in ids) and all(map(math.isfinite, values))
        if not valid or not length == len(values) == len(texts):
            raise ValueError("bad record")
        boundary = next(one for one in BOUNDARIES if length <= one)
        rest = boundary - length
        feature = {
            "id": tf.train.Feature(int64_list=tf.train.Int64List(value=ids + [0] * rest)),
            "value": tf.train.Feature(float_list=tf.train.FloatList(value=values + [0.0] * rest)),
            "word": tf.train.Feature(int64_list=tf.train.Int64List(value=texts + [0] * rest)),
            "record": tf.train.Feature(int64_list=record.context.feature["record"].int64_list),
            "sequence_length": tf.train.Feature(int64_list=tf.train.Int64List(value=[length])),
        }
        return boundary, tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        converted = pipeline | beam.Create(files) | beam.io.ReadAllFromTFRecord() | beam.Map(convert)
        parts = converted | beam.Partition(lambda pair, count: BOUNDARIES.index(pair[0]), len(BOUNDARIES))
        for boundary, part in zip(BOUNDARIES, parts, strict=True):
            path = os.path.join(output, f"length-{boundary:05d}")
            part | f"Values {boundary}" >> beam.Values() | f"Write {boundary}" >> beam.io.WriteToTFRecord(path)


def usual(files: list[str], output: str) -> None:
    """ReadFromTFRecord + BatchElements + tfx-bsl + WriteToTFRecord: batches decoded in C++, padded with numpy."""
    import apache_beam as beam
    import numpy as np
    import pyarrow as pa
    from data import raw_columns
    from tfx_bsl.coders import example_coder

    from lengthwise.records.decode import Decoder
    from lengthwise.records.validate import Validator

    columns = raw_columns()

    class Convert(beam.DoFn):
        def setup(self) -> None:
            self.decoder = Decoder(columns, "sequence_example")
            self.validator = Validator(columns, "sequence_example")
            self.encoder = example_coder.RecordBatchToExamplesEncoder()

        def process(self, batch: list[bytes]):  # noqa: ANN201
            checked = self.validator.check(self.decoder.decode(batch))
            buckets = np.searchsorted(BOUNDARIES, checked.lengths)
            for bucket in np.unique(buckets):
                rows = np.flatnonzero(buckets == bucket)
                boundary, lengths = BOUNDARIES[bucket], checked.lengths[rows]
                arrays = {"sequence_length": lengths[:, None], "record": checked.context["record"][rows, None]}
                mask = np.arange(boundary) < lengths[:, None]
                for key, steps in checked.sequences.items():
                    padded = np.zeros((len(rows), boundary), steps.values.dtype)
                    places = np.repeat(steps.starts[rows] - np.cumsum(lengths) + lengths, lengths)
                    padded[mask] = steps.values[places + np.arange(lengths.sum())]
                    arrays[key] = padded
                lists = {key: pa.array(list(matrix), pa.large_list(pa.from_numpy_dtype(matrix.dtype)))
                         for key, matrix in arrays.items()}
                for record in self.encoder.encode(pa.RecordBatch.from_pydict(lists)):
                    yield int(bucket), record

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        read = pipeline | beam.Create(files) | beam.io.ReadAllFromTFRecord()
        batches = read | beam.BatchElements(min_batch_size=1024, max_batch_size=1024)
        parts = batches | beam.ParDo(Convert()) | beam.Partition(lambda pair, count: pair[0], len(BOUNDARIES))
        for boundary, part in zip(BOUNDARIES, parts, strict=True):
            path = os.path.join(output, f"length-{boundary:05d}")
            part | f"Values {boundary}" >> beam.Values() | f"Write {boundary}" >> beam.io.WriteToTFRecord(path)


def ours(files: list[str], output: str, *, shuffle: bool, workers: int = 1) -> None:
    from data import raw_columns

    from lengthwise.config.model import JobConfig
    from lengthwise.prepare import run

    run(
        JobConfig.model_validate(
            {
                "inputs": {"files": files},
                "columns": raw_columns(),
                "buckets": {"boundaries": BOUNDARIES},
                "shuffle": {"enabled": shuffle},
                "output": {"path": output, "compression": "none"},
            }
        ),
        workers=workers,
    )


JOBS = {
    "naive": naive,
    "usual": usual,
    "ours": lambda files, output: ours(files, output, shuffle=False),
    "ours, shuffled": lambda files, output: ours(files, output, shuffle=True),
}


def fingerprint_output(folder: str) -> str:
    """A digest of the records, whatever their order and files: (boundary, sorted parsed features)."""
    import hashlib

    from lengthwise.records.framing import read_blocks
    from lengthwise.records.protos import Example

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


def measure(job: str, files: list[str]) -> dict[str, float]:
    """Runs a job in a process of its own: CPU and wall seconds, and the largest process's peak memory."""
    output = tempfile.mkdtemp(prefix="bench-")
    shutil.rmtree(output)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, __file__, "--job", job, "--output", output, *files], check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(output)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": wall}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--equal", type=int, default=5_000, help="records of the comparison of outputs")
    parser.add_argument("--job")
    parser.add_argument("--output")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    if arguments.job:
        JOBS[arguments.job](arguments.files, arguments.output)
        return
    from data import raw_data

    small = list(raw_data(arguments.equal).files)
    digests = {}
    for job in JOBS:
        output = tempfile.mkdtemp(prefix="bench-")
        shutil.rmtree(output)
        subprocess.run([sys.executable, __file__, "--job", job, "--output", output, *small], check=True)
        digests[job] = fingerprint_output(output)
        shutil.rmtree(output)
    if len(set(digests.values())) != 1:
        sys.exit(f"the outputs differ: {digests}")
    print("equal outputs:", digests["ours"], flush=True)
    files = list(raw_data(arguments.records).files)
    rounds: dict[str, list[dict[str, float]]] = {job: [] for job in JOBS}
    for _ in range(arguments.rounds):
        for job in JOBS:
            rounds[job].append(measure(job, files))
            print(job, rounds[job][-1], flush=True)
    base = statistics.median(one["cpu"] for one in rounds["naive"])
    for job, runs in rounds.items():
        cpu = statistics.median(one["cpu"] for one in runs)
        ratios = [naive["cpu"] / one["cpu"] for naive, one in zip(rounds["naive"], runs, strict=True)]
        print(json.dumps({"job": job, "records_per_cpu_s": arguments.records / cpu, "ratio": base / cpu, "ratios": ratios}))


if __name__ == "__main__":
    main()
