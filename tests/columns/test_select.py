"""Which features a list of columns reads, and the conflicts in it."""

import pytest

from lengthwise import columns as lw
from lengthwise.errors import ConfigError

ID = lw.sequence_categorical_column_with_identity
NUMERIC = lw.sequence_numeric_column


def test_features_are_distinct_and_sorted_regardless_of_wrappers() -> None:
    item = ID("item", 3)
    chosen = [
        lw.context_column("z"),
        lw.indicator_column(item),
        NUMERIC("price"),
        lw.embedding_column(item, 2),
        lw.sequence_bucketized_column(NUMERIC("age"), [1]),
        lw.context_column("b"),
        item,
    ]
    assert [feature.key for feature in lw.sequence_features(chosen)] == ["age", "item", "price"]
    assert [feature.key for feature in lw.context_features(chosen)] == ["b", "z"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([NUMERIC("a"), NUMERIC("a", shape=2, max_value=3)], "(shape [1] and [2], max_value null and 3.0)"),
        ([NUMERIC("a"), ID("a", 3)], "(kind numeric and kind identity)"),
        ([lw.embedding_column(ID("a", 3), 2), lw.indicator_column(ID("a", 4))], "(num_buckets 3 and 4)"),
        ([NUMERIC("a"), lw.context_column("a")], "(kind numeric and kind context)"),
        ([ID("b", 3, weight_key="a"), NUMERIC("a")], "(the weights of 'b' and kind numeric)"),
        ([ID("b", 3, weight_key="a"), ID("c", 3, weight_key="a")], "(the weights of 'b' and the weights of 'c')"),
    ],
)
def test_a_feature_has_one_rule(columns, message) -> None:
    expected = (
        f"columns: two columns read the feature 'a' by different rules {message}; "
        "give both the same definition, or let one of them read a different feature"
    )
    for select in (lw.sequence_features, lw.context_features):
        with pytest.raises(ConfigError) as caught:
            select(columns)
        assert str(caught.value) == expected


@pytest.mark.parametrize(
    "column",
    [NUMERIC("sequence_length"), lw.context_column("sequence_length"), ID("a", 3, weight_key="sequence_length")],
)
def test_the_key_of_the_lengths_is_reserved(column) -> None:
    with pytest.raises(ConfigError, match="the key 'sequence_length' is reserved"):
        lw.sequence_features([column])
