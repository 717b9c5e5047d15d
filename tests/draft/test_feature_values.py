"""Features that are read as arrays have the values that protobuf reads from each of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise.draft import draft_config
from lengthwise.draft.feature_values import KINDS, read_feature_lists, read_features
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Feature, FeatureList, RawRecord
from records.messages import example

_VALUES = {
    "bytes_list": st.binary(max_size=200),
    "float_list": st.floats(width=32, allow_nan=False),
    "int64_list": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9),
}


@st.composite
def _features(draw, kinds):
    feature = Feature()
    kind = draw(kinds)
    if kind:
        values = getattr(feature, kind)
        values.SetInParent()
        values.value.extend(draw(st.lists(_VALUES[kind], max_size=draw(st.sampled_from([1, 2, 30])))))
    return feature


def _of_one_kind(build):
    """Mostly features of one kind, as writers make them."""
    return st.sampled_from(KINDS).flatmap(lambda kind: build(_features(st.just(kind)))) | build(
        _features(st.sampled_from([*KINDS, ""]))
    )


def _check(read, records) -> None:
    """`records`: the features of each."""
    steps = [feature for record in records for feature in record]
    kinds = [feature.WhichOneof("kind") for feature in steps]
    values = [list(getattr(step, kind).value) if kind else [] for step, kind in zip(steps, kinds, strict=True)]
    assert read.steps.tolist() == [len(record) for record in records]
    assert read.kinds.tolist() == [KINDS.index(kind) if kind else -1 for kind in kinds]
    assert read.widths.tolist() == list(map(len, values))
    for position, name in enumerate(KINDS):
        expected = [value for kind, of_step in zip(kinds, values, strict=True) if kind == name for value in of_step]
        assert (read.values[position].tolist() if position in read.values else []) == expected
    assert read.unreadable == []


@settings(max_examples=200)
@given(_of_one_kind(lambda feature: st.lists(st.lists(feature, max_size=5), max_size=6)))
def test_feature_lists(records) -> None:
    _check(read_feature_lists([FeatureList(feature=record).SerializeToString() for record in records]), records)


@settings(max_examples=200)
@given(_of_one_kind(lambda feature: st.lists(feature, max_size=6)))
def test_features(records) -> None:
    _check(read_features([record.SerializeToString() for record in records]), [[record] for record in records])


@pytest.mark.parametrize("key", ["x", "y", "z"])
def test_a_record_with_a_damaged_feature_is_not_used(tmp_path, key) -> None:
    content = [example({"x": range(number), "y": range(number)}) for number in range(1, 6)]
    damaged = RawRecord.FromString(content[-1])
    damaged.context.feature[key] = b"\x1a\x7f"
    (tmp_path / "in.tfrecord").write_bytes(frame([*content[:2], damaged.SerializeToString(), *content[2:]]))
    text = draft_config([f"{tmp_path}/in.tfrecord"])
    assert "from all 5 records" in text
    assert "# 1 records were damaged or of another format" in text
    assert "# Lengths: 1 to 5 steps" in text
