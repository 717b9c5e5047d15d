"""Hostile records: each is rejected for a reason, or read as by protobuf, without effect on others or on memory."""

import base64
import math
import struct
import subprocess
import sys
from typing import Any

import pytest

from lengthwise import columns as lw
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.rows import block_rows
from lengthwise.reject_reasons import RejectReason
from records.messages import example, sequence_example
from records.oracle import Rules, judge
from records.wire import (
    BYTES,
    END,
    FIXED32,
    FIXED64,
    START,
    VARINT,
    entry,
    field,
    in_example,
    in_sequence,
    integers,
    steps,
    tag,
    varint,
)

COLUMNS = (lw.sequence_categorical_column_with_identity("id", 10), lw.sequence_numeric_column("x", required=False))
GOOD = {"sequence_example": sequence_example({"id": [1, 2]}), "example": example({"id": [1, 2]})}
LONGEST = 100
one_step = steps(integers(1))

SEQUENCES: dict[str, bytes] = {
    "no bytes": b"",
    "a key twice": in_sequence(entry(b"id", steps(integers(1))), entry(b"id", steps(integers(2), integers(3)))),
    "the lists twice": in_sequence(entry(b"id", one_step)) + in_sequence(entry(b"id", steps(integers(4)))),
    "a key that is not UTF-8": in_sequence(entry(b"id", one_step), entry(b"\xff\xfe", one_step)),
    "the column's key with a byte more": in_sequence(entry(b"id\xff", one_step), entry(b"id", one_step)),
    "an empty key": in_sequence(entry(b"", one_step), entry(b"id", one_step)),
    "a key of a megabyte": in_sequence(entry(b"k" * 2**20, one_step), entry(b"id", one_step)),
    "unpacked integers": in_sequence(entry(b"id", steps(field(3, tag(1, VARINT) + varint(5))))),
    "packed and unpacked integers": in_sequence(
        entry(b"id", steps(field(3, field(1, b"\x05") + tag(1, VARINT) + varint(6)), integers(1)))
    ),
    "integers in two packed parts": in_sequence(entry(b"id", steps(field(3, field(1, b"\x05") + field(1, b"\x06"))))),
    "a varint of 11 bytes": in_sequence(entry(b"id", steps(field(3, field(1, b"\xff" * 10 + b"\x01"))))),
    "a varint of 10 bytes, overflowing": in_sequence(entry(b"id", steps(field(3, field(1, b"\xff" * 9 + b"\x7f"))))),
    "a varint longer than necessary": in_sequence(entry(b"id", steps(field(3, field(1, b"\x85\x80\x80\x80\x00"))))),
    "a truncated varint": in_sequence(entry(b"id", steps(field(3, field(1, b"\x85"))))),
    "a length beyond the end": tag(2) + varint(2**31) + b"abc",
    "a length of 64 bits": tag(2) + varint(2**64 - 1) + b"abc",
    "a length longer than necessary": b"\x12\x8d\x80\x00" + entry(b"id", one_step),
    "lists as a varint": tag(2, VARINT) + varint(7),
    "lists as fixed bits": tag(2, FIXED64) + bytes(8) + tag(2, FIXED32) + bytes(4),
    "an entry as a varint": field(2, tag(1, VARINT) + varint(7)),
    "a step as a varint": in_sequence(entry(b"id", tag(1, VARINT) + varint(7))),
    "integers as fixed bits": in_sequence(entry(b"id", steps(field(3, tag(1, FIXED64) + bytes(8))))),
    "floats by halves": in_sequence(entry(b"id", one_step), entry(b"x", steps(field(2, field(1, b"abc"))))),
    "field number 0": in_sequence(entry(b"id", one_step)) + b"\x00\x01",
    "an unknown field": in_sequence(entry(b"id", one_step)) + field(99, b"hello"),
    "wire type 7": in_sequence(entry(b"id", one_step)) + tag(5, 7),
    "an open group": in_sequence(entry(b"id", one_step)) + tag(9, START),
    "the end of a group without its start": in_sequence(entry(b"id", one_step)) + tag(9, END),
    "10,000 nested groups": tag(9, START) * 10_000 + tag(9, END) * 10_000,
    "a step of three kinds": in_sequence(entry(b"id", steps(integers(9) + field(1, b"") + integers(2)))),
    "a step whose last kind is another": in_sequence(entry(b"id", steps(integers(1) + field(2, b"")))),
    "the kinds mixed from step to step": in_sequence(entry(b"id", steps(integers(1), field(2, field(1, bytes(4)))))),
    "values that look like headers": in_sequence(entry(b"id", steps(integers(10, 8, 3, 26, 6, 10, 4), integers(1)))),
    "context and list of one name": field(1, entry(b"id", integers(7))) + in_sequence(entry(b"id", one_step)),
    "100,000 undeclared features": in_sequence(
        *(entry(b"f%d" % number, one_step) for number in range(100_000)), entry(b"id", one_step)
    ),
    "100,000 undeclared context features": field(1, b"".join(entry(b"f%d" % n, integers(n)) for n in range(100_000)))
    + in_sequence(entry(b"id", one_step)),
    "100,000 times the same key": in_sequence(entry(b"id", one_step) * 100_000),
    "100,000 steps": in_sequence(entry(b"id", steps(integers(1)) * 100_000)),
    "100,000 empty steps": in_sequence(entry(b"id", b"\x0a\x00" * 100_000)),
    "100,000 values in one step": in_sequence(entry(b"id", steps(field(3, field(1, b"\x01" * 100_000))))),
    "bytes that C++ parses and Python does not": base64.b64decode(
        "EocBChQKAWESDwoGGgQKAgECCgUaAwoBAwoTCgFiEg4KBQoDCgEoCgUKAwoBeQohCgFjEhwKDBIKCggAAHkKIQoBYwAAAACAAAAAAAAAAAAAgD8K"
        "DBIKCggAAAAAAACAPwoYigFkEhMKBVoDCgEBCgoaCAoGgICAgIABCh3/////////CQoKCAAAAD/NzMywPQoIEgY6BAAAgD8="
    )[:138],
    "random bytes": bytes((number * 7919) % 251 for number in range(5000)),
    "a text": b"id,1\nid,2\n" * 100,
}
EXAMPLES: dict[str, bytes] = {
    "no bytes": b"",
    "a key twice": in_example(entry(b"id", integers(1)), entry(b"id", integers(2, 3))),
    "the features twice": in_example(entry(b"id", integers(1))) + in_example(entry(b"id", integers(4))),
    "a key that is not UTF-8": in_example(entry(b"id", integers(1)), entry(b"\xff\xfe", integers(1))),
    "unpacked integers": in_example(entry(b"id", field(3, tag(1, VARINT) + varint(5)))),
    "a varint of 11 bytes": in_example(entry(b"id", field(3, field(1, b"\xff" * 10 + b"\x01")))),
    "a truncated varint": in_example(entry(b"id", field(3, field(1, b"\x85")))),
    "a length beyond the end": tag(1) + varint(2**31) + b"abc",
    "features as a varint": tag(1, VARINT) + varint(7),
    "three kinds": in_example(entry(b"id", integers(9) + field(1, b"") + integers(2))),
    "100,000 undeclared features": in_example(
        *(entry(b"f%d" % number, integers(number)) for number in range(100_000)), entry(b"id", integers(1))
    ),
    "100,000 steps": in_example(entry(b"id", field(3, field(1, b"\x05" * 100_000)))),
    "10,000 nested groups": tag(9, START) * 10_000 + tag(9, END) * 10_000,
    "random bytes": bytes((number * 7919) % 251 for number in range(5000)),
}
ALL = [("sequence_example", name) for name in SEQUENCES] + [("example", name) for name in EXAMPLES]


