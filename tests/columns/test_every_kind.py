"""Properties of columns of every kind."""

import json
import pickle

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from columns.kinds import ALL, DEVICE, TOPICS
from lengthwise import columns as lw
from lengthwise.columns import Column
from lengthwise.errors import ConfigError

ADAPTER = TypeAdapter(Column)
every_kind = pytest.mark.parametrize("column", ALL, ids=lambda column: f"{column.kind}-{column.name}")


@every_kind
def test_json_yaml_and_pickle_give_the_column_back(column) -> None:
    fields = ADAPTER.dump_python(column, mode="json")
    assert ADAPTER.validate_python(fields) == column
    assert ADAPTER.validate_python(json.loads(json.dumps(fields))) == column
    assert ADAPTER.validate_python(yaml.safe_load(yaml.safe_dump(fields))) == column
    assert pickle.loads(pickle.dumps(column)) == column


@every_kind
def test_columns_are_values(column) -> None:
    copy = column.model_copy(deep=True)
    assert copy == column
    assert hash(copy) == hash(column)
    assert len({copy, column}) == 1
    with pytest.raises(ValidationError):
        column.kind = "other"


@every_kind
def test_unknown_fields_are_refused(column) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ADAPTER.validate_python({**column.model_dump(), "colour": 3})


@every_kind
def test_looked_up_columns_keep_names_features_and_sizes(column) -> None:
    [after] = lw.looked_up([column])
    assert after.name == column.name
    assert getattr(after, "num_elements", None) == getattr(column, "num_elements", None)
    assert getattr(after, "num_buckets", None) == getattr(column, "num_buckets", None)
    assert lw.looked_up([after]) == (after,)
    before, feature = lw.feature_of(column), lw.feature_of(after)
    assert (feature.key, feature.required) == (before.key, before.required)
    assert feature.kind not in ("hash", "vocabulary")
    if feature.kind == "identity":
        assert (feature.oov, feature.per, feature.weight_key, feature.values_per_step) == (
            "zero",
            before.per,
            before.weight_key,
            before.values_per_step,
        )


@every_kind
def test_each_reads_one_feature(column) -> None:
    feature = lw.feature_of(column)
    is_context = isinstance(feature, lw.ContextColumn) or getattr(feature, "per", "step") == "record"
    assert lw.is_context(column) == is_context
    assert lw.sequence_features([column]) == (() if is_context else (feature,))
    assert lw.raw_context([column]) == ((feature,) if is_context else ())


@every_kind
def test_batches_contain_the_same_for_raw_and_looked_up_features(column) -> None:
    context = lw.context_features([column])
    assert context == lw.context_features(lw.looked_up([column]))
    assert [feature.key for feature in context] == sorted(feature.key for feature in context)
    assert bool(context) == lw.is_context(column)


def test_batches_contain_ids_weights_and_number_of_ids_of_the_record() -> None:
    context = {
        feature.key: (feature.dtype, feature.shape, feature.required)
        for feature in lw.context_features([DEVICE, TOPICS])
    }
    assert context == {
        "device": ("int64", (), True),
        "topics": ("int64", (4,), True),
        "topic_weights": ("float32", (4,), False),
        "topics_count": ("int64", (), True),
    }
    with pytest.raises(ConfigError, match="'topics_count' by different rules"):
        lw.context_features([TOPICS, lw.context_column("topics_count", dtype="int64")])


def test_every_kind_is_in_the_list() -> None:
    mapping = ADAPTER.json_schema()["discriminator"]["mapping"]
    assert {column.kind for column in ALL} == set(mapping)


def test_the_public_names_are_sorted_and_exist() -> None:
    assert lw.__all__ == sorted(lw.__all__, key=lambda name: (name.upper() != name, name[0].islower(), name))
    assert all(hasattr(lw, name) for name in lw.__all__)
