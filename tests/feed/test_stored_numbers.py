"""Steps that are stored as bytes, such as the quantised frames of YouTube-8M: compact on disk, numbers in batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.records.decoding.example_protos import Example
from records.messages import read_records, sequence_example, write_records

SCALE, OFFSET = 4 / 255, -2.0
WIDTH = 32
COLUMNS = [
    lw.sequence_numeric_column(
        "rgb",
        shape=(WIDTH,),
        default_value=-1.0,
        min_value=-2,
        max_value=2.0001,
        decode={"dtype": "uint8", "scale": SCALE, "offset": OFFSET},
    ),
    lw.sequence_numeric_column("audio", shape=(2, 2), decode={"dtype": "float16"}),
    lw.sequence_numeric_column("level", dtype="int64", decode={"dtype": "int16"}),
    lw.context_column("id", dtype="int64"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[int, dict[str, np.ndarray]], Path]:
    """A job, the expected batches, and its folder. Two records are invalid: missing bytes; a number not finite."""
    folder, rng = tmp_path_factory.mktemp("stored"), np.random.default_rng(1)
    records, expected = [], {}
    for number in range(40):
        length = int(rng.integers(1, 9))
        rgb = rng.integers(0, 256, [length, WIDTH], np.uint8)
        audio = rng.normal(size=[length, 2, 2]).astype(np.float16)
        level = rng.integers(-(2**15), 2**15, length, np.int16)
        expected[number] = {
            "rgb": rgb.astype(np.float32) * np.float32(SCALE) + np.float32(OFFSET),
            "audio": audio.astype(np.float32),
            "level": level.astype(np.int64),
        }
        if number == 7:
            audio[0, 0, 0] = np.inf
        steps = {
            key: [step.tobytes() for step in values]
            for key, values in (("rgb", rgb), ("audio", audio), ("level", level))
        }
        if number == 3:
            steps["rgb"][-1] = steps["rgb"][-1][1:]
        records.append(sequence_example(steps, {"id": number}))
    del expected[3], expected[7]
    write_records(folder / "raw.tfrecord", records)
    job = {
        "inputs": {"files": str(folder / "raw.tfrecord")},
        "columns": COLUMNS,
        "buckets": {"boundaries": [4, 8]},
        "limits": {"rejected_fraction": 0.1},
    }
    return job, expected, folder


@pytest.mark.parametrize("source", ["raw", "block", "example"])
def test_batches_have_the_numbers(made: Any, source: str) -> None:
    job, expected, folder = made
    if source == "raw":
        batches = lw.read_raw(job, batch_steps=32, on_invalid="skip")
    else:
        data = lw.prepare({**job, "output": {"path": str(folder / source), "layout": source}}, workers=1)
        assert data.manifest.counts.rejected == {"value_count": 1, "not_finite": 1}
        assert data.manifest.statistics["rgb"].max == pytest.approx(2.0, abs=0.02)
        lw.verify(data.folder)
        batches = data.read(batch_steps=32)
    found = set()
    for batch in batches.as_numpy_iterator():
        assert batch["rgb"].dtype == batch["audio"].dtype == np.float32
        for row, number in enumerate(batch["id"].tolist()):
            length = batch["sequence_length"][row]
            for key, values in expected[number].items():
                np.testing.assert_array_equal(batch[key][row, :length], values)
            assert (batch["rgb"][row, length:] == -1.0).all()
            found.add(number)
    assert found == set(expected)


def test_blocks_contain_the_stored_bytes(made: Any) -> None:
    job, expected, folder = made
    data = lw.prepare({**job, "output": {"path": str(folder / "plain"), "compression": "none"}}, workers=1)
    dtypes = data.manifest.block_dtypes
    assert {key: dtypes[key] for key in ("rgb", "audio", "level")} == {"rgb": "<u1", "audio": "<f2", "level": "<i2"}
    stored = 0
    for shard in data.manifest.shards:
        for record in read_records(Path(data.folder) / shard.path):
            stored += len(Example.FromString(record).features.feature["rgb"].bytes_list.value[0])
    assert stored == sum(values["rgb"].size for values in expected.values())


@pytest.mark.parametrize("form", ["dense", "ragged"])
def test_a_layer_accepts_the_bytes(form: str) -> None:
    steps = np.arange(6 * WIDTH, dtype=np.uint8).reshape(6, WIDTH)
    strings = [step.tobytes() for step in steps]
    if form == "dense":
        features = {"rgb": tf.constant([strings[:4], [*strings[4:], b"", b""]]), "sequence_length": tf.constant([4, 2])}
    else:
        features = {"rgb": tf.ragged.constant([strings[:4], strings[4:]])}
    found = lw.SequenceFeatures(COLUMNS[:1])(features).numpy()
    expected = steps.astype(np.float32) * np.float32(SCALE) + np.float32(OFFSET)
    np.testing.assert_array_equal(found.reshape(-1, WIDTH)[:6], expected)
    assert (found[1, 2:] == -1.0).all()
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="expected 32 bytes in each step"):
        lw.SequenceFeatures(COLUMNS[:1])({"rgb": tf.ragged.constant([[b"short"]])})


def test_a_model_of_stored_numbers_is_served_raw_records(made: Any, tmp_path: Path) -> None:
    import keras

    _, expected, folder = made
    data = lw.open(folder / "plain")
    model = keras.Sequential(
        [lw.SequenceFeatures(data.columns.only("rgb", "audio")), keras.layers.GlobalMaxPooling1D()]
    )
    batch = next(iter(data.read(batch_size=4)))
    model(batch)
    lw.export(model, data, tmp_path / "served")
    records = list(tf.data.TFRecordDataset([str(folder / "raw.tfrecord")]).take(3).as_numpy_iterator())
    serve = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    [found] = serve(records=tf.constant(records[:1])).values()
    pooled = np.concatenate([expected[0]["audio"].reshape(-1, 4).max(0), expected[0]["rgb"].max(0)])
    np.testing.assert_allclose(found[0], pooled, rtol=1e-6)
