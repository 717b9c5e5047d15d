"""`tf.feature_column.*` objects become the same columns as our constructors make of the same arguments."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.feature_column import feature_column as v1

from lengthwise import columns as lw
from lengthwise.errors import ConfigError

fc = tf.feature_column
WHOLE, NUMBER = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
ID, OUR_ID = fc.sequence_categorical_column_with_identity, lw.sequence_categorical_column_with_identity
HASH, OUR_HASH = fc.sequence_categorical_column_with_hash_bucket, lw.sequence_categorical_column_with_hash_bucket
LIST, OUR_LIST = (
    fc.sequence_categorical_column_with_vocabulary_list,
    lw.sequence_categorical_column_with_vocabulary_list,
)
NUMERIC, OUR_NUMERIC = fc.sequence_numeric_column, lw.sequence_numeric_column


# The private classes of version 1, which TF 1.x's contrib made.
V1_ID = v1._SequenceCategoricalColumn(v1._categorical_column_with_identity("k", 5))
V1_HASH = v1._SequenceCategoricalColumn(v1._categorical_column_with_hash_bucket("k", 7))
V1_LIST = v1._SequenceCategoricalColumn(v1._categorical_column_with_vocabulary_list("k", ("a", "b")))
ONES = {"class_name": "Ones", "config": {}}

UNIFORM = {"minval": 0.0, "maxval": 1.0, "seed": None}


def _half(values):
    return values / 2


PAIRS = [
    (NUMERIC("k"), OUR_NUMERIC("k")),
    (NUMERIC("k", shape=(2, 3), default_value=-1.0), OUR_NUMERIC("k", shape=(2, 3), default_value=-1.0)),
    (NUMERIC("k", dtype=tf.int64), OUR_NUMERIC("k", dtype="int64")),
    (NUMERIC("k", dtype=tf.float16), OUR_NUMERIC("k", dtype="float32")),
    (NUMERIC("k", normalizer_fn=_half), OUR_NUMERIC("k", normalizer_fn=_half)),
    (ID("k", 5), OUR_ID("k", 5)),
    (ID("k", 5, default_value=2), OUR_ID("k", 5, default_value=2)),
    (HASH("k", 7), OUR_HASH("k", 7)),
    (HASH("k", 7, dtype=tf.int32), OUR_HASH("k", 7, dtype="int64")),
    (LIST("k", ["a", "b"]), OUR_LIST("k", ["a", "b"])),
    (LIST("k", ["a", "b"], default_value=1), OUR_LIST("k", ["a", "b"], default_value=1)),
    (LIST("k", ["a", "b"], num_oov_buckets=3), OUR_LIST("k", ["a", "b"], num_oov_buckets=3)),
    (LIST("k", [3, -1], dtype=tf.int64), OUR_LIST("k", [3, -1])),
    (fc.weighted_categorical_column(ID("k", 5), "w"), OUR_ID("k", 5, weight_key="w")),
    (fc.embedding_column(ID("k", 5), 4), lw.embedding_column(OUR_ID("k", 5), 4)),
    (
        fc.embedding_column(HASH("k", 5), 4, combiner="sum", max_norm=2.0, trainable=False),
        lw.embedding_column(OUR_HASH("k", 5), 4, combiner="sum", max_norm=2.0, trainable=False),
    ),
    (
        fc.embedding_column(ID("k", 5), 4, ckpt_to_load_from="c", tensor_name_in_ckpt="t"),
        lw.embedding_column(OUR_ID("k", 5), 4, ckpt_to_load_from="c", tensor_name_in_ckpt="t"),
    ),
    (
        fc.embedding_column(fc.weighted_categorical_column(ID("k", 5), "w"), 4),
        lw.embedding_column(OUR_ID("k", 5, weight_key="w"), 4),
    ),
    (fc.indicator_column(LIST("k", ["a", "b"])), lw.indicator_column(OUR_LIST("k", ["a", "b"]))),
    (fc.categorical_column_with_identity("k", 5, 2), lw.categorical_column_with_identity("k", 5, 2)),
    (fc.categorical_column_with_hash_bucket("k", 7), lw.categorical_column_with_hash_bucket("k", 7)),
    (
        fc.categorical_column_with_vocabulary_list("k", ["a", "b"], num_oov_buckets=3),
        lw.categorical_column_with_vocabulary_list("k", ["a", "b"], num_oov_buckets=3),
    ),
    (
        fc.embedding_column(fc.weighted_categorical_column(fc.categorical_column_with_identity("k", 5), "w"), 4),
        lw.embedding_column(lw.categorical_column_with_identity("k", 5, weight_key="w"), 4),
    ),
    (
        fc.indicator_column(fc.categorical_column_with_hash_bucket("k", 7)),
        lw.indicator_column(lw.categorical_column_with_hash_bucket("k", 7)),
    ),
    (fc.numeric_column("k"), lw.context_column("k", shape=(1,))),
    (fc.numeric_column("k", shape=(2, 2), default_value=3), lw.context_column("k", shape=(2, 2), default_value=3.0)),
    (fc.numeric_column("k", dtype=tf.int32), lw.context_column("k", dtype="int64", shape=(1,))),
    (fc.bucketized_column(fc.numeric_column("k"), [1, 2]), lw.context_column("k", shape=(1,))),
]
UNPARSED = [  # by no public function of TensorFlow
    (V1_ID, OUR_ID("k", 5)),
    (
        v1._SequenceCategoricalColumn(v1._categorical_column_with_identity("k", 5, default_value=0)),
        OUR_ID("k", 5, default_value=0),
    ),
    (V1_HASH, OUR_HASH("k", 7)),
    (V1_LIST, OUR_LIST("k", ["a", "b"])),
    (v1._indicator_column(V1_ID), lw.indicator_column(OUR_ID("k", 5))),
    (v1._embedding_column(V1_HASH, 4, "sum"), lw.embedding_column(OUR_HASH("k", 7), 4, "sum")),
    (
        v1._embedding_column(V1_ID, 4, initializer=tf.compat.v1.ones_initializer(), max_norm=2.0, trainable=False),
        lw.embedding_column(OUR_ID("k", 5), 4, initializer=ONES, max_norm=2.0, trainable=False),
    ),
    # One half of a program moved, the other not yet.
    (fc.embedding_column(OUR_ID("k", 5), 4), lw.embedding_column(OUR_ID("k", 5), 4)),
]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    PAIRS + UNPARSED,
    ids=[f"{index}-{ours.name}" for index, (_, ours) in enumerate(PAIRS + UNPARSED)],
)
def test_objects_become_our_columns(theirs, ours) -> None:
    assert lw.from_feature_column(theirs) == ours
    assert pickle.loads(pickle.dumps(lw.from_feature_column(theirs))) == ours
    if not isinstance(ours, lw.ContextColumn):
        assert ours.name == theirs.name


@pytest.mark.parametrize(
    ("theirs", "ours"), PAIRS, ids=[f"{index}-{ours.name}" for index, (_, ours) in enumerate(PAIRS)]
)
def test_parsing_specs_are_tensorflows(theirs, ours) -> None:
    expected = fc.make_parse_example_spec([theirs])
    for key, rule in expected.items():  # dtypes that no tf.Example holds: TensorFlow's spec cannot be parsed by
        if rule.dtype == tf.int32:
            expected[key] = rule._replace(dtype=tf.int64)
        elif rule.dtype == tf.float16:
            expected[key] = rule._replace(dtype=tf.float32)
    assert lw.make_parse_example_spec([ours]) == expected


def test_a_spec_of_all_parses_an_example() -> None:
    columns = [
        OUR_NUMERIC("n", dtype="float64"),
        OUR_NUMERIC("i", dtype="int32"),
        OUR_ID("k", 5, weight_key="w"),
        lw.embedding_column(OUR_HASH("h", 7), 2),
        OUR_NUMERIC("b", shape=2, decode={"dtype": "uint8"}),
        lw.sequence_bytes_column("o"),
        lw.context_column("c", shape=(2,), default_value=1.0),
        lw.context_column("s", dtype="string", default_value="?"),
    ]
    example = tf.train.Example()
    example.features.feature["n"].float_list.value.extend([1.0, 2.0])
    example.features.feature["k"].int64_list.value.extend([3, 4])
    example.features.feature["b"].bytes_list.value.extend([b"ab", b"cd"])
    parsed = tf.io.parse_single_example(example.SerializeToString(), lw.make_parse_example_spec(columns))
    assert sorted(parsed) == ["b", "c", "h", "i", "k", "n", "o", "s", "w"]
    assert parsed["b"].values.numpy().tolist() == [b"ab", b"cd"]
    assert parsed["n"].values.numpy().tolist() == [1.0, 2.0]
    assert parsed["c"].numpy().tolist() == [1.0, 1.0]
    assert parsed["s"].numpy() == b"?"


def test_a_vocabulary_file_keeps_path_and_size(tmp_path) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(b"a\r\nb\n c \nd")
    theirs = fc.sequence_categorical_column_with_vocabulary_file("k", str(path), num_oov_buckets=2)
    ours = lw.from_feature_column(theirs)
    assert ours == lw.sequence_categorical_column_with_vocabulary_file(
        "k", str(path), vocabulary_size=4, num_oov_buckets=2
    )
    table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(str(path), tf.string, WHOLE, tf.int64, NUMBER), -1)
    entries = ["a", "b", " c ", "d"]
    assert list(ours.vocabulary) == entries
    of_record = lw.from_feature_column(fc.categorical_column_with_vocabulary_file("k", str(path), num_oov_buckets=2))
    assert of_record == lw.categorical_column_with_vocabulary_file("k", str(path), 4, num_oov_buckets=2)
    assert table.lookup(tf.constant([*entries, "a\r"])).numpy().tolist() == [0, 1, 2, 3, -1]


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_of_shared_embeddings_has_one_table(version) -> None:
    share = fc.shared_embeddings if version == 2 else tf.compat.v1.feature_column.shared_embedding_columns
    with tf.Graph().as_default():
        theirs = share([ID("b", 5), ID("a", 5)], 3, combiner="sqrtn", max_norm=1.0)
        named = share([ID("c", 5)], 3, shared_embedding_collection_name="table")
    b, a = lw.from_feature_columns(theirs)
    assert (a, b) == tuple(
        reversed(lw.shared_embedding_columns([OUR_ID("b", 5), OUR_ID("a", 5)], 3, combiner="sqrtn", max_norm=1.0))
    )
    assert a.shared.name == "a_b_shared_embedding"
    assert [a.name, b.name] == [theirs[1].name, theirs[0].name]
    assert lw.from_feature_columns(named)[0].shared.name == "table"


@pytest.mark.parametrize(
    ("initializer", "config"),
    [
        (None, None),
        (tf.compat.v1.truncated_normal_initializer(mean=0.0, stddev=0.5), None),  # TensorFlow's own for dimension 4
        (
            tf.compat.v1.truncated_normal_initializer(stddev=0.1, seed=3),
            {"class_name": "TruncatedNormal", "config": {"mean": 0.0, "stddev": 0.1, "seed": 3}},
        ),
        (tf.compat.v1.zeros_initializer(), {"class_name": "Zeros", "config": {}}),
        (tf.initializers.RandomUniform(-1, 1), None),
        (tf.compat.v1.random_uniform_initializer(-1, 1), None),
        (tf.compat.v1.random_uniform_initializer(), {"class_name": "RandomUniform", "config": UNIFORM}),
        (tf.constant_initializer(np.ones((5, 4), "float32")), None),
        (tf.constant_initializer(np.float32(0.5)), {"class_name": "Constant", "config": {"value": 0.5}}),
        (tf.compat.v1.random_normal_initializer(stddev=2.0), None),
        (tf.compat.v1.ones_initializer(), None),
        (tf.compat.v1.glorot_uniform_initializer(), None),
        (tf.compat.v1.orthogonal_initializer(), None),
        (keras.initializers.HeNormal(seed=1), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_initializers_become_configs_that_keras_builds(initializer, config) -> None:
    column = lw.from_feature_column(fc.embedding_column(ID("k", 5), 4, initializer=initializer))
    if config is not None:
        assert column.initializer == config
    assert lw.EmbeddingColumn.model_validate_json(column.model_dump_json()) == column
    if column.initializer is not None:
        assert keras.initializers.get(column.initializer)((5, 4)).shape == (5, 4)


WRAPPERS = {
    "embedding": lambda ids, _: [lw.embedding_column(ids, 4)],
    "shared": lambda ids, _: lw.shared_embedding_columns([ids], 4),
    "shared twice": lambda ids, count: lw.shared_embedding_columns([ids, OUR_ID("other", count)], 4),
    "indicator": lambda ids, _: [lw.indicator_column(ids)],
}


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (ID("k", 5), OUR_ID("k", 5)),
        (HASH("k", 7), OUR_HASH("k", 7)),
        (LIST("k", ["a", "b"], num_oov_buckets=1), OUR_LIST("k", ["a", "b"], num_oov_buckets=1)),
        (fc.weighted_categorical_column(ID("k", 5), "w"), OUR_ID("k", 5, weight_key="w")),
        (V1_ID, OUR_ID("k", 5)),
    ],
    ids=["identity", "hash", "list", "weighted", "version 1"],
)
def test_our_wrappers_take_tensorflows_columns(wrap, theirs, ours) -> None:
    assert WRAPPERS[wrap](theirs, ours.num_buckets) == WRAPPERS[wrap](ours, ours.num_buckets)


def test_our_buckets_take_tensorflows_numbers() -> None:
    assert lw.sequence_bucketized_column(NUMERIC("k"), [1, 2]) == lw.sequence_bucketized_column(
        OUR_NUMERIC("k"), [1, 2]
    )


class Foreign:
    """A column of another library."""


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (fc.numeric_column("k"), "must be of type SequenceCategoricalColumn .* of lengthwise"),
        (fc.crossed_column(["a", "b"], 10), "must be of type SequenceCategoricalColumn .* of lengthwise"),
        (Foreign(), "expected (a column|columns) of lengthwise, such as .*, received <.*Foreign"),
        (tf.constant(1), "expected (a column|columns) of lengthwise, such as .*, received <tf.Tensor"),
    ],
    ids=["numeric", "crossed", "foreign", "tensor"],
)
@pytest.mark.parametrize("wrap", ["embedding", "indicator", "shared"])
def test_wrappers_report_unsuitable_columns_in_terms_of_python(wrap, ids, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        WRAPPERS[wrap](ids, 3)
    assert "kind: ..." not in str(caught.value)


def test_our_columns_pass_unchanged() -> None:
    column = OUR_NUMERIC("k", normalizer_fn=_half)
    assert lw.from_feature_column(column) is column


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "All feature_columns must be of type sequence_numeric_column, embedding_column"),
        (lambda: "watches", "Given (type <class 'str'>): 'watches'"),
        (
            lambda: fc.crossed_column(["a", "b"], 10),
            "Given (type <class 'tensorflow.python.feature_column.feature_column_v2.CrossedColumn'>)",
        ),
        (
            lambda: fc.indicator_column(fc.bucketized_column(fc.numeric_column("k"), [1])),
            "categorical_column must be of type SequenceCategoricalColumn",
        ),
        (
            lambda: fc.embedding_column(fc.crossed_column(["a", "b"], 3), 2),
            "categorical_column must be of type SequenceCategoricalColumn",
        ),
        (lambda: fc.numeric_column("k", normalizer_fn=_half), "expected no normalizer_fn in a context column"),
        (
            lambda: fc.numeric_column("k", shape=2, default_value=[1.0, 2.0]),
            "expected one default_value for all elements",
        ),
    ],
)
def test_other_objects_are_refused(make, message) -> None:
    with pytest.raises(ValueError, match=r"feature_columns must|categorical_column|numeric_column") as caught:
        lw.from_feature_column(make())
    assert isinstance(caught.value, ConfigError)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "columns", [{"k": OUR_NUMERIC("k")}, OUR_NUMERIC("k"), fc.sequence_numeric_column("k"), "k", 3, None]
)
def test_a_value_that_is_not_a_list_of_columns_is_refused(columns) -> None:
    with pytest.raises(
        ConfigError, match=f"feature_columns: expected a list of columns, received {type(columns).__name__}"
    ):
        lw.from_feature_columns(columns)
