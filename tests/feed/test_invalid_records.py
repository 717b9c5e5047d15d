"""The rules in tf.data are those of the job: the same verdicts and the same values on random specs and records."""

import os
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lengthwise import columns as lw
from lengthwise.columns import sequence_features
from lengthwise.config import Buckets, Inputs, JobConfig
from lengthwise.errors import ConfigError
from lengthwise.feed import read_raw
from lengthwise.feed.layouts.raw_layout import RawWindow
from lengthwise.feed.options.raw_job import RawJob
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.parsing.record_parser import wire_dtype
from lengthwise.feed.reading.raw_chunks import RawChunk
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.decoding.example_protos import Example, SequenceExample
from lengthwise.records.rows import block_rows
from lengthwise.records.rows.row_features import INDEX, LENGTH, step_features, with_numbers
from lengthwise.reject_reasons import RejectReason
from records import strategies
from records.messages import example, sequence_example, write_records
from records.oracle import Rules

UNPARSED = {RejectReason.UNPARSABLE, RejectReason.WRONG_DTYPE}


def parsers_may_differ(record: bytes, rules: Rules) -> bool:
    """Whether a record is one that no writer writes, on which protobuf and TensorFlow's own parsers may disagree.

    TensorFlow's parsers refuse unknown fields, and a repeated key in an entry of a map. And they accept a record whose
    maps exceed its end, if each of the features is complete.
    """
    kind = SequenceExample if rules.container == "sequence_example" else Example
    try:
        message = kind.FromString(record)
    except DecodeError:
        return tensorflow_takes(record, rules)
    message.DiscardUnknownFields()
    return message.ByteSize() != len(record)


def tensorflow_takes(record: bytes, rules: Rules) -> bool:
    specs = {column.key: tf.io.RaggedFeature(wire_dtype(column)) for column in sequence_features(rules.columns)}
    try:
        if rules.container == "sequence_example":
            tf.io.parse_sequence_example([record], None, specs)
        else:
            tf.io.parse_example([record], specs)
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):  # the message may quote bytes that are not text
        return False
    return True


def offline(rules: Rules, records: list[bytes]) -> tuple[dict[int, Any], Any]:
    """The job's result for the records: rejects by number, and rows."""
    block = Block(records, list(range(len(records))), [0] * len(records))
    refiner = block_rows.Refiner(block_rows.Rules(rules.columns, rules.container, rules.sequences, rules.longest))
    refined = refiner.refine(block, "file")
    return {reject.index: reject for reject in refined.rejects}, with_numbers(
        step_features(rules.columns), refined.rows
    )


class Online:
    """The feed's result for them."""

    def __init__(self, rules: Rules, records: list[bytes]) -> None:
        boundaries = (rules.longest,) if rules.longest is not None else None
        config = JobConfig(
            inputs=Inputs(format=rules.container),
            columns=rules.columns,
            sequences=rules.sequences,
            buckets=Buckets(boundaries=boundaries),
        )
        window = RawWindow(RawJob(config, "train"), Options(batch_size=4), ["file"], "skip")
        count = len(records)
        chunk = RawChunk(tf.constant(records), tf.zeros(count, tf.int32), tf.range(count, dtype=tf.int64))
        [(kept, parsed)] = window.parse(chunk)
        self.rows, verdicts = window._refiner.refine(parsed)
        self.positions = {int(index): position for position, index in enumerate(kept.index.numpy())}
        self.verdicts = [verdicts.names[code] if code >= 0 else "" for code in verdicts.codes.numpy()]

    def verdict(self, index: int) -> str:
        return self.verdicts[self.positions[index]] if index in self.positions else "unparsed"

    def values(self, key: str, index: int) -> np.ndarray:
        flat, position = self.rows.sequences[key], self.positions[index]
        return flat.values[flat.splits[position] : flat.splits[position + 1]].numpy()


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_verdicts_and_values_are_those_of_the_job(data: st.DataObject) -> None:
    rules = data.draw(strategies.rules().filter(lambda rules: rules.over_long != "window"))
    records = data.draw(st.lists(strategies.records(rules), min_size=1, max_size=12))
    rejects, rows = offline(rules, records)
    online = Online(rules, records)
    foreign = {i for i, record in enumerate(records) if parsers_may_differ(record, rules)}
    for index in set(range(len(records))) - foreign:
        reject = rejects.get(index)
        if reject is None:
            assert online.verdict(index) == "", records[index]
        elif reject.reason in UNPARSED:
            assert online.verdict(index) != ""
        elif reject.reason is RejectReason.WRONG_FORMAT:
            assert online.verdict(index).startswith("missing_feature")
        else:
            name = f"{reject.reason.value} ({reject.column})" if reject.column else reject.reason.value
            assert online.verdict(index) == name, records[index]
    for position, index in enumerate(rows.column(INDEX).to_pylist()):
        if index in foreign:
            continue
        assert int(online.rows.lengths[online.positions[index]]) == rows.column(LENGTH)[position].as_py()
        for key in online.rows.sequences:
            found = online.values(key, index)
            np.testing.assert_array_equal(found, np.array(rows.column(key)[position].as_py(), found.dtype))
        for key, values in online.rows.context.items():
            found = (
                values.numpy()[online.positions[index]].reshape(-1).tolist()
                if values.shape.rank > 1
                else [values.numpy()[online.positions[index]]]
            )
            np.testing.assert_array_equal(found, rows.column(key)[position].as_py())


