"""`SequencePrep` before and while it runs, without a whole pipeline: configurations, artifacts, errors."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from lengthwise.config import parse_config
from lengthwise.errors import ConfigError, DataLimitError
from lengthwise.job.verification.data_set_verification import verify_data_set
from lengthwise.manifest import load_manifest
from lengthwise.tfx import Preparation, SequencePrep
from lengthwise.tfx.prep_executor import Executor
from lengthwise.tfx.trainer_helpers import dataset

FIELDS = {
    "columns": [
        {"kind": "numeric", "key": "rating", "min_value": 0, "max_value": 5},
        {"kind": "identity", "key": "item", "num_buckets": 50},
    ],
    "buckets": {"boundaries": [4, 8]},
}


def channel(kind: type = standard_artifacts.Examples) -> Channel:
    return Channel(type=kind)


def config_of(component: SequencePrep) -> dict:
    return json.loads(component.exec_properties["config"])


def as_path(fields: dict, folder: str) -> str:
    path = os.path.join(folder, "job.yaml")
    with open(path, "w") as stream:
        yaml.safe_dump(fields, stream)
    return path


FORMS = {
    "mapping": lambda fields, _: fields,
    "YAML text": lambda fields, _: yaml.safe_dump(fields),
    "JSON text": lambda fields, _: json.dumps(fields),
    "path": as_path,
    "JobConfig": lambda fields, _: parse_config(fields),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_configuration_is_stored_as_the_same_text(form, tmp_path):
    component = SequencePrep(examples=channel(), config=FORMS[form](FIELDS, str(tmp_path)))
    assert config_of(component) == config_of(SequencePrep(examples=channel(), config=FIELDS))


def test_the_stored_configuration_omits_fields_that_tfx_decides():
    fields = FIELDS | {"inputs": {"files": ["raw/*"]}, "splits": {"fractions": {"a": 1.0}}, "output": {"path": "here"}}
    component = SequencePrep(examples=channel(), config=fields)
    assert component.exec_properties == SequencePrep(examples=channel(), config=FIELDS).exec_properties


def test_the_cache_depends_on_the_content_of_vocabulary_files(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    fields = {"columns": [{"kind": "vocabulary", "key": "word", "vocabulary_file": "words.txt"}]}
    path = as_path(fields, str(tmp_path))
    before = SequencePrep(examples=channel(), config=path).exec_properties
    (tmp_path / "words.txt").write_text("a\nc\n")
    after = SequencePrep(examples=channel(), config=path).exec_properties
    assert before["config"] == after["config"]
    assert before["fingerprint"] != after["fingerprint"]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "columns"),
        ({"columns": [{"kind": "numerik", "key": "x"}]}, "SequencePrep's config"),
        ({"columns": FIELDS["columns"], "buckets": {"boundaries": [8, 4]}}, "strictly increasing"),
        ("columns: [\n", "expected YAML"),
        ("missing.yaml", "missing.yaml: expected a YAML file"),
    ],
)
def test_a_wrong_configuration_fails_when_the_pipeline_is_built(config, text):
    with pytest.raises(ConfigError, match=text):
        SequencePrep(examples=channel(), config=config)


def test_columns_may_come_from_the_schema_alone():
    schema = channel(standard_artifacts.Schema)
    component = SequencePrep(examples=channel(), config={"buckets": {"boundaries": [4]}}, schema=schema)
    assert "columns" not in config_of(component)


# ---------------------------------------------------------------------------------------------------- the executor


def write_examples(uri: str, splits: dict[str, list[list[float]]]) -> standard_artifacts.Examples:
    import tensorflow as tf

    for split, records in splits.items():
        os.makedirs(os.path.join(uri, f"Split-{split}"))
        path = os.path.join(uri, f"Split-{split}", "data_tfrecord-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for ratings in records:
                features = {
                    "rating": tf.train.Feature(float_list=tf.train.FloatList(value=ratings)),
                    "item": tf.train.Feature(int64_list=tf.train.Int64List(value=range(len(ratings)))),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    artifact = standard_artifacts.Examples()
    artifact.uri = uri
    artifact.split_names = json.dumps(list(splits))
    return artifact


def run_node(
    tmp_path, examples: list, fields: dict = FIELDS, schema: str | None = None, beam: tuple = (), like: list = ()
) -> dict:
    """Runs the executor as TFX does; the output artifacts by key."""
    outputs = {
        "prepared_examples": [standard_artifacts.Examples()],
        "prepared_schema": [standard_artifacts.Schema()],
        "preparation": [Preparation()],
    }
    for key, [artifact] in outputs.items():
        artifact.uri = str(tmp_path / key)
        os.makedirs(artifact.uri)
    inputs = {"examples": examples} | ({"like": list(like)} if like else {})
    schema_channel = None
    if schema is not None:
        inputs["schema"] = [standard_artifacts.Schema()]
        inputs["schema"][0].uri = os.path.dirname(schema)
        schema_channel = channel(standard_artifacts.Schema)
    component = SequencePrep(examples=channel(), config=fields, schema=schema_channel)
    context = Executor.Context(beam_pipeline_args=[*beam, "--sdk_container_image=unused"])
    Executor(context).Do(inputs, outputs, dict(component.exec_properties))
    return {key: artifact for key, [artifact] in outputs.items()}


def test_all_splits_of_all_artifacts_are_prepared_and_the_newest_span_carried_over(tmp_path):
    older = write_examples(str(tmp_path / "older"), {"train": [[1.0]], "eval": [[2.0]]})
    older.set_int_custom_property("span", 3)  # as ExampleGen writes it
    newer = write_examples(str(tmp_path / "newer"), {"train": [[3.0, 4.0]], "test": [[5.0]]})
    newer.span, newer.version = 4, 2  # as an Importer writes it
    prepared = run_node(tmp_path, [older, newer])["prepared_examples"]
    assert json.loads(prepared.split_names) == ["train", "eval", "test"]
    assert (prepared.span, prepared.version) == (4, 2)
    assert prepared.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert prepared.get_string_custom_property("file_format") == "tfrecords_gzip"
    lengths = load_manifest(prepared.uri).lengths
    assert lengths == {"train": {1: 1, 2: 1}, "eval": {1: 1}, "test": {1: 1}}


def test_a_split_without_records_is_kept(tmp_path):
    examples = write_examples(str(tmp_path / "in"), {"train": [[1.0]], "eval": []})
    prepared = run_node(tmp_path, [examples])["prepared_examples"]
    assert json.loads(prepared.split_names) == ["train", "eval"]
    assert os.listdir(os.path.join(prepared.uri, "Split-eval")) == []


def test_the_folders_of_splits_contain_only_data_and_other_files_are_in_their_own_artifacts(tmp_path):
    examples = write_examples(str(tmp_path / "in"), {"train": [[1.0], [9.0]] + [[2.0]] * 8})
    outputs = run_node(tmp_path, [examples], FIELDS | {"limits": {"rejected_fraction": 0.2}})
    prepared, preparation = outputs["prepared_examples"].uri, outputs["preparation"].uri
    assert all(name.endswith(".tfrecord.gz") for name in os.listdir(os.path.join(prepared, "Split-train")))
    assert not os.path.exists(os.path.join(prepared, "rejects"))
    assert os.listdir(os.path.join(preparation, "rejects")) == ["rejects-00000-of-00001.tfrecord.gz"]
    assert load_manifest(preparation) == load_manifest(prepared)
    assert load_manifest(preparation).counts.rejected == {"out_of_range": 1}
    assert verify_data_set(prepared).faults == []
    assert os.listdir(outputs["prepared_schema"].uri) == ["schema.pbtxt"]


@pytest.mark.parametrize("mode", ["in_memory", "multi_threading", "multi_processing"])
def test_the_output_does_not_depend_on_beam_pipeline_args(mode, tmp_path):
    examples = write_examples(str(tmp_path / "in"), {"train": [[float(n % 5)] * (n % 8 + 1) for n in range(100)]})
    (tmp_path / "plain").mkdir(), (tmp_path / mode).mkdir()
    plain = run_node(tmp_path / "plain", [examples])["prepared_examples"]
    beam = ("--runner=FnApiRunner", f"--direct_running_mode={mode}", "--direct_num_workers=2")
    other = run_node(tmp_path / mode, [examples], beam=beam)["prepared_examples"]
    assert load_manifest(plain.uri).shards == load_manifest(other.uri).shards


def test_columns_of_the_schema_artifact_are_used(tmp_path):
    schema = tmp_path / "schema" / "schema.pbtxt"
    schema.parent.mkdir()
    schema.write_text('feature {name: "rating" type: FLOAT}\nfeature {name: "item" type: INT}\n')
    examples = write_examples(str(tmp_path / "in"), {"train": [[1.0, 2.0]]})
    outputs = run_node(tmp_path, [examples], {"buckets": {"boundaries": [4]}}, schema=str(schema))
    manifest = load_manifest(outputs["prepared_examples"].uri)
    assert sorted(column.key for column in manifest.columns) == ["item", "rating"]


def test_a_span_is_prepared_like_the_one_before_and_compared_with_it(tmp_path):
    def span(number: int, ratings: float) -> dict:
        records = [[ratings + n % 2] * (n % 3 + 1) for n in range(200)]
        place = tmp_path / f"{number}"
        examples = write_examples(str(place / "in"), {"train": records})
        fields = {**FIELDS, "buckets": {"max_length": 4}} if number == 1 else FIELDS
        return run_node(place, [examples], fields, like=[first["prepared_examples"]] if number > 1 else ())

    first = span(1, 1.0)
    manifests, moved = [load_manifest(first["prepared_examples"].uri)], []
    assert not os.path.exists(f"{first['preparation'].uri}/comparison.json")
    spans = [first]
    for number, ratings in ((2, 1.0), (3, 4.0)):
        spans.append(span(number, ratings))
        with open(f"{spans[-1]['preparation'].uri}/comparison.json") as stream:
            moved.append(json.load(stream)["moved"])
        manifests.append(load_manifest(spans[-1]["prepared_examples"].uri))
        with open(f"{spans[-1]['preparation'].uri}/report.html") as stream:
            assert "Jensen-Shannon" in stream.read()
        assert verify_data_set(spans[-1]["prepared_examples"].uri).faults == []
    assert moved == [[], ["rating"]]
    assert {manifest.boundaries for manifest in manifests} == {manifests[0].boundaries}
    files = [f"{one['prepared_examples'].uri}/Split-train/*" for one in spans]
    read = dataset(SimpleNamespace(train_files=files), batch_size=64)
    assert sum(int(batch["rating"].shape[0]) for batch in read) == 600


def test_a_vocabulary_of_the_data_is_counted_in_the_split_train_and_stays_with_later_spans(tmp_path):
    items = {"kind": "vocabulary", "key": "item", "dtype": "int64", "from_data": {"top": 2}}
    fields = FIELDS | {"columns": [FIELDS["columns"][0], items]}
    first = write_examples(str(tmp_path / "a" / "in"), {"train": [[1.0]] * 3 + [[1.0, 1.0]], "eval": [[1.0] * 4] * 9})
    later = write_examples(str(tmp_path / "b" / "in"), {"train": [[1.0] * 3] * 5, "eval": []})
    baseline = run_node(tmp_path / "a", [first], fields)["prepared_examples"]
    prepared = run_node(tmp_path / "b", [later], fields, like=[baseline])["prepared_examples"]
    for artifact in (baseline, prepared):
        assert load_manifest(artifact.uri).columns[1].vocabulary == (0, 1)
        assert verify_data_set(artifact.uri).faults == []
    with open(f"{baseline.uri}/vocabulary/item.counts.txt") as stream:
        assert stream.read() == "4\n1\n"
    assert load_manifest(prepared.uri).counts.repaired == {"item": 5}


def test_broken_limits_fail_with_the_jobs_message_and_keep_the_rejects(tmp_path):
    examples = write_examples(str(tmp_path / "in"), {"train": [[9.0], [1.0]]})
    with pytest.raises(DataLimitError, match="1 of 2 records were rejected") as caught:
        run_node(tmp_path, [examples])
    folder = str(caught.value).split("The rejects are in ")[1].split(":")[0]
    assert os.path.isdir(folder)


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"payload_format": "FORMAT_PROTO"}, "expected Examples of one payload format"),
        ({"file_format": "FILE_FORMAT_PARQUET"}, "expected Examples in TFRecords"),
        ({"payload_format": "FORMAT_TF_SEQUENCE_EXAMPLE"}, "wrong_format"),
    ],
)
def test_examples_of_another_kind_are_refused(properties, text, tmp_path):
    examples = write_examples(str(tmp_path / "in"), {"train": [[1.0]]})
    for name, value in properties.items():
        examples.set_string_custom_property(name, value)
    with pytest.raises((ConfigError, DataLimitError), match=text):
        run_node(tmp_path, [examples])


def test_the_component_imports_the_light_modules_of_tfx_only():
    program = (
        "import sys, lengthwise.tfx\n"
        "heavy = ('tfx.v1', 'tfx.components', 'tensorflow_data_validation', 'lengthwise.feed')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
