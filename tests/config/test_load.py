"""`load_config` and `parse_config` with valid configurations: paths, overrides, schemas."""

import subprocess
import sys

import pytest

from lengthwise import columns
from lengthwise.config import JobConfig, load_config, parse_config
from lengthwise.errors import ConfigError

GOOD = "columns: [{kind: numeric, key: a}]\n"


def _write(folder, text: str, name: str = "job.yaml") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


def test_vocabulary_files_are_relative_to_the_yaml_file_inside_wrappers_too(tmp_path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\n")
    path = _write(
        tmp_path / "jobs",
        "columns:\n"
        "  - kind: embedding\n"
        "    dimension: 2\n"
        "    categorical_column: {kind: vocabulary, key: w, vocabulary_file: ../words.txt}\n"
        f"  - {{kind: vocabulary, key: v, vocabulary_file: {tmp_path}/words.txt}}\n",
    )
    inner, absolute = map(columns.feature_of, load_config(path).columns)
    assert inner.vocabulary == absolute.vocabulary == ("a", "b")
    assert inner.vocabulary_file == f"{tmp_path}/jobs/../words.txt"


def test_shell_characters_in_names_are_literal(tmp_path) -> None:
    name = "$(touch pwned);`id`|~ {a,b} *.txt"
    (tmp_path / name).write_text("x\n")
    path = _write(tmp_path, f"columns: [{{kind: vocabulary, key: v, vocabulary_file: '{name}'}}]")
    assert load_config(path).columns[0].vocabulary == ("x",)


def test_inputs_and_output_are_relative_to_the_working_directory(tmp_path) -> None:
    config = load_config(_write(tmp_path, GOOD + "inputs: {files: raw/*}\noutput: {path: out}\n"))
    assert config.inputs.files == ("raw/*",)
    assert config.output.path == "out"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbfa\nb\n", "starts with a byte order mark; save it as UTF-8 without BOM"),
        (b"a\nb\na\n", "line 3 repeats 'a' of line 1; an entry has one id"),
        (b"a\n\xff\n", "line 2 is not UTF-8; save the file as UTF-8"),
        (b"", "expected one entry per line, found an empty file"),
        (b"a\rb\n", "line 1 contains a carriage return; end lines with LF or CRLF"),
    ],
)
def test_bad_vocabulary_files_are_found_when_the_configuration_is_read(tmp_path, content, message) -> None:
    (tmp_path / "v.txt").write_bytes(content)
    path = _write(tmp_path, "columns: [{kind: vocabulary, key: v, vocabulary_file: v.txt}]")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: columns[0]: vocabulary_file {tmp_path}/v.txt: {message}"


def test_a_default_beyond_the_vocabulary_file_is_refused(tmp_path) -> None:
    (tmp_path / "v.txt").write_text("a\nb\n")
    path = _write(tmp_path, "columns: [{kind: vocabulary, key: v, vocabulary_file: v.txt, default_value: 2}]")
    with pytest.raises(ConfigError, match=r"columns\[0\]\.default_value: expected an id in \[0, 2\), received 2"):
        load_config(path)


@pytest.mark.parametrize(
    ("yaml", "overrides", "path", "value"),
    [
        ("", {"buckets.count": 3}, "buckets.count", 3),
        ("", {"buckets": {"count": 3}}, "buckets.count", 3),
        ("buckets: {count: 2, cost: quadratic}", {"buckets.count": 3}, "buckets.cost", "quadratic"),
        ("buckets: {count: 2}", {"buckets.count": None}, "buckets.count", 2),
        ("buckets: {count: 2}", {"buckets.boundaries": [4, 8]}, "buckets.boundaries", (4, 8)),
        ("buckets: {boundaries: [4, 8]}", {"buckets.count": 3}, "buckets.boundaries", None),
        ("inputs: {by_split: {train: a}}", {"inputs.files": ["b", "c"]}, "inputs.files", ("b", "c")),
        ("inputs: {files: a}", {"inputs.by_split": {"x": "b"}}, "inputs.by_split", {"x": ("b",)}),
        ("output: {path: a}", {"output.path": "b"}, "output.path", "b"),
        ("splits: {fractions: {a: 0.5, b: 0.5}}", {"splits.fractions": {"c": 1.0}}, "splits.fractions", {"c": 1.0}),
    ],
)
def test_overrides_replace_values_and_remove_what_they_exclude(tmp_path, yaml, overrides, path, value) -> None:
    loaded = load_config(_write(tmp_path, f"{GOOD}{yaml}\n"), overrides)
    for name in path.split("."):
        loaded = getattr(loaded, name)
    assert loaded == value


