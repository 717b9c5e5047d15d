"""The whole example pipeline on LocalDagRunner, twice for each payload format, and its outputs."""

import glob
import os
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lengthwise.errors import DataLimitError
from lengthwise.manifest import load_manifest

RECORDS = 400
OVER_LONG = 4  # `write_data` makes every hundredth record longer than the last bucket


@pytest.fixture(scope="module", params=["sequence_example", "example"])
def finished(request, example: ModuleType, pipeline_runs, tmp_path_factory) -> Any:
    """A pipeline that ran twice over the same data."""
    root = str(tmp_path_factory.mktemp("clicks"))
    for _ in range(2):
        example.main([root, "--payload", request.param])
    return pipeline_runs.of(os.path.join(root, request.param), request.param)


def test_the_second_run_takes_every_node_from_the_cache(finished):
    nodes = {"ImportExampleGen", "StatisticsGen", "SchemaGen", "SequencePrep", "Trainer"}
    assert {name: finished.states()[name] for name in nodes} == {name: ["COMPLETE", "CACHED"] for name in nodes}


def test_the_splits_are_kept_and_every_record_is_counted(finished):
    [prepared] = finished.artifacts("SequencePrep/prepared_examples")
    assert prepared.properties["split_names"].string_value == '["train", "eval"]'
    assert prepared.custom_properties["payload_format"].string_value == "FORMAT_TF_EXAMPLE"
    assert prepared.custom_properties["file_format"].string_value == "tfrecords_gzip"
    assert prepared.properties["span"].int_value == 0  # ExampleGen's, a custom property there
    manifest = load_manifest(prepared.uri)
    assert manifest.counts.read == RECORDS
    assert manifest.counts.written == RECORDS - OVER_LONG
    assert manifest.counts.rejected == {"over_long": OVER_LONG}


def test_the_rejects_and_the_manifest_are_a_separate_artifact(finished):
    import tensorflow as tf

    [preparation] = finished.artifacts("SequencePrep/preparation")
    [path] = glob.glob(os.path.join(preparation.uri, "rejects", "*"))
    rejects = [tf.train.Example.FromString(raw) for raw in tf.data.TFRecordDataset(path, "GZIP").as_numpy_iterator()]
    assert [reject.features.feature["reason"].bytes_list.value[0] for reject in rejects] == [b"over_long"] * OVER_LONG
    assert load_manifest(preparation.uri).counts.read == RECORDS
    with open(os.path.join(preparation.uri, "report.html")) as stream:
        assert "over_long" in stream.read()


def test_tfxio_reads_the_prepared_examples_through_their_schema(finished):
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.tfxio import dataset_options, tf_example_record

    [prepared], [schema] = (finished.artifacts(f"SequencePrep/prepared_{name}") for name in ("examples", "schema"))
    with open(os.path.join(schema.uri, "schema.pbtxt")) as stream:
        message = text_format.Parse(stream.read(), schema_pb2.Schema())
    pattern = os.path.join(prepared.uri, "Split-train", "*")
    tfxio = tf_example_record.TFExampleRecord(pattern, schema=message, telemetry_descriptors=["test"])
    options = dataset_options.TensorFlowDatasetOptions(batch_size=8, num_epochs=1)
    batch = next(iter(tfxio.TensorFlowDataset(options)))
    assert batch.keys() == {"genre", "rating", "liked", "sequence_length"}
    assert batch["genre"].shape.rank == 2


def test_the_saved_model_accepts_raw_serialized_records(finished, example):
    import tensorflow as tf

    make = getattr(example, finished.payload)
    records = [
        make("a", ["drama", "crime"], [1.0, 2.0]).SerializeToString(),
        make("b", ["comedy"] * 30, [4.5] * 30).SerializeToString(),
        make("c", ["unheard of", "horror"], [3.0, 3.0]).SerializeToString(),
    ]
    [model] = finished.artifacts("Trainer/model")
    served = tf.saved_model.load(os.path.join(model.uri, "Format-Serving"))
    outputs = served.signatures["serving_default"](tf.constant(records))
    [together] = [value.numpy() for value in outputs.values()]
    assert together.shape == (3, 1)
    assert np.all((together > 0) & (together < 1))
    alone = [next(iter(served.signatures["serving_default"](tf.constant([raw])).values())).numpy() for raw in records]
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)


def test_broken_limits_fail_the_node_with_the_jobs_message(example, pipeline_runs, tmp_path):
    example.write_data(str(tmp_path / "data"), "example", records=100)
    config = example.CONFIG.replace("rejected_fraction: 0.05", "rejected_fraction: 0")
    with pytest.raises(DataLimitError, match=r"1 of 100 records were rejected \(over_long 1\)") as caught:
        pipeline_runs.run(example.make_pipeline(str(tmp_path), str(tmp_path / "data"), "example", config=config))
    failed = pipeline_runs.of(str(tmp_path), "example")
    assert failed.states()["SequencePrep"] == ["FAILED"]
    assert "Trainer" not in failed.states()
    kept = os.path.dirname(str(caught.value).split("The rejects are in ")[1].split(":")[0])
    assert os.listdir(os.path.join(kept, "rejects")) == ["rejects-00000-of-00001.tfrecord.gz"]
    assert f"{kept}/report.html" in str(caught.value)
    assert os.path.exists(os.path.join(kept, "report.html"))
