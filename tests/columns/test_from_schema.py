"""TFMD schemas become columns: which feature is a sequence, of what kind, and what is valid."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from lengthwise import columns as lw
from lengthwise.errors import ConfigError

ID = lw.sequence_categorical_column_with_identity
LIST = lw.sequence_categorical_column_with_vocabulary_list
NUMERIC = lw.sequence_numeric_column
CONTEXT = lw.context_column


def of_record(**fields):
    return lw.VocabularyColumn.make(key="k", per="record", **fields)


def _columns(text: str, **arguments):
    return lw.columns_from_schema(text_format.Parse(text, schema_pb2.Schema()), **arguments)


def _in_sequence(text: str) -> str:
    return f'feature {{ name: "##SEQUENCE##" type: STRUCT struct_domain {{ feature {{ name: "k" {text} }} }} }}'


@pytest.mark.parametrize(
    ("feature", "column"),
    [
        ("type: INT int_domain { min: 0 max: 9 }", ID("k", 10)),
        ("type: INT int_domain { min: 3 max: 9 is_categorical: true }", ID("k", 10)),
        ("type: INT int_domain { min: -1 max: 9 }", ID("k", 10, oov="zero")),
        (
            "type: INT int_domain { min: 0 max: 9 is_categorical: false }",
            NUMERIC("k", dtype="int64", min_value=0, max_value=9),
        ),
        ("type: INT int_domain { min: -5 max: 9 }", NUMERIC("k", dtype="int64", min_value=-5, max_value=9)),
        ("type: INT int_domain { min: 4 }", NUMERIC("k", dtype="int64", min_value=4)),
        ("type: INT", NUMERIC("k", dtype="int64")),
        ("type: INT bool_domain { }", ID("k", 2)),
        ("type: FLOAT", NUMERIC("k")),
        ("type: FLOAT float_domain { min: -0.5 max: 2.5 }", NUMERIC("k", min_value=-0.5, max_value=2.5)),
        ('type: BYTES string_domain { value: "a" value: "b" }', LIST("k", ["a", "b"], oov="error")),
        (
            'type: BYTES string_domain { value: "a" } distribution_constraints { min_domain_mass: 0.9 }',
            LIST("k", ["a"]),
        ),
        ('type: BYTES bool_domain { true_value: "y" false_value: "n" }', LIST("k", ["n", "y"], oov="error")),
        ("type: FLOAT presence { min_fraction: 1 }", NUMERIC("k")),
        ("type: FLOAT presence { min_fraction: 0.5 }", NUMERIC("k", required=False)),
        ("type: FLOAT presence { min_count: 1 }", NUMERIC("k", required=False)),
        (
            "type: FLOAT value_counts { value_count { min: 1 } value_count { min: 3 max: 3 } }",
            NUMERIC("k", shape=(3,)),
        ),
        (
            "type: INT int_domain { max: 4 } value_counts { value_count { min: 1 } value_count { min: 0 max: 3 } }",
            ID("k", 5, values_per_step=3),
        ),
    ],
)
def test_a_feature_of_the_steps_becomes_a_sequence_column(feature, column) -> None:
    assert _columns(_in_sequence(feature)) == (column,)


@pytest.mark.parametrize(
    ("feature", "column"),
    [
        ("type: INT shape { }", CONTEXT("k", dtype="int64")),
        ("type: FLOAT shape { dim { size: 2 } dim { size: 3 } }", CONTEXT("k", shape=(2, 3))),
        ("type: INT value_count { min: 1 max: 1 }", CONTEXT("k", dtype="int64")),
        ("type: INT value_count { min: 4 max: 4 }", CONTEXT("k", dtype="int64", shape=(4,))),
        (
            "type: INT shape { } int_domain { min: 0 max: 3 }",
            CONTEXT("k", dtype="int64", min_value=0, max_value=3),
        ),
        ("type: BYTES shape { } presence { min_fraction: 0.9 }", CONTEXT("k", dtype="string", default_value="")),
        ("type: FLOAT shape { } presence { min_fraction: 0.9 }", CONTEXT("k", default_value=0.0)),
        ('type: BYTES shape { } string_domain { value: "a" }', of_record(vocabulary_list=("a",), oov="error")),
        (
            'type: BYTES shape { } string_domain { value: "a" } distribution_constraints { min_domain_mass: 0.9 }',
            of_record(vocabulary_list=("a",)),
        ),
        (
            'type: BYTES value_count { min: 1 max: 1 } string_domain { value: "a" } presence { min_fraction: 0.5 }',
            of_record(vocabulary_list=("a",), required=False, oov="error"),
        ),
        (
            'type: BYTES shape { dim { size: 2 } } string_domain { value: "a" }',
            CONTEXT("k", dtype="string", shape=(2,)),
        ),
        (
            "type: INT shape { } int_domain { min: 0 max: 3 is_categorical: true }",
            lw.categorical_column_with_identity("k", 4),
        ),
        ("type: FLOAT", NUMERIC("k")),
        ("type: FLOAT value_count { min: 1 }", NUMERIC("k")),
    ],
)
def test_a_fixed_shape_makes_context(feature, column) -> None:
    assert _columns(f'feature {{ name: "k" {feature} }}') == (column,)


@pytest.mark.parametrize(
    ("representation", "column"),
    [
        ('dense_tensor { column_name: "k" shape { dim { size: 2 } } }', CONTEXT("k", shape=(2,), default_value=0.0)),
        (
            'dense_tensor { column_name: "k" shape { } default_value { float_value: 1.5 } }',
            CONTEXT("k", default_value=1.5),
        ),
        ('varlen_sparse_tensor { column_name: "k" }', NUMERIC("k", required=False)),
        ('ragged_tensor { feature_path { step: "k" } }', NUMERIC("k", required=False)),
        (
            'ragged_tensor { feature_path { step: "k" } partition { uniform_row_length: 3 } }',
            NUMERIC("k", shape=(3,), required=False),
        ),
    ],
)
def test_tensor_representations_decide(representation, column) -> None:
    text = (
        'feature { name: "k" type: FLOAT presence { min_fraction: 0.5 } } tensor_representation_group { key: "" value {'
        f' tensor_representation {{ key: "k" value {{ {representation} }} }} }} }}'
    )
    assert _columns(text) == (column,)


def test_features_next_to_a_sequence_struct_are_context() -> None:
    columns = _columns(
        'feature { name: "user" type: BYTES } '
        'feature { name: "k" type: BYTES value_count { min: 1 max: 3 } string_domain { value: "a" } } '
        + _in_sequence("type: FLOAT").replace('"k"', '"x"')
    )
    topics = of_record(vocabulary_list=("a",), values_per_step=3, oov="error")
    assert columns == (CONTEXT("user", dtype="string"), topics, NUMERIC("x"))


def test_domains_of_the_schema_are_used_by_name() -> None:
    columns = _columns(
        'feature { name: "a" type: BYTES domain: "words" } feature { name: "b" type: INT domain: "ids" }'
        'string_domain { name: "words" value: "x" } int_domain { name: "ids" min: 0 max: 1 }'
    )
    assert columns == (LIST("a", ["x"], oov="error"), ID("b", 2))


def test_weighted_features_are_one_column() -> None:
    columns = _columns(
        'feature { name: "a" type: INT int_domain { max: 4 } } feature { name: "w" type: FLOAT }'
        'weighted_feature { name: "aw" feature { step: "a" } weight_feature { step: "w" } }'
    )
    assert columns == (ID("a", 5, weight_key="w"),)


def test_features_that_are_unused_reserved_or_omitted_have_no_columns() -> None:
    columns = _columns(
        'feature { name: "a" type: FLOAT } feature { name: "b" type: FLOAT lifecycle_stage: DEPRECATED }'
        'feature { name: "c" type: FLOAT deprecated: true } feature { name: "d" type: FLOAT lifecycle_stage: ALPHA }'
        'feature { name: "e" type: BYTES } feature { name: "sequence_length" type: INT }'
        'feature { name: "f" type: FLOAT lifecycle_stage: PRODUCTION }',
        leave_out=["e"],
    )
    assert [column.key for column in columns] == ["a", "f"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'feature { name: "k" type: BYTES }',
            (
                "feature 'k': expected INT, FLOAT, or BYTES with a string_domain; add the domain, or define the "
                "column yourself, with hash_bucket_size or vocabulary_file"
            ),
        ),
        ('feature { name: "k" type: STRUCT shape { } }', "feature 'k': expected INT, FLOAT or BYTES, received STRUCT"),
        (
            _in_sequence("type: FLOAT float_domain { min: 2 max: 1 }"),
            "feature 'k': NumericColumn: min_value: expected at most max_value 1.0, received 2.0",
        ),
        (
            'sparse_feature { name: "s" }',
            (
                "feature 's': expected other features, received a sparse_feature; write the values as a list in the "
                "order of the steps"
            ),
        ),
    ],
)
def test_incomplete_and_invalid_features_are_refused(text, message) -> None:
    with pytest.raises(ConfigError) as caught:
        _columns(text)
    assert str(caught.value) == message


def test_a_file_is_read_as_text(tmp_path) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_text(_in_sequence("type: FLOAT"))
    assert lw.columns_from_schema(str(path)) == (NUMERIC("k"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"feature { nam: 3 }", "expected a TFMD schema as text (schema.pbtxt), received 1:11 : "),
        (b"\xff\xfe\x00", "expected a TFMD schema as text (schema.pbtxt), received bytes"),
        (b'feature { name: "k" type: BYTES }', "feature 'k': expected INT, FLOAT, or BYTES"),
        (None, "expected a TFMD schema (schema.pbtxt), received no such file"),
    ],
)
def test_a_bad_file_is_named(tmp_path, content, message) -> None:
    path = tmp_path / "schema.pbtxt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        lw.columns_from_schema(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1
    assert message in str(caught.value)
