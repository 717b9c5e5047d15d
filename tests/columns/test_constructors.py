"""Constructors accept TensorFlow's arguments, use its defaults, and report wrong arguments."""

import numpy as np
import pytest

from lengthwise import columns as lw
from lengthwise.errors import ConfigError

ID = lw.sequence_categorical_column_with_identity
HASH = lw.sequence_categorical_column_with_hash_bucket
LIST = lw.sequence_categorical_column_with_vocabulary_list
NUMERIC = lw.sequence_numeric_column

MISTAKES = [
    (lambda: NUMERIC(""), "NumericColumn: key: expected text of at least 1 character, received ''"),
    (lambda: NUMERIC(3), "NumericColumn: key: expected text, received 3; put it in quotes"),
    (
        lambda: NUMERIC("a", shape=0),
        "NumericColumn: shape: expected a shape of positive sizes, such as [1], received [0]",
    ),
    (
        lambda: NUMERIC("a", shape=()),
        "NumericColumn: shape: expected a shape of positive sizes, such as [1], received []",
    ),
    (
        lambda: NUMERIC("a", dtype="string"),
        "NumericColumn: dtype: expected 'float32', 'float64', 'int32' or 'int64', received 'string'",
    ),
    (
        lambda: NUMERIC("a", min_value=2, max_value=1),
        "NumericColumn: min_value: expected at most max_value 1.0, received 2.0",
    ),
    (
        lambda: NUMERIC("a", dtype="int64", min_value=2**53 + 1, max_value=2**53),
        "NumericColumn: min_value: expected at most max_value 9007199254740992, received 9007199254740993",
    ),
    (
        lambda: NUMERIC("a", dtype="int64", default_value=0.5),
        "NumericColumn: default_value: expected an integer with dtype int64, received 0.5",
    ),
    (
        lambda: NUMERIC("a", dtype="int32", max_value=0.5),
        "NumericColumn: max_value: expected an integer with dtype int32, received 0.5",
    ),
    (
        lambda: NUMERIC("a", dtype="int32", default_value=3000000000),
        (
            "NumericColumn: default_value: expected an integer in [-2147483648, 2147483647] with dtype int32, "
            "received 3000000000"
        ),
    ),
    (
        lambda: NUMERIC("a", dtype="int64", max_value=2**63),
        (
            "NumericColumn: max_value: expected an integer in [-9223372036854775808, 9223372036854775807] "
            "with dtype int64, received 2**63"
        ),
    ),
    (
        lambda: NUMERIC("a", dtype="int64", max_value="many"),
        "NumericColumn: max_value: expected a number, received 'many'",
    ),
    (
        lambda: lw.context_column("a", dtype="int64", min_value=0.5),
        "ContextColumn: min_value: expected an integer with dtype int64, received 0.5",
    ),
    (
        lambda: lw.context_column("a", dtype="int64", default_value=0.5),
        "ContextColumn: default_value: expected an integer with dtype int64, received 0.5",
    ),
    (
        lambda: lw.context_column("a", dtype="int64", default_value=-(2**63) - 1),
        (
            "ContextColumn: default_value: expected an integer in [-9223372036854775808, 9223372036854775807] "
            "with dtype int64, received -9223372036854775809"
        ),
    ),
    (
        lambda: NUMERIC("a", default_value=float("nan")),
        "NumericColumn: default_value: expected a finite number, received nan",
    ),
    (
        lambda: NUMERIC("a", normaliser_fn=abs),
        "NumericColumn: normaliser_fn: expected a known field, received 'normaliser_fn'; did you mean 'normalizer_fn'?",
    ),
    (
        lambda: NUMERIC("a", normalizer_fn="abs"),
        (
            "NumericColumn: normalizer_fn: expected a function, which is possible only in Python, "
            "received 'abs'; leave it out"
        ),
    ),
    (lambda: ID("a", 0), "IdentityColumn: num_buckets: expected at least 1, received 0"),
    (lambda: ID("a", 2**63), "IdentityColumn: num_buckets: expected less than 9223372036854775808, received 2**63"),
    (lambda: ID("a", 3, default_value=3), "IdentityColumn: default_value: expected an id in [0, 3), received 3"),
    (lambda: ID("a", 3, default_value=-1), "IdentityColumn: default_value: expected an id in [0, 3), received -1"),
    (
        lambda: ID("a", 3, oov="default"),
        "IdentityColumn: default_value: expected an id with oov 'default', received nothing",
    ),
    (
        lambda: ID("a", 3, default_value=1, oov="zero"),
        "IdentityColumn: oov: expected 'default' with a default_value, received 'zero'",
    ),
    (
        lambda: ID("a", 3, weight_key="a"),
        "IdentityColumn: weight_key: expected a feature other than the key, received 'a'",
    ),
    (lambda: ID("a", 3, values_per_step=0), "IdentityColumn: values_per_step: expected at least 1, received 0"),
    (lambda: HASH("a", "many"), "HashColumn: hash_bucket_size: expected an integer, received 'many'"),
    (
        lambda: HASH("a", 3, dtype="float32"),
        "HashColumn: dtype: expected 'string' or 'int64', received 'float32'",
    ),
    (lambda: LIST("a", []), "VocabularyColumn: vocabulary_list: expected at least 1 entry, received []"),
    (lambda: LIST("a", ["x", "x"]), "VocabularyColumn: vocabulary_list: expected distinct entries, received 'x' twice"),
    (
        lambda: LIST("a", ["x", 1]),
        (
            "VocabularyColumn: vocabulary_list: expected a list of strings, received an entry 1; in "
            "YAML, put strings in quotes"
        ),
    ),
    (
        lambda: LIST("a", [1, 2], dtype="string"),
        "VocabularyColumn: vocabulary_list: expected entries of dtype string, received 1; put them in quotes",
    ),
    (
        lambda: LIST("a", ["1"], dtype="int64"),
        "VocabularyColumn: vocabulary_list: expected entries of dtype int64, received '1'",
    ),
    (
        lambda: LIST("a", [2**63]),
        "VocabularyColumn: vocabulary_list: expected integers of 64 bits, received 9223372036854775808",
    ),
    (
        lambda: LIST("a", ["x"], default_value=1),
        "VocabularyColumn: default_value: expected an id in [0, 1), received 1",
    ),
    (
        lambda: LIST("a", ["x"], default_value=0, num_oov_buckets=1),
        "VocabularyColumn: default_value: expected either default_value or num_oov_buckets, received both",
    ),
    (
        lambda: LIST("a", ["x"], oov="buckets"),
        "VocabularyColumn: num_oov_buckets: expected a number of ids with oov 'buckets', received nothing",
    ),
    (
        lambda: LIST("a", ["x"], oov="bukets"),
        (
            "VocabularyColumn: oov: expected 'error', 'zero', 'default' or 'buckets', received 'bukets'; "
            "did you mean 'buckets'?"
        ),
    ),
    (
        lambda: lw.embedding_column(ID("a", 3), 0, combiner="max"),
        (
            "EmbeddingColumn: dimension: expected at least 1, received 0; "
            "combiner: expected 'mean', 'sqrtn' or 'sum', received 'max'"
        ),
    ),
    (
        lambda: lw.embedding_column(ID("a", 3), 2, tensor_name_in_ckpt="t"),
        (
            "EmbeddingColumn: ckpt_to_load_from: expected both ckpt_to_load_from and tensor_name_in_ckpt, or neither, "
            "received one"
        ),
    ),
    (
        lambda: lw.embedding_column(ID("a", 3), 2, max_norm=0),
        "EmbeddingColumn: max_norm: expected more than 0.0, received 0",
    ),
    (
        lambda: lw.embedding_column(NUMERIC("a"), 2),
        (
            "EmbeddingColumn: categorical_column.kind: expected a kind of column, received 'numeric'; "
            "allowed here: bucketized, hash, identity, vocabulary"
        ),
    ),
    (
        lambda: lw.indicator_column("a"),
        "IndicatorColumn: categorical_column: expected a mapping with a `kind`, received 'a'",
    ),
    (
        lambda: lw.shared_embedding_columns([ID("a", 3), ID("b", 4)], 2),
        (
            "SharedEmbeddingColumn: categorical_column: expected columns of 3 ids in the shared embedding "
            "'a_b_shared_embedding', received 4 in 'b'"
        ),
    ),
    (
        lambda: lw.shared_embedding_columns([], 2),
        "categorical_columns: expected at least one categorical column, received none",
    ),
    (
        lambda: lw.sequence_bucketized_column(NUMERIC("a"), [2, 2]),
        "BucketizedColumn: boundaries: expected strictly increasing numbers, received [2.0, 2.0]",
    ),
    (
        lambda: lw.sequence_bucketized_column(NUMERIC("a"), []),
        "BucketizedColumn: boundaries: expected at least 1 entry, received []",
    ),
    (
        lambda: lw.sequence_bucketized_column(NUMERIC("a", shape=2), [1]),
        "BucketizedColumn: source_column.shape: expected [1], received [2]",
    ),
    (
        lambda: lw.context_column("a", dtype="int64", default_value="x"),
        "ContextColumn: default_value: expected dtype int64, received 'x'",
    ),
    (
        lambda: lw.context_column("a", default_value=[1, 2]),
        (
            "ContextColumn: default_value: expected one number or one string for all elements of the "
            "shape, received [1, 2]"
        ),
    ),
    (
        lambda: lw.context_column("a", dtype="string", max_value=1),
        "ContextColumn: dtype: expected a dtype of numbers with min_value and max_value, received 'string'",
    ),
    (
        lambda: lw.context_column("a", shape=(0,)),
        "ContextColumn: shape: expected a shape of positive sizes, or [] for one value, received [0]",
    ),
]


