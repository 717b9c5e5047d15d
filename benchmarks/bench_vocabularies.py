"""Counted vocabularies: `from_data` compared with the same job with files, and with files counted separately before.

    python -m benchmarks.bench_vocabularies [--records 100000] [--rounds 3]

100,000 integers with equal frequencies, and 200 words; at most 50,000 of each become the vocabulary. The separate
count works as usual: TensorFlow parses batches, numpy counts the values of each, and a `Counter` adds them up; the job
then uses the files. All three must write the same shards, byte by byte. They run in turn, each in a separate process.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import raw_data
from benchmarks.runner import Usage, alternate, run_process, spread

TOP = 50_000
FILES, DATA, BY_HAND = "vocabulary files", "`from_data`", "counted by hand, then vocabulary files"


def prepare(name: str, output: Path, known: Path, paths: list[str]) -> None:
    """Runs a contestant; `known` contains the vocabularies of the first one."""
    import lengthwise as lw

    if name == BY_HAND:
        known = output / "by-hand"
        count_by_hand(known, paths)
    columns: list[dict[str, Any]] = [
        {"kind": "vocabulary", "key": "id", "dtype": "int64"},
        {"kind": "vocabulary", "key": "word"},
        {"kind": "numeric", "key": "value"},
        {"kind": "context", "key": "record", "dtype": "int64"},
    ]
    for column in columns[:2]:
        by_file = {"vocabulary_file": str(known / f"{column['key']}.txt")}
        column.update({"from_data": {"top": TOP}} if name == DATA else by_file)
    job = {"inputs": {"files": paths}, "columns": columns, "splits": {"fractions": {"train": 0.9, "eval": 0.1}}}
    lw.prepare({**job, "output": {"path": str(output / "out")}}, workers=1)


def count_by_hand(folder: Path, paths: list[str]) -> None:
    """Writes the vocabularies of the records of the training split."""
    import tensorflow as tf

    from lengthwise.config import Splits
    from lengthwise.records.rows.splits import splits_of_records

    splits = Splits(fractions={"train": 0.9, "eval": 0.1})
    spec = {"id": tf.io.RaggedFeature(tf.int64), "word": tf.io.RaggedFeature(tf.string)}
    counters: dict[str, Counter[bytes]] = {key: Counter() for key in spec}
    for records in tf.data.TFRecordDataset(paths).batch(1024).as_numpy_iterator():
        train = records[splits_of_records(records.tolist(), splits) == list(splits.fractions).index("train")]
        _, found, _ = tf.io.parse_sequence_example(train, sequence_features=spec)
        for key, lists in found.items():
            values, counts = np.unique(lists.flat_values.numpy(), return_counts=True)
            texts = values.tolist() if key == "word" else [str(value).encode() for value in values.tolist()]
            counters[key].update(dict(zip(texts, counts.tolist(), strict=True)))
    folder.mkdir(parents=True)
    for key, counter in counters.items():
        entries = sorted(counter, key=lambda value: (-counter[value], value))[:TOP]
        (folder / f"{key}.txt").write_bytes(b"".join(entry + b"\n" for entry in entries))


def run(name: str, known: Path, files: tuple[str, ...], output: Path) -> Usage:
    command = ["-m", "benchmarks.bench_vocabularies", "--contestant", name, "--output", str(output)]
    return run_process([*command, "--known", str(known), *files])


def shards_of(output: Path) -> dict[str, int]:
    shards = json.loads((output / "out" / "manifest.json").read_text())["shards"]
    return {shard["path"]: shard["crc32c"] for shard in shards}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write the results to this file")
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--known", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.contestant:
        prepare(args.contestant, args.output, args.known, args.files)
        return
    files = raw_data(args.records).files
    with tempfile.TemporaryDirectory() as temporary:
        folder, known = Path(temporary), Path(temporary) / "0" / "out" / "vocabulary"
        contestants = (DATA, FILES, BY_HAND)
        for place, name in enumerate(contestants):
            run(name, known, files, folder / str(place))
            assert shards_of(folder / str(place)) == shards_of(folder / "0"), f"{name}: its shards differ"
        number = iter(range(3, sys.maxsize))
        usages = alternate(
            {name: lambda name=name: run(name, known, files, folder / str(next(number))) for name in contestants},
            args.rounds,
        )
    found = {name: spread([usage.cpu for usage in taken]) for name, taken in usages.items()}
    for name, cpu in found.items():
        ratio = cpu["median"] / found[FILES]["median"]
        print(f"{name:40} {cpu['median']:6.1f} CPU s ({cpu['low']:.1f} to {cpu['high']:.1f})  {ratio:.2f}", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps({"records": args.records, "cpu_s": found}, indent=2))


if __name__ == "__main__":
    main()
