"""Batches for training: `lengthwise.feed` compared with the textbook pipeline, and with only reading the raw files.

All pipelines yield the same padded sequences, in batches of at most 8192 padded steps; their contents are compared
before measuring. The prepared data sets are uncompressed, like the raw files.

The benchmark measures the cost of one additional sequence. Each pipeline repeats the data forever; it is built once
and warmed up: the first batches are drawn before measuring. In each round, the pipelines take turns to yield as many
sequences as the data has, drawn by a loop inside TensorFlow. The measure is CPU seconds of the whole process,
**between idle states**: the clock starts when the process has been idle for a while, with full buffers, and stops when
it is idle again, so that prefetched data counts exactly once. The cost of starting an epoch is included, the cost of
starting a program is not (`bench_start` measures it).
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
PAUSE = 0.1  # seconds between two readings of the clock until a pipeline is idle


@dataclass(frozen=True, slots=True)
class Result:
    """The median of a pipeline over the rounds.

    Attributes:
        name: of the pipeline.
        records_per_cpu_second: the median.
        spread: the difference between the best and the worst round, as a share of the median.
        against_textbook: the ratio of the medians.
        padded_to_real: padded steps per real step.
    """

    name: str
    records_per_cpu_second: float
    spread: float
    against_textbook: float
    padded_to_real: float | None


def textbook(data: RawData, boundaries: tuple[int, ...]) -> Any:
    """The pipeline in the documentation of tf.data: parses single records, then `bucket_by_sequence_length`."""
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
    """The common advice: parse batches, then unbatch, because bucketing needs single records."""
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
    """Returns the prepared data set in that layout, uncompressed like the raw files; created once."""
    from lengthwise.job import run

    output = Output(path=os.path.join(folder, layout), layout=layout, compression="none")
    buckets = Buckets(count=8)
    run(JobConfig(inputs=Inputs(files=data.files), columns=tuple(raw_columns()), buckets=buckets, output=output))
    return output.path


def contents(dataset: Any, records: int) -> tuple[dict[str, Any], float]:
    """Returns a checksum of the features of each record, independent of batches, and padded steps per real step."""
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
    """Compares the contents of every pipeline with the textbook's; returns their padded steps per real step."""
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
    """An endless pipeline, kept between rounds."""

    def __init__(self, dataset: Any, warm_up: int) -> None:
        self._iterator = iter(dataset)
        self._draw = tf.function(self._loop, autograph=False)
        self.rate(warm_up)

    def rate(self, wanted: int) -> float:
        """Returns sequences per CPU second, over at least that many sequences, between idle states."""
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
    """Returns the CPU seconds of this process when it is idle."""
    before = time.process_time()
    while True:
        time.sleep(PAUSE)
        now = time.process_time()
        if now - before < PAUSE / 20:
            return now
        before = now


def measure(data: RawData, folders: dict[str, str], rounds: int) -> list[Result]:
    """Compares contents, then measures all pipelines in alternating rounds."""
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
    """Returns the results as a Markdown table."""
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
    parser.add_argument("--data", help="use real data: cmudict, ml-100k or plaid")
    parser.add_argument("--json", help="write the results to this file")
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
