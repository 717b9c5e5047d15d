"""Batches for training: `lengthwise.feed` against the textbook pipeline and against reading the raw files alone.

All pipelines give the same sequences, padded, in batches of at most 8192 padded steps; their contents are compared
before anything is timed. The prepared data sets are uncompressed, as the raw files are.

What is measured is the cost of one more sequence. Each pipeline repeats the data without end; it is built once and
warmed up: the first batches are drawn before anything is timed. In each round all take turns to give as many sequences
as the data has, drawn by a loop inside TensorFlow, and are timed by the CPU seconds of the whole process, **from rest
to rest**: the clock starts when the process has stood still for a while, its buffers full, and stops when it does so
again, so that what was read ahead counts exactly once. What it costs to start an epoch is in it, what it costs to start
a program is not (`bench_start` measures that).
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from benchmarks.data import WORDS, RawData, raw_columns, raw_data
from benchmarks.real import real_data
from benchmarks.runner import alternate
from lengthwise.config import Buckets, Inputs, JobConfig, Output
from lengthwise.feed import read_prepared, read_raw
from lengthwise.manifest import load_manifest

BUDGET = 8192
PAUSE = 0.1  # seconds between two looks at the clock, while a pipeline comes to rest


@dataclass(frozen=True, slots=True)
class Result:
    """A pipeline's median over the rounds.

    Attributes:
        name: of the pipeline.
        records_per_cpu_second: the median.
        spread: the difference between the best and the worst round, as a share of the median.
        against_textbook: the ratio of the medians.
        padded_to_real: padded steps for each real one.
    """

    name: str
    records_per_cpu_second: float
    spread: float
    against_textbook: float
    padded_to_real: float | None


def textbook(data: RawData, boundaries: tuple[int, ...]) -> Any:
    """What the documentation of tf.data leads to: one record parsed at a time, then `bucket_by_sequence_length`."""
    table = _word_table()
    context = {"record": tf.io.FixedLenFeature([], tf.int64)}
    steps = {
        "id": tf.io.FixedLenSequenceFeature([], tf.int64),
        "value": tf.io.FixedLenSequenceFeature([], tf.float32),
        "word": tf.io.FixedLenSequenceFeature([], tf.string),
    }

    def parse(record: Any) -> dict[str, Any]:
        found, sequences = tf.io.parse_single_sequence_example(record, context, steps)
        length = tf.size(sequences["id"], tf.int64)
        return {**sequences, "word": table.lookup(sequences["word"]), **found, "sequence_length": length}

    parsed = tf.data.TFRecordDataset(list(data.files)).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return _bucketed(parsed, boundaries)


def vectorised_parse(data: RawData, boundaries: tuple[int, ...]) -> Any:
    """The common advice: parse batches, then take them apart again, because bucketing works record by record."""
    table = _word_table()
    context = {"record": tf.io.FixedLenFeature([], tf.int64)}
    steps = {key: tf.io.RaggedFeature(dtype) for key, dtype in _STEP_DTYPES.items()}

    def parse(records: Any) -> dict[str, Any]:
        found, sequences, _ = tf.io.parse_sequence_example(records, context, steps)
        flat = {key: ragged.merge_dims(1, 2) for key, ragged in sequences.items()}
        flat["word"] = flat["word"].with_flat_values(table.lookup(flat["word"].flat_values))
        return {**flat, **found, "sequence_length": tf.cast(flat["id"].row_lengths(), tf.int64)}

    batches = tf.data.TFRecordDataset(list(data.files)).batch(1024).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    rows = batches.unbatch().map(lambda row: {key: _dense(value) for key, value in row.items()})
    return _bucketed(rows, boundaries)


_STEP_DTYPES = {"id": tf.int64, "value": tf.float32, "word": tf.string}


def _dense(value: Any) -> Any:
    return value.to_tensor() if isinstance(value, tf.RaggedTensor) else value


def _word_table() -> Any:
    words = tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(len(WORDS), dtype=tf.int64))
    return tf.lookup.StaticHashTable(words, -1)


def _bucketed(rows: Any, boundaries: tuple[int, ...]) -> Any:
    return rows.bucket_by_sequence_length(
        lambda row: tf.cast(row["sequence_length"], tf.int32),
        bucket_boundaries=[boundary + 1 for boundary in boundaries],
        bucket_batch_sizes=[BUDGET // boundary for boundary in boundaries] + [1],
    )


def prepare(data: RawData, layout: str, folder: str) -> str:
    """The prepared data set of that layout, uncompressed like the raw files; made once."""
    from lengthwise.job import run

    output = Output(path=os.path.join(folder, layout), layout=layout, compression="none")
    buckets = Buckets(count=8)
    run(JobConfig(inputs=Inputs(files=data.files), columns=tuple(raw_columns()), buckets=buckets, output=output))
    return output.path


def contents(dataset: Any, records: int) -> tuple[dict[str, Any], float]:
    """A checksum of each record's features by number, whatever the batches, and padded steps for each real one."""
    sums = {key: np.zeros(records) for key in ("id", "value", "word", "sequence_length")}
    seen = np.zeros(records, np.int64)
    padded = 0
    for batch in dataset:
        rows = {key: value.numpy() for key, value in batch.items()}
        numbers, steps = rows["record"], rows["id"].shape[1]
        place = np.arange(1, steps + 1)
        valid = place <= rows["sequence_length"][:, None]
        for key in ("id", "value", "word"):
            sums[key][numbers] = (rows[key] * valid * place).sum(1, dtype=np.float64)
        sums["sequence_length"][numbers] = rows["sequence_length"]
        np.add.at(seen, numbers, 1)
        padded += valid.size
    return {**sums, "seen": seen}, padded / sums["sequence_length"].sum()