def test_a_wrong_override_is_reported_like_a_wrong_field(tmp_path) -> None:
    with pytest.raises(
        ConfigError, match=r"buckets\.cuont: expected a known field, received 'cuont'; did you mean 'count'"
    ):
        load_config(_write(tmp_path, GOOD), {"buckets.cuont": 3})


SCHEMA = """
feature { name: "##SEQUENCE##" type: STRUCT struct_domain {
  feature { name: "watches" type: INT int_domain { min: 0 max: 9 } presence { min_fraction: 1 } }
  feature { name: "rating" type: FLOAT float_domain { min: 1 max: 5 } presence { min_fraction: 1 } }
} }
feature { name: "user" type: BYTES presence { min_fraction: 1 } }
"""


def test_columns_come_from_a_schema_beside_the_yaml_file(tmp_path) -> None:
    _write(tmp_path, SCHEMA, "schema.pbtxt")
    config = load_config(_write(tmp_path, "columns_from_schema: schema.pbtxt"))
    assert [(column.kind, column.name) for column in config.columns] == [
        ("identity", "watches"),
        ("numeric", "rating"),
        ("context", "user"),
    ]


def test_explicit_columns_replace_those_of_the_schema(tmp_path) -> None:
    _write(tmp_path, SCHEMA, "schema.pbtxt")
    embedding = "{kind: embedding, dimension: 4, categorical_column: {kind: identity, key: watches, num_buckets: 50}}"
    config = load_config(_write(tmp_path, f"columns_from_schema: schema.pbtxt\ncolumns: [{embedding}]"))
    assert [column.name for column in config.columns] == ["watches_embedding", "rating", "user"]


def test_mappings_may_contain_column_objects() -> None:
    column = columns.sequence_numeric_column("a", normalizer_fn=abs)
    config = parse_config({"columns": [column, {"kind": "numeric", "key": "b"}]})
    assert config.columns[0] is column
    assert config.columns[1].key == "b"


def test_a_configuration_survives_json(tmp_path) -> None:
    config = load_config(_write(tmp_path, GOOD + "inputs: {by_split: {train: a}}\nlimits: {max_record_bytes: 3KiB}\n"))
    assert config.limits.max_record_bytes == 3072
    assert parse_config(config.model_dump(mode="json")) == config
    assert JobConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("text", "size"), [("7", 7), ("64MiB", 64 * 2**20), ("1.5 GiB", 3 * 2**29), ("10kB", 10_000), ("3 b", 3)]
)
def test_sizes_have_units(text, size) -> None:
    config = parse_config({"columns": [{"kind": "numeric", "key": "a"}], "output": {"shard_bytes": text}})
    assert config.output.shard_bytes == size


def test_loading_a_configuration_imports_nothing_heavy(tmp_path) -> None:
    path = _write(tmp_path, GOOD)
    heavy = ("tensorflow", "apache_beam", "keras", "tfx_bsl", "pyarrow", "google.protobuf")
    code = (
        "import sys; from lengthwise.config import load_config, config_schema\n"
        f"load_config({path!r}); config_schema()\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _ones(shape, dtype=None):
    raise AssertionError("must not be called")


class _Mine:
    def __call__(self, shape, dtype=None):
        raise AssertionError("must not be called")


@pytest.mark.parametrize(
    ("initializer", "name"), [(_ones, "_ones"), (_Mine(), "_Mine"), (lambda shape, dtype: None, "<lambda>")]
)
def test_an_initializer_that_is_code_is_refused_before_anything_is_read(initializer, name) -> None:
    words = columns.sequence_categorical_column_with_identity("w", 10)
    embedding = columns.embedding_column(words, 4, initializer=initializer)
    [shared] = columns.shared_embedding_columns([words], 4, initializer=initializer)
    for column, field in ((embedding, "initializer"), (shared, "shared.initializer")):
        with pytest.raises(ConfigError) as caught:
            parse_config({"columns": [{"kind": "numeric", "key": "a"}, column]})
        message = str(caught.value)
        assert f"columns[1].{field}: expected the name or the config of a Keras initializer" in message
        assert f"received '{name}', which is code; leave it out here" in message


@pytest.mark.parametrize("initializer", ["zeros", {"class_name": "Constant", "config": {"value": 1.0}}])
def test_an_initializer_by_name_or_config_is_kept(initializer) -> None:
    words = columns.sequence_categorical_column_with_identity("w", 10)
    config = parse_config({"columns": [columns.embedding_column(words, 4, initializer=initializer)]})
    assert config.columns[0].model_dump(mode="json")["initializer"] == initializer
