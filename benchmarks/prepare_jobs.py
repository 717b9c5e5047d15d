"""The compared offline jobs; each runs in a separate process, so that imports and start-up count.

python -m benchmarks.prepare_jobs --job naive --output FOLDER FILES
"""

import argparse
import json
import math
import os
import time
from collections.abc import Iterator
from typing import Any

BOUNDARIES = (8, 16, 24, 40, 64, 104, 168, 512, 1344)


def naive(files: list[str], output: str) -> None:
    """The job that a good engineer writes in a morning: one element per record, protobuf and numpy in Python."""
    import apache_beam as beam
    import tensorflow as tf

    from benchmarks.data import NUM_IDS, WORDS

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
        parts = converted | beam.Partition(lambda pair, _: BOUNDARIES.index(pair[0]), len(BOUNDARIES))
        for boundary, part in zip(BOUNDARIES, parts, strict=True):
            path = os.path.join(output, f"length-{boundary:05d}")
            part | f"Values {boundary}" >> beam.Values() | f"Write {boundary}" >> beam.io.WriteToTFRecord(path)


def usual(files: list[str], output: str) -> None:
    """ReadFromTFRecord + BatchElements + tfx-bsl + WriteToTFRecord: batches decoded in C++, padded with numpy."""
    import apache_beam as beam

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        read = pipeline | beam.Create(files) | beam.io.ReadAllFromTFRecord()
        batches = read | beam.BatchElements(min_batch_size=1024, max_batch_size=1024)
        converted = batches | beam.ParDo(_make_converter())
        parts = converted | beam.Partition(lambda pair, _: pair[0], len(BOUNDARIES))
        for boundary, part in zip(BOUNDARIES, parts, strict=True):
            path = os.path.join(output, f"length-{boundary:05d}")
            part | f"Values {boundary}" >> beam.Values() | f"Write {boundary}" >> beam.io.WriteToTFRecord(path)


