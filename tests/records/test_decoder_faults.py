"""The bugs of tfx-bsl's decoders, reproduced with these decoders, and the results of ours for the same bytes."""

import threading

import numpy as np
import pytest

from lengthwise import columns as lw
from lengthwise.columns import context_features, sequence_features
from lengthwise.config import RecordFormat
from lengthwise.errors import ConfigError
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.decoding.record_decoder import Decoder
from lengthwise.records.rows import block_rows
from lengthwise.reject_reasons import RejectReason
from records.messages import example, sequence_example
from records.wire import entry, field, in_sequence, steps

COLUMNS = [
    lw.sequence_categorical_column_with_identity("id", 2**62, oov="zero"),
    lw.sequence_numeric_column("x", dtype="int64"),
    lw.context_column("c", dtype="int64"),
]


def record(container: str, number: int, steps: int = 2) -> bytes:
    values = {"id": [number] * steps, "x": [-number] * steps}
    context = {"c": [number]}
    return example({**values, **context}) if container == "example" else sequence_example(values, context)


def good(container: str, count: int) -> list[bytes]:
    return [record(container, number) for number in range(count)]


def numbers(decoder: Decoder, records: list[bytes]) -> tuple[list[int], list[int], list[RejectReason]]:
    """The decoded rows, the context value of each, and the reasons for the other records."""
    decoded = decoder.decode(records)
    values = [value for [value] in decoded.batch.column("c").to_pylist()]
    return decoded.rows.tolist(), values, [fault.reason for fault in decoded.faults]


@pytest.fixture(params=["sequence_example", "example"])
def container(request: pytest.FixtureRequest) -> RecordFormat:
    return request.param


def test_no_row_of_a_failed_batch_appears_in_the_next(container):
    decoder = Decoder(COLUMNS, container)
    records = good(container, 4)
    rows, values, faults = numbers(decoder, [*records[:3], records[3][:-1]])
    assert (rows, values, faults) == ([0, 1, 2], [0, 1, 2], [RejectReason.UNPARSABLE])
    for _ in range(3):
        rows, values, faults = numbers(decoder, records)
        assert (rows, values, faults) == ([0, 1, 2, 3], [0, 1, 2, 3], [])


def test_left_over_rows_are_detected_by_their_number(container):
    decoder = Decoder(COLUMNS, container)
    records = good(container, 6)
    for _ in range(3):
        with pytest.raises(RuntimeError):  # the real coder, below ours, is broken
            decoder._coder.DecodeBatch([*records[:3], records[3][:-1]])
        rows, values, faults = numbers(decoder, records)
        assert (rows, values, faults) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], [])


def test_each_bad_record_is_rejected_and_no_other_is_lost(container):
    decoder = Decoder(COLUMNS, container)
    records = good(container, 64)
    bad = {0: b"\xff", 17: records[17][:-2], 18: b"\x0a\x05", 63: records[63] + b"\x0a"}
    rows, values, faults = numbers(decoder, [bad.get(place, kept) for place, kept in enumerate(records)])
    assert sorted(rows) == values == [place for place in range(64) if place not in bad]
    assert faults == [RejectReason.UNPARSABLE] * 4


def test_a_block_of_bad_records_has_no_rows(container):
    rows, values, faults = numbers(Decoder(COLUMNS, container), [b"\xff", b"\xfe", b"\xfd"])
    assert (rows, values, faults) == ([], [], [RejectReason.UNPARSABLE] * 3)


def test_an_empty_block_has_no_rows(container):
    assert numbers(Decoder(COLUMNS, container), []) == ([], [], [])


def refiner(container: RecordFormat) -> block_rows.Refiner:
    return block_rows.Refiner(block_rows.Rules(tuple(COLUMNS), container))


