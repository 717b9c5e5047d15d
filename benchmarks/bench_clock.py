"""Speed of the feed in wall time: steps per second on all cores, and what limits them.

With prepared data, neither Beam nor tfx-bsl is needed, so it runs on a bare machine with a GPU:

    python -m benchmarks.bench_clock --make build/clock              creates the data (needs the whole project)
    python -m benchmarks.bench_clock --data build/clock              measures; creates missing data
    python -m benchmarks.bench_clock --cores 1                       the same on one core

For each pipeline, it measures the time to the first batch of a new iterator, the same for the next iterator, and the
pause between epochs. Then, over endless data: steps per wall second and per CPU second, cores used, the longest gap
between two batches, padded steps per real step, and the CPU time of the busiest threads in ns per step. The busiest
thread limits all others (50 million steps per second need 20 ns per step or less). `waits` is the share of time that a
consumer with a fixed time per step waits: 15 million steps per second, or 8 million on one or two cores. The longest
wait is that of the same consumer. Finally, it measures the serial stages separately.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks.consumer import waiting
from benchmarks.data import NUM_IDS, WORDS, raw_columns, raw_data
from benchmarks.serial_stages import serial_costs

NAMES = ("default", "pack", "block_none", "block", "example_none", "example", "raw", "textbook")
_LAYOUTS = ("block", "example")
_PACK = 512
_FILES = 16
_SIZE = "sequences.json"
_TICKS = os.sysconf("SC_CLK_TCK")


def make(root: str, sequences: int) -> None:
    """Prepares the default, and both layouts as gzip files, which are small enough to copy to another machine."""
    raw = _raw(root, sequences)
    words = ", ".join(WORDS)
    job = os.path.join(root, "job.yaml")
    with open(job, "w", encoding="utf-8") as out:
        out.write(f"""inputs: {{files: "{os.path.dirname(raw[0])}/*.tfrecord"}}
columns:
  - {{kind: identity, key: id, num_buckets: {NUM_IDS}}}
  - {{kind: numeric, key: value}}
  - {{kind: vocabulary, key: word, vocabulary_list: [{words}]}}
  - {{kind: context, key: record, dtype: int64}}