@pytest.mark.parametrize(("make", "message"), MISTAKES, ids=[message[:70] for _, message in MISTAKES])
def test_wrong_arguments_are_reported(make, message) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message.replace("2**63", str(2**63))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NUMERIC("a", shape=[1.0]),
        lambda: NUMERIC("a", shape=1.0),
        lambda: NUMERIC("a", shape=(2, 1.5)),
        lambda: NUMERIC("a", shape=None),
        lambda: NUMERIC("a", normalizer_fn="NotACallable"),
        lambda: NUMERIC("a", normalizer_fn=3),
        lambda: NUMERIC(3),
        lambda: ID("a", [3]),
        lambda: LIST("a", 5),
        lambda: lw.sequence_bucketized_column(NUMERIC("a"), 5),
        lambda: lw.context_column("a", shape=[2.0]),
    ],
)
def test_a_wrong_type_is_a_type_error_and_a_value_error(make) -> None:
    with pytest.raises(TypeError, match=r"Column: [a-z_]+(\[\d\])?: expected .*, received") as caught:
        make()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ConfigError)


@pytest.mark.parametrize("make", [lambda: NUMERIC("a", shape=[0]), lambda: NUMERIC("a", dtype="string")])
def test_a_wrong_value_is_not_a_type_error(make) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert not isinstance(caught.value, TypeError)