def _make_converter() -> Any:
    import apache_beam as beam
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.coders import example_coder, sequence_example_coder

    from benchmarks.data import NUM_IDS, WORDS

    class Convert(beam.DoFn):
        def setup(self) -> None:
            schema = schema_pb2.Schema()
            schema.feature.add(name="record", type=schema_pb2.INT)
            steps = schema.feature.add(name="##SEQUENCE##", type=schema_pb2.STRUCT).struct_domain.feature
            for key, kind in (("id", schema_pb2.INT), ("value", schema_pb2.FLOAT), ("word", schema_pb2.BYTES)):
                steps.add(name=key, type=kind)
            self.decoder = sequence_example_coder.SequenceExamplesToRecordBatchDecoder(
                "##SEQUENCE##", schema.SerializeToString()
            )
            self.encoder = example_coder.RecordBatchToExamplesEncoder()
            self.words = pa.array([word.encode() for word in WORDS], pa.large_binary())

        def process(self, batch: list[bytes]) -> Iterator[tuple[int, bytes]]:
            decoded = self.decoder.DecodeBatch(batch)
            steps = decoded.column(decoded.schema.get_field_index("##SEQUENCE##"))
            values = {key: steps.field(key).values.values for key in ("id", "value", "word")}
            values["word"] = pc.index_in(values["word"], self.words)
            flat = {key: column.to_numpy(zero_copy_only=False).astype(_WIRE[key]) for key, column in values.items()}
            all_lengths = {key: np.diff(steps.field(key).offsets) for key in values}
            lengths = all_lengths["id"]
            valid = (flat["id"] >= 0).all() and (flat["id"] < NUM_IDS).all() and np.isfinite(flat["value"]).all()
            if (
                not valid
                or values["word"].null_count
                or not all((one == lengths).all() for one in all_lengths.values())
            ):
                raise ValueError("bad records")
            record = decoded.column("record").values.to_numpy()
            yield from self.pad(flat, lengths, record)

        def pad(self, flat: Any, lengths: Any, record: Any) -> Iterator[tuple[int, bytes]]:
            starts = np.cumsum(lengths) - lengths
            buckets = np.searchsorted(BOUNDARIES, lengths)
            for bucket in np.unique(buckets):
                rows = np.flatnonzero(buckets == bucket)
                boundary, counts = BOUNDARIES[bucket], lengths[rows]
                places = np.repeat(starts[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
                mask = np.arange(boundary) < counts[:, None]
                arrays = {"sequence_length": counts, "record": record[rows]}
                for key, values in flat.items():
                    padded = np.zeros((len(rows), boundary), values.dtype)
                    padded[mask] = values[places]
                    arrays[key] = padded.reshape(-1)
                lists = {key: self.lists(values, len(rows)) for key, values in arrays.items()}
                for example in self.encoder.encode(pa.RecordBatch.from_pydict(lists)):
                    yield int(bucket), example

        def lists(self, values: Any, rows: int) -> Any:
            offsets = np.arange(rows + 1) * (len(values) // rows)
            return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))

    return Convert()


_WIRE = {"id": "int64", "value": "float32", "word": "int64"}


def ours(files: list[str], output: str, *, shuffle: bool = True, planned: bool = False, workers: int = 1) -> None:
    from benchmarks.data import raw_columns
    from lengthwise.config import JobConfig
    from lengthwise.job import run

    sections = {
        "inputs": {"files": files},
        "columns": raw_columns(),
        "buckets": {"count": len(BOUNDARIES)} if planned else {"boundaries": BOUNDARIES},
        "shuffle": {"enabled": shuffle},
        "output": {"path": output, "layout": "example", "compression": "none"},
    }
    run(JobConfig.model_validate(sections), workers=workers)


def copy(files: list[str], output: str) -> None:
    """A limit: tf.data reads every record and writes it again without parsing."""
    import tensorflow as tf

    os.makedirs(output)
    for number, file in enumerate(files):
        writer = tf.data.experimental.TFRecordWriter(os.path.join(output, f"copy-{number}"))  # no Python per record
        writer.write(tf.data.TFRecordDataset(file))


def read(files: list[str], output: str) -> None:
    """A limit: tf.data reads every record."""
    del output
    import tensorflow as tf

    count = tf.data.TFRecordDataset(files).batch(1024).reduce(0, lambda total, batch: total + tf.size(batch))
    assert int(count) > 0


NAIVE, USUAL, OURS, SHUFFLED = "naive Beam job", "Beam + tfx-bsl, as usual", "prepare", "prepare, shuffled"
DEFAULT, TWO = "prepare, shuffled, boundaries planned", "prepare, shuffled, boundaries planned, 2 workers"
COPY, READ = "limit: raw copy", "limit: raw read"
JOBS = {
    NAIVE: naive,
    USUAL: usual,
    OURS: lambda files, output: ours(files, output, shuffle=False),
    SHUFFLED: lambda files, output: ours(files, output),
    DEFAULT: lambda files, output: ours(files, output, planned=True),
    TWO: lambda files, output: ours(files, output, planned=True, workers=2),
    COPY: copy,
    READ: read,
}
LIMITS = (COPY, READ)
"""Jobs measured inside their process, after a warm-up: importing TensorFlow takes longer than the jobs."""

PREPARING = (NAIVE, USUAL, OURS, SHUFFLED)
"""Jobs whose outputs must be equal."""
PLANNING = (DEFAULT, TWO)
"""Jobs with their own boundaries, whose outputs must be equal."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", choices=JOBS, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--timed", help="write the seconds of a second run of the job to this file")
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    if given.timed:
        JOBS[given.job](given.files[:1], given.output + "-warm")
    cpu, wall = time.process_time(), time.perf_counter()
    JOBS[given.job](given.files, given.output)
    if given.timed:
        with open(given.timed, "w", encoding="utf-8") as stream:
            json.dump({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}, stream)


if __name__ == "__main__":
    main()