buckets: {{count: 8}}
output: {{path: prepared}}
""")
    settings = {
        "default": [],
        **{layout: [f"output.layout={layout}", "output.compression=gzip"] for layout in _LAYOUTS},
    }
    for name, chosen in settings.items():
        program = os.path.join(os.path.dirname(sys.executable), "lengthwise")
        command = [program, "prepare", job, "-q", "--overwrite", "--output", os.path.join(root, name)]
        subprocess.run([*command, *(part for one in chosen for part in ("--set", one))], check=True)
    with open(os.path.join(root, _SIZE), "w", encoding="utf-8") as out:
        json.dump(sequences, out)


def complete(root: str) -> list[str]:
    """Generates the raw files again, and uncompresses the prepared data sets. Returns the raw files."""
    with open(os.path.join(root, _SIZE), encoding="utf-8") as stream:
        raw = _raw(root, json.load(stream))
    for name in _LAYOUTS:
        target = os.path.join(root, f"{name}_none")
        if not os.path.exists(target):
            shutil.copytree(os.path.join(root, name), target + ".part")
            _expand(target + ".part")
            os.rename(target + ".part", target)
    return raw


def _raw(root: str, sequences: int) -> list[str]:
    return list(raw_data(sequences, files=_FILES, folder=os.path.join(root, "raw")).files)


def _expand(folder: str) -> None:
    """Decompresses a prepared data set."""
    from lengthwise.manifest import MANIFEST_NAME, load_manifest

    manifest = load_manifest(folder)
    for shard in manifest.shards:
        packed = os.path.join(folder, shard.path)
        if packed.endswith(".gz"):
            with gzip.open(packed) as source, open(packed.removesuffix(".gz"), "wb") as out:
                shutil.copyfileobj(source, out)
            os.remove(packed)
    shards = [shard.model_copy(update={"path": shard.path.removesuffix(".gz")}) for shard in manifest.shards]
    plain = manifest.model_copy(update={"shards": tuple(shards), "compression": "none"})
    with open(os.path.join(folder, MANIFEST_NAME), "w", encoding="utf-8") as out:
        out.write(plain.to_json())


def pipelines(
    root: str, budget: int, boundaries: tuple[int, ...] | None = None, **options: Any
) -> dict[str, Callable[[int | None], Any]]:
    """Returns functions from a number of epochs to batches of (features, label); `boundaries` are for raw files."""
    from lengthwise.feed import read_prepared, read_raw

    raw = complete(root)
    given = {
        "batch_steps": budget, "labels": "record", "seed": 1,
        "features": ("id", "value", "word", "sequence_length"), **options,
    }  # fmt: skip

    def prepared(name: str, epochs: int | None) -> Any:
        return read_prepared(os.path.join(root, name), "train", epochs=epochs, **given)

    folders = [name for name in NAMES if name not in ("pack", "raw", "textbook")]
    made: dict[str, Callable[[int | None], Any]] = {name: partial(prepared, name) for name in folders}
    packed = {name: value for name, value in given.items() if name != "max_shapes"} | {"pack": _PACK}
    packed["features"] = (*given["features"], "segment_ids", "positions")
    made["pack"] = lambda epochs: read_prepared(os.path.join(root, "default"), "train", epochs=epochs, **packed)
    # The search for unusable files needs tfx-bsl.
    job = {
        "inputs": {"files": raw}, "columns": raw_columns(),
        "buckets": {"boundaries": boundaries}, "limits": {"stop_after_rejected": 0},
    }  # fmt: skip
    made["raw"] = lambda epochs: read_raw(job, epochs=epochs, **given)
    made["textbook"] = lambda epochs: textbook(raw, budget, epochs)
    return made


def textbook(raw: list[str], budget: int, epochs: int | None) -> Any:
    """The pipeline suggested by the documentation of tf.data, with every option on AUTOTUNE."""
    import tensorflow as tf

    words = tf.lookup.KeyValueTensorInitializer(tf.constant(WORDS), tf.range(len(WORDS), dtype=tf.int64))
    table = tf.lookup.StaticHashTable(words, -1)
    context = {"record": tf.io.FixedLenFeature([], tf.int64)}
    dtypes = {"id": tf.int64, "value": tf.float32, "word": tf.string}
    steps = {key: tf.io.FixedLenSequenceFeature([], dtype) for key, dtype in dtypes.items()}

    def parse(record: Any) -> Any:
        found, sequences = tf.io.parse_single_sequence_example(record, context, steps)
        word, length = table.lookup(sequences["word"]), tf.size(sequences["id"], tf.int64)
        return {**sequences, "word": word, "sequence_length": length}, found["record"]

    limits = [9, 17, 33, 65, 129, 257, 513]
    files = tf.data.Dataset.from_tensor_slices(raw).shuffle(len(raw))
    records = files.interleave(tf.data.TFRecordDataset, num_parallel_calls=tf.data.AUTOTUNE).repeat(epochs)
    parsed = records.shuffle(24_576, seed=1).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    batches = parsed.bucket_by_sequence_length(
        lambda features, _: tf.cast(features["sequence_length"], tf.int32),
        limits,
        [budget // (limit - 1) for limit in limits] + [1],
        pad_to_bucket_boundary=True,
        drop_remainder=True,
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def measure(made: Callable[[int | None], Any], seconds: float, consumed: float) -> dict[str, Any]:
    """Returns the figures of one pipeline; `consumed`: steps per second of the consumer."""
    start = time.perf_counter()
    once = made(1)
    built = time.perf_counter() - start
    firsts = []
    for _ in range(3):
        start = time.perf_counter()
        next(iter(once))
        firsts.append(time.perf_counter() - start)
    batches = sum(1 for _ in once)
    steady = _steady(iter(made(None)), seconds, batches)
    waits, longest_wait = waiting(iter(made(None)), consumed, seconds)
    return {
        "built_s": built,
        "first_s": firsts[0],
        "again_s": min(firsts[1:]),
        "batches": batches,
        **steady,
        "waits": waits,
        "longest_wait_ms": 1000 * longest_wait,
    }


def _steady(iterator: Iterator[Any], seconds: float, epoch: int) -> dict[str, Any]:
    for _ in range(max(epoch, 50)):  # the first epoch
        next(iterator)
    threads, cpu, start = _threads(), time.process_time(), time.perf_counter()
    real = padded = 0
    gaps = []
    while time.perf_counter() - start < seconds:
        asked = time.perf_counter()
        features = next(iterator)[0]
        gaps.append(time.perf_counter() - asked)
        real += int(features["sequence_length"].numpy().sum())
        padded += features["id"].shape[0] * features["id"].shape[1]
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "steps_per_s": real / wall,
        "steps_per_cpu_s": real / cpu,
        "cores": cpu / wall,
        "longest_gap_ms": 1000 * max(gaps),
        "padded_to_real": padded / real,
        "epochs": len(gaps) / epoch,
        "busiest_ns": _busiest(threads, real),
    }


def _threads() -> dict[str, int]:
    """Returns the CPU ticks of each thread."""
    found = {}
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/stat", encoding="utf-8") as stream:
                fields = stream.read().rpartition(")")[2].split()
        except OSError:  # the thread has ended
            continue
        found[thread] = int(fields[11]) + int(fields[12])
    return found


def _busiest(before: dict[str, int], steps: int) -> list[float]:
    """Returns the CPU time of the three busiest threads, in ns per step."""
    spent = [ticks - before.get(thread, 0) for thread, ticks in _threads().items()]
    return [ticks / _TICKS * 1e9 / steps for ticks in sorted(spent, reverse=True)[:3]]


def _bytes(root: str, name: str) -> int:
    """Returns the size of the records on disk, in bytes."""
    folder = os.path.join(root, {"textbook": "raw", "pack": "default"}.get(name, name))
    found = [os.path.join(place, file) for place, _, files in os.walk(folder) for file in files if ".tfrecord" in file]
    return sum(map(os.path.getsize, found))


def line(name: str, budget: int, found: dict[str, Any]) -> str:
    busiest = ", ".join(f"{spent:.1f}" for spent in found["busiest_ns"])
    return (
        f"{budget:7d} {name:13s} {found['steps_per_s'] / 1e6:6.2f} M steps/s, "
        f"{found['steps_per_cpu_s'] / 1e6:6.2f} M per CPU s, cores {found['cores']:4.1f}, "
        f"built {found['built_s']:.2f} s, first {found['first_s']:.2f} s, again {found['again_s']:.2f} s, "
        f"longest gap {found['longest_gap_ms']:.0f} ms over {found['epochs']:.1f} epochs, "
        f"padded/real {found['padded_to_real']:.3f}, waits {found['waits']:.1%}, "
        f"{found['longest_wait_ms']:.0f} ms at most, busiest threads {busiest} ns a step"
    )


def main() -> None:
    """Measures and prints one line per pipeline and budget; `--json` writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", metavar="FOLDER", help="create the data in this folder without measuring")
    parser.add_argument("--data", metavar="FOLDER", default=os.path.join("build", "clock"))
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--names", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--budgets", nargs="*", type=int, default=[65_536])
    parser.add_argument("--max-shapes", type=int)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, help="million steps per second of the consumer")
    parser.add_argument("--cores", type=int, help="the number of cores to use; default: all of this process")
    parser.add_argument("--json", help="write the results to this file")
    options = parser.parse_args()
    if options.make or not os.path.exists(os.path.join(options.data, _SIZE)):
        make(options.make or options.data, options.sequences)
    if options.make:
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    results: dict[str, dict[str, Any]] = {}
    consumed = 1e6 * (options.rate or (15 if len(os.sched_getaffinity(0)) > 2 else 8))
    given = {} if options.max_shapes is None else {"max_shapes": options.max_shapes}
    for budget in options.budgets:
        made = pipelines(options.data, budget, **given)
        for name in options.names:
            found = measure(made[name], options.seconds, consumed) | {"bytes": _bytes(options.data, name)}
            results[f"{name} {budget}"] = found
            print(line(name, budget, found), flush=True)
        for title, more in ({"serial": given, "serial, pack": {"pack": _PACK}}).items():
            costs = serial_costs(os.path.join(options.data, "default"), budget, **{"labels": "record"} | more)
            results[f"{title} {budget}"] = costs
            print(f"{budget:7d} {title}: " + ", ".join(f"{stage} {ns:.1f} ns a step" for stage, ns in costs.items()))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