@pytest.mark.parametrize(
    ("container", "record_bytes", "reason"),
    [
        ("sequence_example", example({"id": [1], "x": [1], "c": [1]}), RejectReason.WRONG_FORMAT),
        ("example", sequence_example({"id": [1], "x": [1]}, {"c": [1]}), RejectReason.WRONG_FORMAT),
        ("sequence_example", b"", RejectReason.MISSING_FEATURE),
        ("example", b"", RejectReason.MISSING_FEATURE),
    ],
)
def test_records_of_the_other_format_and_without_bytes_are_rejected(container, record_bytes, reason):
    block = Block([record(container, 1), record_bytes], [0, 1], [0, 9])
    refined = refiner(container).refine(block, "f")
    assert [(reject.index, reject.reason) for reject in refined.rejects] == [(1, reason)]
    assert refined.rows.num_rows == 1


OF_EXAMPLES = """\
expected inputs.format sequence_example, the record is a tf.Example (features: 'c', 'id', 'x'); \
write `format: example`"""
OF_SEQUENCES = """\
expected inputs.format example, the record is a tf.SequenceExample (feature lists: 'id', 'x'); \
write `format: sequence_example`"""
IN_CONTEXT = """\
expected a feature list, the tf.SequenceExample has this feature in its context; read it by `kind: context`, or as \
a sequence by `from: context`, or write it as a feature list \
(feature lists: 'x', 'y0', 'y1', 'y2', 'y3', 'y4', 'y5', 'y6', 2 more; context: 'c', 'id')"""
IN_LISTS = """\
expected a feature of the context, the tf.SequenceExample has a feature list of this name; read it by a sequence \
column, without `from: context` (feature lists: 'c', 'id', 'x'; context: none)"""
NOWHERE = "expected the feature, the record has none"
LISTS = {"x": [1], **{f"y{number}": [1] for number in range(9)}}


@pytest.mark.parametrize(
    ("container", "record_bytes", "reason", "column", "detail"),
    [
        ("sequence_example", example({"id": [1], "x": [1], "c": [1]}), RejectReason.WRONG_FORMAT, "id", OF_EXAMPLES),
        ("example", sequence_example({"id": [1], "x": [1]}, {"c": [1]}), RejectReason.WRONG_FORMAT, "id", OF_SEQUENCES),
        (
            "sequence_example",
            sequence_example(LISTS, {"c": [1], "id": [1, 0, 1]}),
            RejectReason.MISSING_FEATURE,
            "id",
            IN_CONTEXT,
        ),
        (
            "sequence_example",
            sequence_example({"id": [1], "x": [1], "c": [1]}, {}),
            RejectReason.MISSING_FEATURE,
            "c",
            IN_LISTS,
        ),
        ("sequence_example", sequence_example({"x": [1]}, {"c": [1]}), RejectReason.MISSING_FEATURE, "id", NOWHERE),
    ],
)
def test_the_detail_says_in_which_other_place_a_feature_is(container, record_bytes, reason, column, detail):
    [reject] = refiner(container).refine(Block([record_bytes], [0], [0]), "f").rejects
    assert (reject.reason, reject.column, reject.detail) == (reason, column, detail)


def test_a_feature_with_the_name_of_the_decoders_struct_is_ignored():
    records = [sequence_example({"id": [1], "x": [1]}, {"c": [1], "##SEQUENCE##": [5]})]
    refined = refiner("sequence_example").refine(Block(records, [0], [0]), "f")
    assert (refined.rows.num_rows, refined.rejects) == (1, [])


@pytest.mark.parametrize("key", ["##SEQUENCE##", "##length", "##index"])
def test_columns_cannot_have_the_names_that_the_job_uses(key):
    for column in (lw.context_column(key), lw.sequence_numeric_column(key)):
        with pytest.raises(ConfigError, match="reserved"):
            (sequence_features([column]), context_features([column]))


WIDE = [0, 1, 2**28, 2**31 - 1, 2**31, 2**32 + 5, 2**35, 2**62, 2**63 - 1, -1, -(2**31), -(2**31) - 1, -(2**63)]


