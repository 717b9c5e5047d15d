"""A prepared data set is read by other tools, without `lengthwise`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lengthwise.manifest import Manifest
from prepare import jobs, words

PLAIN = """
import json, sys
import tensorflow as tf

folder, = sys.argv[1:]
manifest = json.load(open(f"{folder}/manifest.json"))
found = []
for shard in manifest["shards"]:
    steps = manifest["boundaries"][shard["bucket"]]
    spec = {
        "word": tf.io.FixedLenFeature([steps], tf.int64),
        "score": tf.io.FixedLenFeature([steps], tf.float32),
        "pair": tf.io.FixedLenFeature([steps, 2], tf.float32),
        "sequence_length": tf.io.FixedLenFeature([1], tf.int64),
        "uid": tf.io.FixedLenFeature([], tf.int64),
        "user": tf.io.FixedLenFeature([], tf.string),
    }
    kind = "GZIP" if shard["path"].endswith(".gz") else ""
    data = tf.data.TFRecordDataset(f"{folder}/{shard['path']}", kind).batch(64)
    for batch in data.map(lambda records: tf.io.parse_example(records, spec)):
        for i in range(len(batch["uid"])):
            length = int(batch["sequence_length"][i][0])
            assert (batch["score"][i][length:].numpy() == -1).all() and (batch["word"][i][length:].numpy() == 0).all()
            row = {key: values[i].numpy() for key, values in batch.items()}
            sequences = {key: row[key][:length].tolist() for key in ("word", "score", "pair")}
            found.append({**sequences, "uid": int(row["uid"]), "user": row["user"].decode()})
assert not [name for name in sys.modules if name.startswith("lengthwise")]
print(json.dumps(found))
"""

BLOCKS = """
import json, sys
import tensorflow as tf

folder, = sys.argv[1:]
manifest = json.load(open(f"{folder}/manifest.json"))
names = {"<i2": tf.int16, "<i4": tf.int32, "<i8": tf.int64, "<f4": tf.float32}
dtypes = {key: names[dtype] for key, dtype in manifest["block_dtypes"].items()}
spec = {key: tf.io.FixedLenFeature([], tf.string) for key in dtypes} | {"user": tf.io.RaggedFeature(tf.string)}
streams = set()


def values(block, key, count):
    if len(block[key].numpy()) < count * dtypes[key].size:
        streams.add(key)
        return tf.io.decode_raw(tf.io.decode_compressed(block[key], "ZLIB"), dtypes[key])
    return tf.io.decode_raw(block[key], dtypes[key])


found = []
for record in tf.data.TFRecordDataset([f"{folder}/{shard['path']}" for shard in manifest["shards"]]):
    block = tf.io.parse_single_example(record, spec)
    lengths = tf.io.decode_raw(block["sequence_length"], tf.int32)
    steps = int(tf.reduce_sum(lengths))
    flat = {"word": values(block, "word", steps), "score": values(block, "score", steps)}
    flat["pair"] = tf.reshape(values(block, "pair", 2 * steps), [-1, 2])
    rows = {key: tf.RaggedTensor.from_row_lengths(values, lengths).to_list() for key, values in flat.items()}
    rows["uid"] = values(block, "uid", len(lengths)).numpy().tolist()
    rows["user"] = [user.decode() for user in block["user"].numpy().tolist()]
    found += [dict(zip(rows, row)) for row in zip(*rows.values())]
assert streams == {"uid"}, streams
assert not [name for name in sys.modules if name.startswith("lengthwise")]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("plain")
    manifest = jobs.run(folder, words.COLUMNS, words.files(), buckets={"count": 3})
    rows = []
    for row in jobs.sequences(folder / "out", manifest):
        features = {
            "uid": row.features["uid"][0],
            "user": row.features["user"][0].decode(),
            "pair": row.features["pair"],
        }
        flat = {key: [value for [value] in row.features[key]] for key in ("word", "score")}
        rows.append({**features, **flat})
    return folder / "out", manifest, sorted(rows, key=lambda row: row["uid"])


@pytest.mark.parametrize("layout", ["example", "block"])
def test_tensorflow_alone_reads_prepared_data(prepared, layout, tmp_path):
    folder, _, expected = prepared
    if layout == "block":  # the default
        folder = tmp_path / "out"
        jobs.run(tmp_path, words.COLUMNS, words.files(), buckets={"count": 3}, output={"layout": "block"})
    program = {"example": PLAIN, "block": BLOCKS}[layout]
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found, key=lambda row: row["uid"]) == expected


def test_tfx_bsl_reads_it_with_the_written_schema(prepared):
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.tfxio import dataset_options, tf_example_record

    folder, manifest, expected = prepared
    schema = text_format.Parse((folder / "schema.pbtxt").read_text(), schema_pb2.Schema())
    found = []
    for shard in manifest.shards:
        tfxio = tf_example_record.TFExampleRecord(str(folder / shard.path), schema=schema)
        options = dataset_options.TensorFlowDatasetOptions(batch_size=50, shuffle=False, num_epochs=1)
        for batch in tfxio.TensorFlowDataset(options):
            rows = {key: values.to_list() if hasattr(values, "to_list") else values for key, values in batch.items()}
            for i, length in enumerate(int(value) for value in batch["sequence_length"]):
                sequences = {key: rows[key][i][:length] for key in ("word", "score", "pair")}
                found.append({**sequences, "uid": int(rows["uid"][i]), "user": rows["user"][i].numpy().decode()})
    assert sorted(found, key=lambda row: row["uid"]) == expected


def test_the_schema_names_every_feature_and_its_domain(prepared):
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    folder, _, _ = prepared
    schema = text_format.Parse((folder / "schema.pbtxt").read_text(), schema_pb2.Schema())
    domains = {feature.name: (feature.int_domain.min, feature.int_domain.max) for feature in schema.feature}
    assert set(domains) == {"word", "score", "pair", "uid", "user", "sequence_length"}
    assert domains["word"] == (-1, 999)
