"""Steps of opaque bytes, such as JPEG frames: the same strings in both layouts, in raw batches and in serving."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.errors import ConfigError
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Example
from lengthwise.records.encoding.example_encoder import BlockEncoder
from lengthwise.records.samples.record_display import show_prepared
from records.messages import UNSET, example, read_records, sequence_example, write_records

COLUMNS = [
    lw.sequence_bytes_column("jpeg", max_bytes=2000),
    lw.sequence_bytes_column("sound", required=False),
    lw.sequence_numeric_column("time"),
    lw.context_column("id", dtype="int64"),
]
BAD = {3: ("out_of_range", "jpeg"), 7: ("value_count", "sound"), 9: ("length_mismatch", "")}
Made = tuple[dict[str, Any], dict[int, dict[str, list[bytes]]], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A job, the expected values of each valid record, and its folder."""
    folder, rng = tmp_path_factory.mktemp("bytes"), random.Random(1)
    pictures = [tf.io.encode_jpeg(np.full([4, 4, 3], 40 * shade, np.uint8)).numpy() for shade in range(6)]
    records, expected = [], {}
    for number in range(60):
        length = rng.randrange(1, 13)
        steps: dict[str, Any] = {
            "jpeg": [rng.choice(pictures) for _ in range(length)],
            "sound": [rng.randbytes(rng.choice([0, 1, 40])) + b"\0" for _ in range(length)],
            "time": [float(step) for step in range(length)],
        }
        if number % 4 == 0:
            del steps["sound"]
        expected[number] = {key: steps.get(key, [b""] * length)[-8:] for key in ("jpeg", "sound")}
        if number == 3:
            steps["jpeg"][-1] = bytes(2001)
        if number == 7:
            steps["sound"][0] = UNSET
        if number == 9:
            steps["jpeg"].append(b"")
        records.append(sequence_example(steps, {"id": number}))
    write_records(folder / "raw.tfrecord", records)
    job = {
        "inputs": {"files": str(folder / "raw.tfrecord")},
        "columns": COLUMNS,
        "sequences": {"over_long": "truncate_left"},
        "buckets": {"boundaries": [4, 8]},
        "limits": {"rejected_fraction": 0.1},
    }
    return job, {number: steps for number, steps in expected.items() if number not in BAD}, folder


@pytest.fixture(scope="module")
def data_sets(made: Made) -> dict[str, Any]:
    job, _, folder = made
    output = {"block_sequences": 7, "shard_bytes": 5_000}
    return {
        layout: lw.prepare({**job, "output": {"path": str(folder / layout), "layout": layout, **output}}, workers=1)
        for layout in ("block", "example")
    }


OPTIONS: list[dict[str, Any]] = [{}, {"padding": "left"}, {"crop": 8, "multiple_of": 2}, {"pack": 16}]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options), "plain"))
@pytest.mark.parametrize("source", ["raw", "block", "example"])
def test_batches_have_the_strings(made: Made, data_sets: Any, source: str, options: dict[str, Any]) -> None:
    job, expected, _ = made
    given = {"batch_steps": 32, **options}
    batches = lw.read_raw(job, on_invalid="skip", **given) if source == "raw" else data_sets[source].read(**given)
    found: dict[int, dict[str, list[bytes]]] = {}
    for batch in batches.as_numpy_iterator():
        assert batch["jpeg"].dtype == object
        ends = np.cumsum(np.atleast_2d(batch["sequence_length"].T).T, axis=1)  # of one sequence per row, or of several
        for row, numbers in enumerate(batch["id"].reshape(len(ends), -1).tolist()):
            steps, start = batch["jpeg"].shape[1], 0
            for number, end in zip(numbers, ends[row].tolist(), strict=True):
                first = steps - end if options.get("padding") == "left" else start
                if end > start:
                    found[number] = {k: batch[k][row, first : first + end - start].tolist() for k in ("jpeg", "sound")}
                start = end
            real = slice(0, steps - start) if options.get("padding") == "left" else slice(start, steps)
            assert set(batch["jpeg"][row, real].tolist() + batch["sound"][row, real].tolist()) <= {b""}
    assert found == expected


def test_manifest_report_and_samples_describe_the_strings(made: Made, data_sets: Any) -> None:
    _, expected, folder = made
    for layout, data in data_sets.items():
        lw.verify(data.folder)
        assert data.manifest.counts.rejected == {"out_of_range": 1, "value_count": 1, "length_mismatch": 1}
        sizes = [len(text) for steps in expected.values() for text in steps["jpeg"]]
        statistics = data.manifest.statistics["jpeg"]
        assert (statistics.values, statistics.min, statistics.max) == (len(sizes), min(sizes), max(sizes))
        absent = sum(len(steps["sound"]) for number, steps in expected.items() if number % 4 == 0)
        assert data.manifest.statistics["sound"].missing == absent > 0
        assert "sizes of steps, in bytes" in (folder / layout / "report.html").read_text()
        shown = {
            record.context["id"][0]: record.steps
            for record in show_prepared(data.folder, data.manifest, data.manifest.shards)
        }
        assert {number: {key: steps[key] for key in ("jpeg", "sound")} for number, steps in shown.items()} == expected