@pytest.mark.parametrize("steps", [[[value] for value in WIDE], [WIDE], [[], WIDE[:7], [], WIDE[7:]]])
def test_integers_keep_all_their_bits(container, steps):
    flat = [value for step in steps for value in step]
    whole = example({"id": flat, "x": flat, "c": [2**40]})
    if container == "sequence_example":
        whole = sequence_example({"id": steps, "x": steps}, {"c": [2**40]})
    block = [record(container, 1), whole, record(container, 2)]
    batch = Decoder(COLUMNS, container).decode(block).batch
    for key in ("id", "x"):
        column = batch.column(key) if container == "example" else batch.column("##SEQUENCE##").field(key)
        values = column.values if container == "example" else column.values.values
        assert values.to_pylist()[2:-2] == flat
        assert len(column) == 3
    assert batch.column("c").to_pylist() == [[1], [2**40], [2]]


def test_a_wide_integer_is_not_a_valid_id():
    columns = (lw.sequence_categorical_column_with_identity("id", 10),)
    records = [sequence_example({"id": [2**32 + 5]}), sequence_example({"id": [5]})]
    refined = block_rows.Refiner(block_rows.Rules(columns, "sequence_example")).refine(
        Block(records, [0, 1], [0, 1]), "f"
    )
    assert [(reject.index, reject.reason) for reject in refined.rejects] == [(0, RejectReason.ID_OUT_OF_RANGE)]
    assert str(2**32 + 5) in refined.rejects[0].detail


def test_integers_in_several_lists_of_one_step_are_read_as_by_protobuf():
    wide = b"\xff\xff\xff\xff\xff\x1f"  # 2**40 - 1
    step = field(3, field(1, b"\x07")) + field(2, b"") + field(3, field(1, wide))  # the last of a oneof counts
    columns = [lw.sequence_categorical_column_with_identity("id", 2**62)]
    batch = Decoder(columns, "sequence_example").decode([in_sequence(entry(b"id", steps(step)))]).batch
    assert batch.column("##SEQUENCE##").to_pylist() == [{"id": [[2**40 - 1]]}]


def test_only_a_list_that_the_parsers_disagree_on_is_rejected():
    step = field(3, field(1, b"\xff\xff\xff\xff\xff\x1f"))
    disputed = in_sequence(field(1, field(1, b"id") + field(2, steps(step)) + field(7, b"x")))
    columns = [lw.sequence_categorical_column_with_identity("id", 2**62)]
    decoded = Decoder(columns, "sequence_example").decode([sequence_example({"id": [1]}), disputed])
    assert [(fault.row, fault.reason) for fault in decoded.faults] == [(1, RejectReason.UNPARSABLE)]
    assert decoded.batch.column("##SEQUENCE##").to_pylist() == [{"id": [[1]]}]


def test_decoders_of_several_threads_do_not_disturb_each_other():
    records = [record("sequence_example", number, steps=5) for number in range(200)]
    found: list[object] = []

    def decode(shift: int) -> None:
        decoder = Decoder(COLUMNS, "sequence_example")
        mine = [*records[shift:], b"\xff", *records[:shift]]
        for _ in range(20):
            rows, values, faults = numbers(decoder, mine)
            found.append((len(rows), sorted(values) == list(range(200)), faults))

    threads = [threading.Thread(target=decode, args=(shift,)) for shift in (0, 50, 100, 150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(200, True, [RejectReason.UNPARSABLE])] * 80


def test_missing_lists_stay_missing_next_to_wide_integers():
    columns = [lw.sequence_numeric_column("a", dtype="int64", required=False), lw.sequence_numeric_column("b")]
    records = [sequence_example({"b": [1.0]}), sequence_example({"a": [2**40], "b": [1.0]})]
    batch = Decoder(columns, "sequence_example").decode(records).batch
    assert batch.column("##SEQUENCE##").to_pylist() == [{"a": None, "b": [[1.0]]}, {"a": [[2**40]], "b": [[1.0]]}]
    assert np.array_equal(batch.column("##SEQUENCE##").field("a").is_valid().to_numpy(False), [False, True])
