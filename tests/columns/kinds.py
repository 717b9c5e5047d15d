"""One column of each kind and notable setting: every contract runs over this list, so a new kind is tested by all."""

from lengthwise import columns as lw

IDENTITY = lw.sequence_categorical_column_with_identity("item", 10, oov="zero")
WEIGHTED = lw.sequence_categorical_column_with_identity(
    "tags", 7, default_value=3, weight_key="tag_weights", values_per_step=3, required=False
)
HASH = lw.sequence_categorical_column_with_hash_bucket("query", 1000)
INTEGER_HASH = lw.sequence_categorical_column_with_hash_bucket("code", 50, dtype="int64")
WORDS = lw.sequence_categorical_column_with_vocabulary_list("word", ["R", "no", "ü"], num_oov_buckets=2)
NUMBERS = lw.sequence_categorical_column_with_vocabulary_list("size", [3, -7, 0], default_value=1)
DEVICE = lw.categorical_column_with_vocabulary_list("device", ["phone", "tv"], num_oov_buckets=1)
TOPICS = lw.categorical_column_with_hash_bucket(
    "topics", 100, values_per_step=4, weight_key="topic_weights", required=False
)
PRICE = lw.sequence_numeric_column("price", min_value=0, max_value=9.5, default_value=-1.0)

ALL = (
    PRICE,
    lw.sequence_numeric_column("frame", shape=(2, 3), dtype="float64", finite=False, missing="previous", observed=True),
    lw.sequence_numeric_column("pixels", shape=(4,), decode={"dtype": "uint8", "scale": 0.5}),
    lw.sequence_numeric_column("count", dtype="int32", required=False, group="counts", from_="context"),
    lw.sequence_numeric_column("time", dtype="int64", min_value=0, max_value=2**62 + 1, default_value=2**53 + 1),
    lw.sequence_bytes_column("jpeg", required=False, max_bytes=2**20, group="film", from_="context"),
    lw.sequence_bucketized_column(lw.sequence_numeric_column("age"), [18, 30.5, 65]),
    IDENTITY,
    WEIGHTED,
    HASH,
    INTEGER_HASH,
    WORDS,
    NUMBERS,
    lw.embedding_column(IDENTITY, 4),
    lw.embedding_column(
        WORDS, 3, combiner="sqrtn", max_norm=1.5, trainable=False, initializer={"class_name": "Zeros", "config": {}}
    ),
    lw.embedding_column(lw.sequence_bucketized_column(PRICE, [1, 2]), 2, combiner="sum"),
    *lw.shared_embedding_columns([IDENTITY, lw.sequence_categorical_column_with_identity("seen", 10)], 5),
    lw.indicator_column(HASH),
    lw.categorical_column_with_identity("country", 250, default_value=0),
    DEVICE,
    lw.embedding_column(DEVICE, 2),
    lw.indicator_column(TOPICS),
    lw.context_column("label", dtype="int64", min_value=0, max_value=4),
    lw.context_column("born", dtype="int64", max_value=2**62 + 1, default_value=2**53 + 1),
    lw.context_column("vector", shape=(2, 2), default_value=0.5),
    lw.context_column("user", dtype="string", default_value=""),
)