def test_a_length_beyond_the_records_end_is_unparsable_to_the_job_alone() -> None:
    rules = Rules((lw.sequence_numeric_column("x"),), "sequence_example", longest=2)
    whole = sequence_example({"x": [0.5]})
    record = whole[:1] + bytes([whole[1] + 1]) + whole[2:]
    rejects, _ = offline(rules, [record])
    assert rejects[0].reason is RejectReason.UNPARSABLE
    assert tensorflow_takes(record, rules)
    online = Online(rules, [record])
    assert (online.verdict(0), online.values("x", 0).tolist()) == ("", [0.5])


@pytest.mark.parametrize("container", ["sequence_example", "example"])
@pytest.mark.parametrize(
    ("column", "value", "detail"),
    [
        (lw.sequence_numeric_column("x", dtype="int64", max_value=2**53), 2**53, ""),
        (
            lw.sequence_numeric_column("x", dtype="int64", max_value=2**53),
            2**53 + 1,
            "expected a number in (-inf, 9007199254740992], received 9007199254740993",
        ),
        (lw.sequence_numeric_column("x", dtype="int64", min_value=2**53 + 1), 2**53 + 1, ""),
        (
            lw.sequence_numeric_column("x", dtype="int64", min_value=2**53 + 1),
            2**53,
            "expected a number in [9007199254740993, inf), received 9007199254740992",
        ),
        (lw.context_column("x", dtype="int64", max_value=2**62), 2**62, ""),
        (
            lw.context_column("x", dtype="int64", max_value=2**62),
            2**62 + 1,
            "expected a number in (-inf, 4611686018427387904], received 4611686018427387905",
        ),
        (lw.sequence_numeric_column("x", dtype="int64"), 2**63 - 1, ""),
        (lw.sequence_numeric_column("x", dtype="int32"), 2**31 - 1, ""),
        (
            lw.sequence_numeric_column("x", dtype="int32"),
            2**31,
            "expected a number in [-2147483648, 2147483647], received 2147483648",
        ),
        (
            lw.sequence_numeric_column("x", dtype="int32", max_value=5),
            -(2**40),
            "expected a number in [-2147483648, 5], received -1099511627776",
        ),
        (
            lw.sequence_numeric_column("x", max_value=2.5),
            3.0,
            "expected a number in (-inf, 2.5], received 3.0",
        ),
    ],
)
def test_limits_are_exact_in_the_job_and_in_the_feed(column: Any, value: float, detail: str, container: str) -> None:
    of_record = isinstance(column, lw.ContextColumn)
    columns = (lw.sequence_numeric_column("s"), column) if of_record else (column,)
    steps, context = ({"s": [1.0]}, {"x": value}) if of_record else ({"x": [value]}, {})
    record = sequence_example(steps, context)
    if container == "example":
        record = example({**steps, **{key: [number] for key, number in context.items()}})
    rules = Rules(columns, container, longest=4)
    rejects, _ = offline(rules, [record])
    assert [(reject.reason, reject.detail) for reject in rejects.values()] == (
        [(RejectReason.OUT_OF_RANGE, detail)] if detail else []
    )
    assert Online(rules, [record]).verdict(0) == ("out_of_range (x)" if detail else "")