def record_of(container: str, name: str) -> bytes:
    return (SEQUENCES if container == "sequence_example" else EXAMPLES)[name]


def refined(container: Any, records: list[bytes], columns: tuple[Any, ...] = COLUMNS) -> block_rows.Refined:
    block = Block(records, list(range(len(records))), [0] * len(records))
    return block_rows.Refiner(block_rows.Rules(columns, container, longest=LONGEST)).refine(block, "f")


@pytest.mark.parametrize(("container", "name"), ALL)
def test_a_hostile_record_is_rejected_or_read_as_by_protobuf(container, name):
    good, bad = GOOD[container], record_of(container, name)
    found = refined(container, [good, bad, good])
    outcome = judge(bad, Rules(COLUMNS, container, longest=LONGEST))
    written = found.rows.column("##index").to_pylist()
    assert [index for index in written if index != 1] == [0, 2]
    assert found.tally.read == found.tally.written + len(found.rejects) == 3
    if found.rejects:
        [reject] = found.rejects
        assert (reject.index, reject.raw) == (1, bad)
        assert len(reject.detail) < 1000
        assert outcome.faults or outcome.unclear, (reject, outcome)
    elif not outcome.unclear:
        [sequence] = outcome.sequences
        row = found.rows.column("id")[written.index(1)].as_py()
        assert row == [value for step in sequence["id"] for value in step]


