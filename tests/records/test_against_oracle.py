"""For random specs and random records, a block has the rows and rejects that the slow oracle computes."""

import struct
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lengthwise import columns as lw
from lengthwise.columns import IdentityColumn, VocabularyColumn
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.rows import block_rows
from lengthwise.records.rows.row_features import INDEX, LENGTH, WINDOW, absence_column, absence_keys, step_features
from lengthwise.reject_reasons import RejectReason
from records import strategies
from records.messages import sequence_example
from records.oracle import Outcome, Rules, judge


def refiner(rules: Rules) -> block_rows.Refiner:
    return block_rows.Refiner(block_rows.Rules(rules.columns, rules.container, rules.sequences, rules.longest))


def block_of(records: list[bytes]) -> Block:
    """A block of a file in which every other record cannot be read: the records have the numbers 1, 3, 5 and so on."""
    indices = [2 * place + 1 for place in range(len(records))]
    return Block(records, indices, [index * 100 for index in indices])


def same(values: list[object], expected: list[object]) -> bool:
    """Whether all values are equal. NaN equals NaN, and numbers of different types are compared by value."""
    if len(values) != len(expected):
        return False
    return all(one == other or (one != one and other != other) for one, other in zip(values, expected, strict=True))


def as_float32(value: object) -> object:
    return struct.unpack("<f", struct.pack("<f", value))[0] if isinstance(value, float) else value


def _as(dtype: str, value: Any) -> object:
    return as_float32(float(value)) if dtype == "<f4" else value if dtype == "bytes" else int(value)


def check_rows(rules: Rules, rows: pa.RecordBatch, places: list[int], outcome: Outcome) -> None:
    assert len(places) == len(outcome.sequences)
    widths = {step.key: (step.width, step.dtype) for step in step_features(rules.columns)}
    leading = {step.key for step in step_features(rules.columns) if step.length == LENGTH}
    for window, (place, expected) in enumerate(zip(places, outcome.sequences, strict=True)):
        assert rows.column(WINDOW)[place].as_py() == window
        lengths = {len(steps) for key, steps in expected.items() if key in leading}
        assert {rows.column(LENGTH)[place].as_py()} == lengths
        for key, values in expected.items():
            written = rows.column(key)[place].as_py()
            if key in widths:
                width, dtype = widths[key]
                assert len(written) == width * len(values)
                values = [_as(dtype, value) for step in values for value in step]
            assert same(written, values), f"{key}: expected {values}, received {written}"
        for key in absence_keys(rules.columns):
            assert rows.column(absence_column(key))[place].as_py() == (key in outcome.absent)


def test_windows_are_not_confused_with_rejected_records() -> None:
    columns = (lw.sequence_categorical_column_with_identity("a", 9), lw.sequence_numeric_column("b", required=False))
    rules = Rules(columns, "sequence_example", over_long="window", longest=3, overlap=1)
    rejected, written = sequence_example({"a": [99]}), sequence_example({"a": [1, 2, 3, 4, 5]})
    rows = refiner(rules).refine(block_of([rejected, written]), "f").rows
    assert rows.column("a").to_pylist() == [[1, 2, 3], [3, 4, 5]]


@pytest.mark.parametrize(
    ("over_long", "lengths", "truncated", "windowed"),
    [
        ("truncate_right", (9, 7), 1, 0),
        ("truncate_left", (7, 9), 1, 0),
        ("truncate_right", (3, 2), 1, 0),
        ("truncate_right", (9, 9), 1, 0),
        ("truncate_right", (4, 4), 0, 0),
        ("window", (9, 7), 1, 1),
        ("window", (9, 9), 0, 1),
        ("window", (9, 2), 1, 0),
    ],
)
def test_a_record_that_is_truncated_for_two_reasons_is_counted_once(over_long, lengths, truncated, windowed) -> None:
    columns = (lw.sequence_categorical_column_with_identity("a", 9), lw.sequence_numeric_column("b"))
    rules = Rules(columns, "sequence_example", mismatch="truncate", over_long=over_long, longest=4)
    record = sequence_example({"a": [1] * lengths[0], "b": [1.0] * lengths[1]})
    tally = refiner(rules).refine(block_of([record]), "f").tally
    assert (tally.written, tally.truncated, tally.windowed) == (1, truncated, windowed)


