"""Batches for training: `lengthwise.feed` against the textbook pipeline and against reading the raw files alone.

All pipelines give the same sequences, padded, in batches of at most 8192 padded steps; their contents are compared
before anything is timed. Each is timed in every round, in turn, by the CPU time of the whole process, consumed inside
TensorFlow (`Dataset.reduce`); the fast ones repeat the data, so that building the graph does not count.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from benchmarks.data import WORDS, RawData, raw_columns, raw_data
from benchmarks.real import real_data
from lengthwise.config.model import Buckets, Inputs, JobConfig, Output
from lengthwise.feed import read_prepared, read_raw
from lengthwise.manifest import load_manifest

BUDGET = 8192
TEXTBOOK_RECORDS = 60_000  # a share of the data is enough where each record costs the same


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
    return _bucketed(parsed.take(TEXTBOOK_RECORDS), boundaries)


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
    return _bucketed(rows.take(TEXTBOOK_RECORDS), boundaries)


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
    ).prefetch(tf.data.AUTOTUNE)


def prepare(data: RawData, layout: str, folder: str) -> str:
    """The prepared data set of that layout, uncompressed like the raw files; made once."""
    from lengthwise.prepare import run

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
        assert common.sum() >= min(TEXTBOOK_RECORDS, records), f"{name} leaves records out"
        for key, sums in wanted.items():
            np.testing.assert_allclose(found[key][common], sums[common], rtol=1e-5, err_msg=f"{name}: {key}")
    return padding


def cpu_seconds(dataset: Any) -> tuple[int, float]:
    """Rows, and the CPU seconds of running through the dataset inside TensorFlow."""
    start = time.process_time()

    def count(total: Any, batch: Any) -> Any:
        rows = batch["sequence_length"] if isinstance(batch, dict) else batch
        return total + tf.size(rows, tf.int64)

    rows = int(dataset.reduce(tf.constant(0, tf.int64), count))
    return rows, time.process_time() - start


def measure(data: RawData, folders: dict[str, str], rounds: int, repeats: int) -> list[Result]:
    """Compares contents, then times all pipelines in alternated rounds."""
    boundaries = load_manifest(folders["example"]).boundaries
    columns = raw_columns()

    def prepared(layout: str, epochs: int) -> Any:
        return read_prepared(folders[layout], "train", batch_steps=BUDGET, epochs=epochs)

    once: dict[str, Callable[[], Any]] = {
        "textbook": lambda: textbook(data, boundaries),
        "vectorised parse, then unbatch": lambda: vectorised_parse(data, boundaries),
        "read_raw": lambda: read_raw(data.files, columns, batch_steps=BUDGET),
        "read_prepared, example": lambda: prepared("example", 1),
        "read_prepared, block": lambda: prepared("block", 1),
    }
    padding = check_equality(data, once)
    timed = dict(once)
    timed["read_prepared, example"] = lambda: prepared("example", repeats)
    timed["read_prepared, block"] = lambda: prepared("block", 2 * repeats)
    timed["limit: raw files, read alone"] = lambda: _raw_read(data, repeats)
    rates: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, make in timed.items():
            rows, seconds = cpu_seconds(make())
            rates[name].append(rows / seconds)
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


def _raw_read(data: RawData, repeats: int) -> Any:
    return tf.data.TFRecordDataset(list(data.files)).repeat(repeats).batch(1024).prefetch(tf.data.AUTOTUNE)


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
    parser.add_argument("--repeats", type=int, default=4, help="epochs of the fast pipelines in a round")
    parser.add_argument("--data", help="real data instead: cmudict, ml-100k or plaid")
    parser.add_argument("--json", help="a file for the results")
    options = parser.parse_args()
    data = real_data(options.data) if options.data else raw_data(options.records)
    with tempfile.TemporaryDirectory() as folder:
        folders = {layout: prepare(data, layout, folder) for layout in ("example", "block")}
        results = measure(data, folders, options.rounds, options.repeats)
    print(table(results))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump([asdict(result) for result in results], stream, indent=2)


if __name__ == "__main__":
    main()