def test_hostile_records_have_the_same_results_in_one_block():
    for container, cases in (("sequence_example", SEQUENCES), ("example", EXAMPLES)):
        records = [record for name, record in cases.items() if len(record) < 2**20]
        records = [each for record in records for each in (record, GOOD[container])]
        together = refined(container, records)
        alone = [refined(container, [record]) for record in records]
        assert [(one.index, one.reason, one.detail) for one in together.rejects] == [
            (index, one.rejects[0].reason, one.rejects[0].detail) for index, one in enumerate(alone) if one.rejects
        ]
        assert together.rows.column("id").to_pylist() == [
            row for one in alone for row in one.rows.column("id").to_pylist()
        ]


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, 0xFFC12345, 0x7FFFFFFF])
def test_every_nan_is_rejected_or_kept_if_it_is_allowed(bits):
    payload = struct.pack("<I", bits)
    bad = in_sequence(entry(b"id", one_step), entry(b"x", steps(field(2, field(1, payload)))))
    [reject] = refined("sequence_example", [bad]).rejects
    assert (reject.reason, reject.column) == (RejectReason.NOT_FINITE, "x")
    allowed = (COLUMNS[0], lw.sequence_numeric_column("x", finite=False))
    [[value]] = refined("sequence_example", [bad], allowed).rows.column("x").to_pylist()
    assert math.isnan(value)


def test_details_do_not_contain_large_values():
    words = (lw.sequence_categorical_column_with_vocabulary_list("w", ["a"], oov="error"),)
    [reject] = refined("sequence_example", [sequence_example({"w": ["<script>" + "x" * 10**6]})], words).rejects
    assert reject.reason is RejectReason.OUT_OF_VOCABULARY
    assert len(reject.detail) < 300


MEMORY = r"""
import resource, sys
sys.path[:0] = {paths!r}
from records.test_hostile import refined, SEQUENCES, EXAMPLES
from records.wire import entry, field, in_example, in_sequence, integers, steps
EXAMPLES["long"] = in_example(entry(b"id", field(3, field(1, b"\x05" * 10_000_000))))
SEQUENCES["long"] = in_sequence(entry(b"id", steps(integers(1)) * 5_000_000))
SEQUENCES["long and empty"] = in_sequence(entry(b"id", b"\x0a\x00" * 10_000_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for container, cases in (("sequence_example", SEQUENCES), ("example", EXAMPLES)):
    for record in cases.values():
        refined(container, [record])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024)
"""


def test_hostile_records_take_bounded_memory():
    script = MEMORY.format(paths=[path for path in sys.path if path])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 1000, f"{done.stdout} MiB"  # ten million steps; most take none


def test_the_constants_are_those_of_the_wire_format():
    assert (VARINT, FIXED64, BYTES, START, END, FIXED32) == (0, 1, 2, 3, 4, 5)
    assert in_sequence(entry(b"id", steps(integers(1), integers(2)))) == GOOD["sequence_example"]