def test_a_model_decodes_strings_and_serves_raw_records(made: Made, data_sets: Any, tmp_path: Path) -> None:
    import keras

    data, (_, expected, folder) = data_sets["block"], made
    for columns in (data.columns, lw.looked_up(COLUMNS[:1])):
        with pytest.raises(ConfigError, match="'jpeg'; no layer reads bytes: leave it out"):
            lw.SequenceFeatures(columns)

    class Shades(keras.layers.Layer):  # type: ignore[misc]
        def call(self, strings: Any) -> Any:
            flat = tf.reshape(strings, [-1])
            shades = tf.map_fn(self._shade, flat, fn_output_signature=tf.float32)
            return tf.reduce_max(tf.reshape(shades, tf.shape(strings)), axis=1)

        def _shade(self, text: Any) -> Any:
            def mean() -> Any:
                return tf.reduce_mean(tf.cast(tf.io.decode_jpeg(text), tf.float32))

            return tf.cond(tf.strings.length(text) > 0, mean, lambda: 0.0)

    inputs = lw.inputs(data.columns.only("jpeg"))
    assert inputs["jpeg"].dtype == "string"
    model = keras.Model(inputs, Shades()(inputs["jpeg"]))
    batch = next(iter(data.read(batch_size=4, features=model)))
    assert sorted(batch) == ["jpeg", "sequence_length"]
    lw.export(model, data, tmp_path / "served")
    serve = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    records = read_records(folder / "raw.tfrecord")
    [found] = serve(records=tf.constant([records[number] for number in (0, 1, 2)])).values()
    shades = [max(tf.io.decode_jpeg(text).numpy().mean() for text in expected[number]["jpeg"]) for number in (0, 1, 2)]
    np.testing.assert_allclose(found, shades, atol=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"out_of_range \(jpeg\)"):
        serve(records=tf.constant([records[3]]))


def test_a_block_whose_strings_do_not_match_its_rows_is_refused(made: Made, data_sets: Any, tmp_path: Path) -> None:
    data = data_sets["block"]
    shard = Path(data.folder) / data.manifest.shards[0].path
    sound = shard.read_bytes()
    blocks = [Example.FromString(record) for record in read_records(shard)]
    del blocks[0].features.feature["jpeg"].bytes_list.value[0]
    shard.write_bytes(frame([block.SerializeToString() for block in blocks]))
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match="values of all their rows"):
            list(data.read(batch_steps=32))
        with pytest.raises(ValueError, match="strings of 'jpeg', found"):
            list(show_prepared(data.folder, data.manifest, data.manifest.shards))
    finally:
        shard.write_bytes(sound)


def test_large_strings_make_small_blocks() -> None:
    """A message has at most 2 GiB, and a reader reads complete blocks."""
    import pyarrow as pa

    sizes = [2**23, 2**23, 1, 2**25, *[2**20] * 40]
    lists = pa.array([[bytes(size)] for size in sizes], pa.large_list(pa.large_binary()))
    rows = pa.RecordBatch.from_pydict({"##length": pa.array([1] * len(sizes), pa.int32()), "b": lists})
    blocks = BlockEncoder([lw.sequence_bytes_column("b")], 20, compress=False).encode(rows)
    found = [
        [len(text) for text in Example.FromString(block).features.feature["b"].bytes_list.value] for block in blocks
    ]
    assert [len(block) for block in found] == [2, 1, 1, 16, 16, 8]
    assert [size for block in found for size in block] == sizes


@pytest.mark.parametrize("container", ["example", "context"])
def test_flat_lists_and_groups(tmp_path: Path, container: str) -> None:
    """Each string of a flat list is a step; the bytes have a separate length."""
    origin = {"from": "context"} if container == "context" else {}
    write = example if container == "example" else lambda features: sequence_example({"x": features["x"]}, features)
    frames = [[b"\0" * size for size in range(count)] for count in (1, 5, 2, 9)]
    records = [write({"x": [1.0, 2.0], "frames": strings}) for strings in frames]
    write_records(tmp_path / "raw", records)
    job = {
        "inputs": {
            "files": str(tmp_path / "raw"),
            "format": "example" if container == "example" else "sequence_example",
        },
        "columns": [
            {"kind": "bytes", "key": "frames", "group": "video", **origin},
            {"kind": "numeric", "key": "x", "group": "x"},
        ],
        "sequences": {"groups": {"video": {"over_long": "truncate_right"}}},
        "buckets": {"boundaries": [6]},
        "output": {"path": str(tmp_path / "out")},
    }
    data = lw.prepare(job, workers=1)
    for batches in (data.read(batch_steps=64), lw.read_raw(job, batch_steps=64)):
        [batch] = batches.as_numpy_iterator()
        found = {tuple(r[:n]) for r, n in zip(batch["frames"].tolist(), batch["video_sequence_length"], strict=True)}
        assert found == {tuple(strings[:6]) for strings in frames}


def test_strings_of_other_datasets_and_in_the_schema(data_sets: Any) -> None:
    rows = tf.ragged.constant([[b"a", b"\0"], [b"b"]])
    dataset = tf.data.Dataset.from_tensor_slices({"frames": rows}).apply(
        lw.batch_by_steps(64, padding_values={"frames": "-"})
    )
    [batch] = dataset.as_numpy_iterator()
    assert sorted(batch["frames"].tolist()) == [[b"a", b"\0"], [b"b", b"-"]]
    spec = lw.make_parse_example_spec(COLUMNS[:1])
    assert spec == {"jpeg": tf.io.VarLenFeature(tf.string)}
    schema = (Path(data_sets["example"].folder) / "schema.pbtxt").read_text()
    assert 'name: "jpeg"\n  type: BYTES' in schema
    manifest = json.loads((Path(data_sets["block"].folder) / "manifest.json").read_text())
    assert "jpeg" not in manifest["block_dtypes"]