@pytest.mark.parametrize("default", [2**53 + 1, -(2**63), 2**63 - 1])
def test_absent_integers_become_the_exact_default(default: int) -> None:
    columns = (
        lw.sequence_numeric_column("s"),
        lw.sequence_numeric_column("x", dtype="int64", default_value=default, required=False),
        lw.context_column("c", dtype="int64", default_value=default),
    )
    rules = Rules(columns, "sequence_example", longest=4)
    record = sequence_example({"s": [1.0, 2.0]})
    rejects, rows = offline(rules, [record])
    assert not rejects
    assert (rows.column("x").to_pylist(), rows.column("c").to_pylist()) == ([[default] * 2], [[default]])
    online = Online(rules, [record])
    assert online.values("x", 0).tolist() == [default] * 2
    assert online.rows.context["c"].numpy().tolist() == [default]


COLUMNS = [
    lw.sequence_categorical_column_with_identity("item", 10),
    lw.sequence_numeric_column("value", max_value=1.0),
    lw.context_column("record", dtype="int64"),
]


def good(number: int) -> bytes:
    return sequence_example({"item": [1, 2], "value": [0.5, 0.5]}, {"record": number})


BAD = {
    "unparsable": b"\xff\xff\xff",
    "cut off": good(3)[:-1],
    "of another dtype": sequence_example({"item": [0.5, 0.5], "value": [0.5, 0.5]}, {"record": 3}),
    "an id too high": sequence_example({"item": [1, 10], "value": [0.5, 0.5]}, {"record": 3}),
    "out of range": sequence_example({"item": [1, 2], "value": [0.5, 1.5]}, {"record": 3}),
    "uneven": sequence_example({"item": [1, 2], "value": [0.5]}, {"record": 3}),
    "without a feature": sequence_example({"item": [1, 2]}, {"record": 3}),
    "empty": sequence_example({"item": [], "value": []}, {"record": 3}),
    "too large": sequence_example({"item": [1], "value": [0.5]}, {"record": 3, "other": "x" * 5000}),
}


LIMITS = {"max_record_bytes": 4000}


def job_of(path: str, **sections: Any) -> dict[str, Any]:
    return {"inputs": {"files": path}, "columns": COLUMNS, **sections}


def file_with(tmp_path: Any, bad: bytes) -> str:
    records = [good(number) for number in range(20)]
    return write_records(os.path.join(tmp_path, "raw.tfrecord"), [*records[:7], bad, *records[7:]])


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_record_is_an_error_that_names_it(tmp_path: Any, name: str) -> None:
    path = file_with(tmp_path, BAD[name])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"raw\.tfrecord.*\n?.*record.*\n?.*7") as error:
        list(read_raw(job_of(path, limits=LIMITS), batch_size=8))
    assert "invalid record" in str(error.value)


@pytest.mark.parametrize("name", BAD)
def test_invalid_records_are_skipped_on_request(tmp_path: Any, name: str, capfd: Any) -> None:
    path = file_with(tmp_path, BAD[name])
    dataset = read_raw(job_of(path, limits=LIMITS), batch_size=8, on_invalid="skip")
    found = sorted(number for batch in dataset for number in batch["record"].numpy().tolist())
    assert found == list(range(20))
    assert "skipped 1 invalid records" in capfd.readouterr().err


def test_windows_of_over_long_sequences_are_refused(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="`lengthwise prepare` can"):
        read_raw(job_of(file_with(tmp_path, good(1)), sequences={"over_long": "window"}), batch_size=8)
