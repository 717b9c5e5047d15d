"""The reader of usual tf.SequenceExamples: it reads them as protobuf does, and omits all other records."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise.records.decoding.wire_reader import UsualBlock, WireReader
from records.messages import Empty, sequence_example

KINDS = {"i": "int64", "f": "float", "b": "bytes"}
VALUES = {
    "i": st.one_of(st.integers(0, 300), st.integers(-(2**63), 2**63 - 1), st.sampled_from([10, 26, 8, 6, 4, 2**28])),
    "f": st.floats(width=32),
    "b": st.one_of(st.binary(max_size=6), st.just(b"\n\x08\n\x06\n\x04"), st.binary(min_size=120, max_size=140)),
    "other": st.integers(0, 5),
}


@st.composite
def usual_records(draw: Any) -> list[bytes]:
    def steps(key: str) -> list[Any]:
        width = draw(st.sampled_from([1, 1, 2, 40])) if key != "b" else 1
        short = VALUES[key] if key != "b" else st.binary(max_size=draw(st.sampled_from([3, 6])))
        return draw(st.lists(st.lists(short, min_size=1, max_size=width), max_size=6))

    records = []
    for number in range(draw(st.integers(1, 5))):
        keys = draw(st.sets(st.sampled_from(sorted(VALUES)), min_size=1))
        context = {"c": number} if draw(st.booleans()) else {}
        records.append(sequence_example({key: steps(key) for key in sorted(keys)}, context))
    return records


def as_protobuf_reads(records: list[bytes]) -> str:
    messages = [SequenceExample.FromString(record).feature_lists.feature_list for record in records]

    def steps(message: Any, key: str, kind: str) -> Any:
        if key not in message:
            return None
        return [list(getattr(step, f"{kind}_list").value) for step in message[key].feature]

    return repr({key: [steps(message, key, kind) for message in messages] for key, kind in KINDS.items()})


def as_read(block: UsualBlock) -> str:
    # As a string, because NaN does not equal itself.
    for lists in block.lists.values():
        lists.validate(full=True)
    return repr({key: block.lists[key].to_pylist() for key in KINDS})


@given(usual_records())
@settings(max_examples=150)
def test_usual_records_are_read_as_by_protobuf(records: list[bytes]) -> None:
    block = WireReader(KINDS).read(records)
    if block is not None:
        records = [records[row] for row in block.rows]
        assert as_read(block) == as_protobuf_reads(records)
        assert [SequenceExample.FromString(context).context for context in block.contexts] == [
            SequenceExample.FromString(record).context for record in records
        ]


@given(usual_records(), st.data())
@settings(max_examples=300)
def test_damaged_records_are_read_as_by_protobuf_or_omitted(records: list[bytes], data: Any) -> None:
    intact = list(records)
    for row in data.draw(st.sets(st.integers(0, len(records) - 1), min_size=1, max_size=2)):
        record = bytearray(records[row])
        place = data.draw(st.integers(0, max(0, len(record) - 1)))
        if record:
            record[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        records[row] = bytes(record)
    alone = WireReader(KINDS).read(intact)
    block = WireReader(KINDS).read(records)
    if block is not None and all(map(can_be_read, block.contexts)):  # tfx-bsl parses the contexts
        assert as_read(block) == as_protobuf_reads([records[row] for row in block.rows])
        assert alone is None or len(alone.rows) < len(intact) or len(block.rows) >= (len(records) + 1) // 2


def can_be_read(record: bytes) -> bool:
    try:
        SequenceExample.FromString(record)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize("values", [[0, 1, 2], [5, 300, 70_000], [-1, 2**63 - 1, 2**40], [10, 26, 10]])
def test_integers_of_every_size_are_read(values: list[int]) -> None:
    records = [sequence_example({"i": values, "f": [1.0, 2.0, 3.0], "b": [b"x", b"yy", b""]}, {"c": 1})] * 3
    block = WireReader(KINDS).read(records)
    assert block is not None
    assert as_read(block) == as_protobuf_reads(records)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"", "nothing"),
        (sequence_example({"i": [[1], []]}), "a step without a value"),
        (sequence_example({"i": [Empty("float")]}), "a step of another kind"),
        (sequence_example({"b": [[b"x", b"y"]]}), "two strings in a step"),
        (sequence_example({"i": [1]}) * 2, "a message merged from two"),
        (sequence_example({"i": [1]}) + b"\x1a\x00", "an unknown field"),
        (sequence_example({"i": [1]})[:-1], "truncated"),
        (sequence_example({"z": [Empty("int64")]}), "an undeclared list without a value"),
    ],
)
@pytest.mark.parametrize("others", [{}, {"f": [[0.5] * 40] * 2}, {"b": [b"x" * 7, b"y"], "z": [3]}])
def test_only_records_of_other_forms_are_omitted(record: bytes, why: str, others: dict[str, Any]) -> None:
    records = [sequence_example({"i": [number, 300, 2**40], **others}, {"c": number}) for number in range(9)]
    records[1:1], records[5:5] = [record], [record, record]
    block = WireReader(KINDS).read(records)
    assert block is not None
    assert block.rows.tolist() == [place for place in range(12) if place not in (1, 5, 6)], why
    assert as_read(block) == as_protobuf_reads([records[row] for row in block.rows])
    assert WireReader(KINDS).read([record] * 3 + records[-2:]) is None, why


def test_after_several_unusual_blocks_few_of_the_next_are_tried() -> None:
    reader = WireReader(KINDS)
    usual, unusual = [sequence_example({"i": [1]})], [b"\x00"]
    for _ in range(3):
        assert reader.read(unusual) is None
    assert reader.read(usual) is not None  # counted from here again
    for _ in range(4):
        assert reader.read(unusual) is None
    tried = [reader.read(usual) is not None for _ in range(32)]
    assert tried.index(True) < 16
    assert all(tried[tried.index(True) :])


def test_a_few_hundred_undeclared_lists_are_skipped() -> None:
    others = {f"other{number}": [number] for number in range(200)}
    assert WireReader(KINDS).read([sequence_example({"i": [1], **others})] * 3) is not None


def test_a_block_whose_records_all_have_different_keys_is_not_read() -> None:
    records = [sequence_example({"i": [1], f"other{number}": [1]}) for number in range(1024)]
    assert WireReader(KINDS).read(records) is None  # each key takes memory for all the records