def test_sizes_of_a_shape_may_be_numpys() -> None:
    assert NUMERIC("a", shape=np.array([2, 3])).shape == NUMERIC("a", shape=(np.int64(2), 3)).shape == (2, 3)


@pytest.mark.parametrize(
    ("column", "oov"),
    [
        (ID("a", 3), "error"),
        (ID("a", 3, default_value=0), "default"),
        (LIST("a", ["x"]), "zero"),
        (LIST("a", ["x"], default_value=0), "default"),
        (LIST("a", ["x"], num_oov_buckets=1), "buckets"),
        (LIST("a", ["x"], oov="error"), "error"),
    ],
)
def test_omitted_policies_are_tensorflows(column, oov) -> None:
    assert column.oov == oov


@pytest.mark.parametrize(
    ("column", "name", "elements"),
    [
        (NUMERIC("k", shape=(2, 3)), "k", 6),
        (lw.embedding_column(ID("k", 3), 4), "k_embedding", 4),
        (lw.indicator_column(ID("k", 3)), "k_indicator", 3),
        (lw.indicator_column(LIST("k", ["x"], num_oov_buckets=2)), "k_indicator", 3),
        (lw.shared_embedding_columns([ID("k", 3)], 5)[0], "k_shared_embedding", 5),
        (lw.embedding_column(ID("k", 3, weight_key="w"), 4), "k_weighted_by_w_embedding", 4),
        (lw.embedding_column(lw.sequence_bucketized_column(NUMERIC("k"), [1]), 4), "k_bucketized_embedding", 4),
        (lw.context_column("k", shape=(2, 2)), "k", 4),
    ],
)
def test_names_and_sizes_are_tensorflows(column, name, elements) -> None:
    assert (column.name, column.num_elements) == (name, elements)


@pytest.mark.parametrize("entries", [[np.int64(5), np.int32(6)], np.array([5, 6]), (5, np.int64(6))])
def test_integers_of_a_vocabulary_may_be_numpys(entries) -> None:
    column = LIST("k", entries)
    assert column == LIST("k", [5, 6])
    assert (column.dtype, [type(entry) for entry in column.vocabulary]) == ("int64", [int, int])


def test_vocabularies_of_numpy_strings() -> None:
    assert LIST("k", np.array(["a", "b"])) == LIST("k", np.array([b"a", b"b"])) == LIST("k", ["a", "b"])


@pytest.mark.parametrize(
    ("dtype", "given", "kept"),
    [
        ("int64", 2**53 + 1, 2**53 + 1),
        ("int64", np.int64(2**53 + 1), 2**53 + 1),
        ("int64", str(2**53 + 1), 2**53 + 1),
        ("int64", -(2**63), -(2**63)),
        ("int32", 3.0, 3),
        ("float32", 3, 3.0),
        ("float32", "3", 3.0),
        ("float64", np.float32(0.5), 0.5),
    ],
)
def test_numbers_are_converted_to_the_dtype(dtype, given, kept) -> None:
    column = NUMERIC("a", dtype=dtype, default_value=given, min_value=given, max_value=given)
    numbers = [column.default_value, column.min_value, column.max_value]
    assert numbers == [kept] * 3
    assert {type(number) for number in numbers} == {type(kept)}


def test_dtypes_may_be_numpys() -> None:
    assert NUMERIC("a", dtype=np.float64).dtype == "float64"
    assert NUMERIC("a", dtype=np.dtype("int32")).dtype == "int32"
    assert lw.context_column("a", dtype=np.int64).dtype == "int64"


def test_shared_columns_share_a_table_named_by_the_sorted_columns() -> None:
    b, a = lw.shared_embedding_columns([ID("b", 3), ID("a", 3)], 2)
    assert (b.name, a.name) == ("b_shared_embedding", "a_shared_embedding")
    assert a.shared == b.shared
    assert a.shared.name == "a_b_shared_embedding"
    [named] = lw.shared_embedding_columns([ID("b", 3)], 2, shared_embedding_collection_name="table")
    assert named.shared.name == "table"