@pytest.mark.parametrize(
    "column",
    [
        lw.sequence_categorical_column_with_identity("id", 10),
        lw.sequence_categorical_column_with_identity("id", 10, default_value=3),
        lw.sequence_categorical_column_with_hash_bucket("id", 10, dtype="int64"),
        *(
            VocabularyColumn.make(key="id", vocabulary_list=(1, 2), dtype="int64", **fields)
            for fields in (
                {"oov": "error"},
                {"oov": "zero"},
                {"oov": "default", "default_value": 0},
                {"num_oov_buckets": 2},
            )
        ),
        IdentityColumn.make(key="id", num_buckets=10, values_per_step=3),
    ],
    ids=lambda column: f"{column.kind} {getattr(column, 'oov', '')} {column.values_per_step}",
)
def test_a_step_without_a_value_has_the_missing_id_and_is_counted(column: Any) -> None:
    rules = Rules((column,), "sequence_example")
    records = [sequence_example({"id": steps}) for steps in ([[1], [], [2]], [[], []], [[1], [2]])]
    refined = refiner(rules).refine(block_of(records), "some/file")
    assert (refined.tally.written, refined.rejects) == (3, [])
    assert refined.tally.repaired == {"id": 3}
    width = column.values_per_step
    assert refined.rows.column("id").to_pylist()[1] == [-1] * 2 * width
    assert sum((Counter(judge(record, rules).repaired) for record in records), Counter()) == {"id": 3}


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_block_has_the_rows_and_rejects_of_the_oracle(data: st.DataObject) -> None:
    rules = data.draw(strategies.rules())
    tidy = data.draw(st.booleans())  # blocks of tidy records are read by another decoder
    records = data.draw(st.lists(strategies.records(rules, tidy), max_size=12))
    block = block_of(records)
    refined = refiner(rules).refine(block, "some/file")
    outcomes = dict(zip(block.indices, (judge(record, rules) for record in records), strict=True))
    rejects = {reject.index: reject for reject in refined.rejects}
    indices = refined.rows.column(INDEX).to_pylist()

    assert refined.tally.read == len(records) == refined.tally.written + len(refined.rejects)
    assert refined.tally.sequences == len(indices)
    assert refined.tally.written == len(set(indices))
    assert set(rejects) | set(indices) == set(outcomes)
    assert [reject.index for reject in refined.rejects] == sorted(rejects)
    for index, outcome in outcomes.items():
        if outcome.unclear:
            continue
        if index in rejects:
            check_reject(rejects[index], outcome, index, records[block.indices.index(index)])
        else:
            assert not outcome.faults
            check_rows(rules, refined.rows, [p for p, found in enumerate(indices) if found == index], outcome)
    if not any(outcome.unclear for outcome in outcomes.values()):
        repaired = sum((Counter(outcome.repaired) for outcome in outcomes.values()), Counter())
        assert +refined.tally.repaired == repaired
        assert refined.tally.truncated == sum(outcome.truncated for outcome in outcomes.values())
        assert refined.tally.windowed == sum(len(outcome.sequences) > 1 for outcome in outcomes.values())


def check_reject(reject: block_rows.Reject, outcome: Outcome, index: int, record: bytes) -> None:
    assert (reject.file, reject.index, reject.offset, reject.raw) == ("some/file", index, index * 100, record)
    if reject.reason is RejectReason.WRONG_FORMAT:  # a missing feature, found where the other format has it
        assert any(reason is RejectReason.MISSING_FEATURE for reason, _ in outcome.faults)
        return
    assert (reject.reason, reject.column) in outcome.faults, (reject, outcome)
    assert reject.reason is outcome.reason or RejectReason.WRONG_DTYPE in (reject.reason, outcome.reason)
    assert reject.detail


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_records_have_the_same_result_alone_and_together(data: st.DataObject) -> None:
    rules = data.draw(strategies.rules())
    records = data.draw(st.lists(strategies.records(rules), min_size=1, max_size=8))
    ours = refiner(rules)
    together = ours.refine(block_of(records), "f")
    reasons = {reject.index: (reject.reason, reject.column, reject.detail) for reject in together.rejects}
    sequences = np.array(together.rows.column(INDEX).to_numpy())
    for place, record in enumerate(records):
        block = Block([record], [2 * place + 1], [0])
        alone = ours.refine(block, "f")
        assert {r.index: (r.reason, r.column, r.detail) for r in alone.rejects} == {
            index: reason for index, reason in reasons.items() if index == 2 * place + 1
        }
        assert alone.rows.num_rows == int((sequences == 2 * place + 1).sum())