def check_equality(data: RawData, pipelines: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Compares every pipeline's contents with those of the textbook's; their padded steps for each real one."""
    records = len(data.lengths)
    padding: dict[str, float] = {}
    wanted: dict[str, Any] = {}
    for name, make in pipelines.items():
        found, padding[name] = contents(make(), records)
        wanted = wanted or found
        common = (wanted["seen"] == 1) & (found["seen"] == 1)
        assert found["seen"].max() == 1, f"{name} repeats records"
        assert common.all(), f"{name} leaves records out"
        for key, sums in wanted.items():
            np.testing.assert_allclose(found[key][common], sums[common], rtol=1e-5, err_msg=f"{name}: {key}")
    return padding


class Steady:
    """A pipeline without end, kept from round to round."""

    def __init__(self, dataset: Any, warm_up: int) -> None:
        self._iterator = iter(dataset)
        self._draw = tf.function(self._loop, autograph=False)
        self.rate(warm_up)

    def rate(self, wanted: int) -> float:
        """Sequences a CPU second, over at least so many, from rest to rest."""
        start = _at_rest()
        rows = int(self._draw(tf.constant(wanted, tf.int64)))
        return rows / (_at_rest() - start)

    def _loop(self, wanted: Any) -> Any:
        def draw(total: Any) -> Any:
            batch = next(self._iterator)
            rows = batch["sequence_length"] if isinstance(batch, dict) else batch
            return total + tf.size(rows, tf.int64)

        return tf.while_loop(lambda total: total < wanted, draw, [tf.constant(0, tf.int64)], parallel_iterations=1)[0]


def _at_rest() -> float:
    """The CPU seconds of this process so far, once it uses none."""
    before = time.process_time()
    while True:
        time.sleep(PAUSE)
        now = time.process_time()
        if now - before < PAUSE / 20:
            return now
        before = now


def measure(data: RawData, folders: dict[str, str], rounds: int) -> list[Result]:
    """Compares contents, then times all pipelines in alternated rounds."""
    boundaries = load_manifest(folders["example"]).boundaries
    columns = raw_columns()

    def prepared(layout: str, epochs: int | None) -> Any:
        return read_prepared(folders[layout], "train", batch_steps=BUDGET, epochs=epochs)

    def repeated(dataset: Any, epochs: int | None) -> Any:
        return dataset.repeat(epochs).prefetch(tf.data.AUTOTUNE)

    pipelines: dict[str, Callable[[int | None], Any]] = {
        "textbook": lambda epochs: repeated(textbook(data, boundaries), epochs),
        "vectorised parse, then unbatch": lambda epochs: repeated(vectorised_parse(data, boundaries), epochs),
        "read_raw": lambda epochs: read_raw(data.files, columns=columns, batch_steps=BUDGET, epochs=epochs),
        "read_prepared, example": lambda epochs: prepared("example", epochs),
        "read_prepared, block": lambda epochs: prepared("block", epochs),
    }
    padding = check_equality(data, {name: partial(make, 1) for name, make in pipelines.items()})
    pipelines["limit: raw files, read alone"] = lambda epochs: repeated(_raw_read(data), epochs)
    records = len(data.lengths)
    contestants = {name: Steady(make(None), records // 4) for name, make in pipelines.items()}
    rates = alternate({name: partial(one.rate, records) for name, one in contestants.items()}, rounds)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return [
        Result(
            name,
            medians[name],
            (max(values) - min(values)) / medians[name],
            medians[name] / medians["textbook"],
            padding.get(name),
        )
        for name, values in rates.items()
    ]


def _raw_read(data: RawData) -> Any:
    return tf.data.TFRecordDataset(list(data.files)).batch(1024)


def table(results: list[Result]) -> str:
    """The results as a Markdown table."""
    raw = next(result for result in results if result.name.startswith("limit")).records_per_cpu_second
    lines = ["| pipeline | records / CPU s | against textbook | of raw read | padded / real |", "|---|---|---|---|---|"]
    for result in results:
        padding = "" if result.padded_to_real is None else f"{result.padded_to_real:.3f}"
        rate = result.records_per_cpu_second
        lines.append(f"| {result.name} | {rate:,.0f} | {result.against_textbook:.1f} | {rate / raw:.2f} | {padding} |")
    return "\n".join(lines)


def main() -> None:
    """Measures the feed and prints a table; `--json` writes the results to a file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", help="real data instead: cmudict, ml-100k or plaid")
    parser.add_argument("--json", help="a file for the results")
    options = parser.parse_args()
    data = real_data(options.data) if options.data else raw_data(options.records)
    with tempfile.TemporaryDirectory() as folder:
        folders = {layout: prepare(data, layout, folder) for layout in ("example", "block")}
        results = measure(data, folders, options.rounds)
    print(table(results))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump([asdict(result) for result in results], stream, indent=2)


if __name__ == "__main__":
    main()
