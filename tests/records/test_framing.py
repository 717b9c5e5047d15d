"""Damaged TFRecord files: records before the damage are read, its position is reported, nothing hangs."""

import gzip
import io
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise.records.container.frame_reading import BLOCK_RECORDS, KEPT_BYTES, read_blocks
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.container.record_blocks import Block, Damage
from lengthwise.reject_reasons import RejectReason
from records.messages import framed, header, offsets

RECORDS = [bytes([number]) * size for number, size in enumerate([5, 0, 300, 1, 70_000, 40])]
INTACT = b"".join(map(framed, RECORDS))
STARTS = offsets(RECORDS)


def read(content: bytes, **options: object) -> tuple[list[bytes], list[Damage], list[Block]]:
    blocks = list(read_blocks(io.BytesIO(content), **options))  # type: ignore[arg-type]
    return [one for block in blocks for one in block.records], [one for b in blocks for one in b.damage], blocks


def flip(content: bytes, byte: int, bit: int = 0) -> bytes:
    return content[:byte] + bytes([content[byte] ^ (1 << bit)]) + content[byte + 1 :]


def test_intact_files_are_read_completely():
    for content in (INTACT, gzip.compress(INTACT), zlib.compress(INTACT), frame(RECORDS)):
        records, damage, blocks = read(content)
        assert (records, damage) == (RECORDS, [])
        assert [offset for block in blocks for offset in block.offsets] == STARTS
        assert [index for block in blocks for index in block.indices] == list(range(6))
        assert blocks[-1].position == len(INTACT)


def test_an_empty_file_has_no_records_and_no_damage():
    for options in ({}, {"compression": "none"}, {"compression": "gzip"}, {"compression": "zlib"}):
        assert read(b"", **options) == ([], [], [])
    for empty in (gzip.compress(b""), zlib.compress(b"")):
        assert read(empty)[:2] == ([], [])


@pytest.mark.parametrize("number", range(len(RECORDS)))
@pytest.mark.parametrize("bit", [0, 7])
def test_a_wrong_bit_in_the_data_affects_only_that_record(number, bit):
    if not RECORDS[number]:
        return
    byte = STARTS[number] + 12 + len(RECORDS[number]) // 2
    records, [damage], _ = read(flip(INTACT, byte, bit))
    assert records == RECORDS[:number] + RECORDS[number + 1 :]
    assert (damage.reason, damage.index, damage.offset) == (RejectReason.DAMAGED_RECORD, number, STARTS[number])
    assert damage.raw == flip(RECORDS[number], len(RECORDS[number]) // 2, bit)


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_a_wrong_bit_in_the_checksum_of_the_data_affects_only_that_record(number):
    records, [damage], _ = read(flip(INTACT, STARTS[number] + 12 + len(RECORDS[number])))
    assert records == RECORDS[:number] + RECORDS[number + 1 :]
    assert (damage.reason, damage.index, damage.raw) == (RejectReason.DAMAGED_RECORD, number, RECORDS[number])


@pytest.mark.parametrize("number", range(len(RECORDS)))
@pytest.mark.parametrize("byte", range(12))
def test_a_wrong_bit_in_a_length_or_its_checksum_ends_the_file_there(number, byte):
    records, [damage], _ = read(flip(INTACT, STARTS[number] + byte, 3))
    assert records == RECORDS[:number]
    assert (damage.reason, damage.index, damage.offset) == (RejectReason.DAMAGED_FILE, number, STARTS[number])
    assert damage.raw == flip(INTACT, STARTS[number] + byte, 3)[STARTS[number] :][:KEPT_BYTES]


@pytest.mark.parametrize("beyond", [1, 8, 11, 12, 13, 200, 300 + 15])
def test_the_records_before_a_truncated_one_are_read(beyond):
    content = INTACT[: STARTS[2] + beyond]
    records, [damage], _ = read(content)
    assert records == RECORDS[:2]
    assert (damage.reason, damage.index, damage.offset) == (RejectReason.DAMAGED_FILE, 2, STARTS[2])
    assert f"{beyond} bytes" in damage.detail


@pytest.mark.parametrize(
    "content",
    [b"hello, this is a text file\n" * 9, b"x", b"\x1f\x8b", b"\x1f\x8b\x08broken", b"\x78\x9c", b"\x78\x9c\x03"],
)
def test_a_file_of_another_kind_is_reported_as_damage_at_its_start(content):
    records, [damage], _ = read(content)
    assert records == []
    assert (damage.reason, damage.index, damage.offset) == (RejectReason.DAMAGED_FILE, 0, 0)


COMPRESSED = {"gzip": (gzip.compress, 31), "zlib": (zlib.compress, 15)}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_every_complete_record_of_a_truncated_compressed_file_is_read(share, kind):
    compress, window = COMPRESSED[kind]
    rng = random.Random(share)
    records = [rng.randbytes(900) for _ in range(300)]
    whole = compress(b"".join(map(framed, records)))
    content = whole[: int(len(whole) * share)]
    found, [damage], _ = read(content)
    plain = zlib.decompressobj(window).decompress(content)
    assert found == records[: len(plain) // 916]
    assert (damage.reason, damage.index) == (RejectReason.DAMAGED_FILE, len(found))
    assert f"the {kind} stream is truncated" in damage.detail


@pytest.mark.parametrize(
    ("kind", "missing"), [("gzip", count) for count in range(1, 9)] + [("zlib", count) for count in range(1, 5)]
)
def test_all_records_of_a_compressed_file_without_its_checksum_are_read_and_it_is_damage(kind, missing):
    records, [damage], _ = read(COMPRESSED[kind][0](INTACT)[:-missing])
    assert records == RECORDS
    assert (damage.reason, damage.index) == (RejectReason.DAMAGED_FILE, 6)


def obtainable(compressed: bytes, window: int) -> bytes:
    """All bytes that zlib returns before it fails, decompressed byte by byte."""
    inflater, plain = zlib.decompressobj(window), b""
    try:
        for place in range(len(compressed)):
            plain += inflater.decompress(compressed[place : place + 1])
    except zlib.error:
        pass
    return plain


@pytest.mark.parametrize("kind", COMPRESSED)
def test_the_records_before_a_wrong_bit_in_a_compressed_file_are_read(kind):
    compress, window = COMPRESSED[kind]
    rng = random.Random(0)
    records = [rng.randbytes(900) for _ in range(300)]
    whole = compress(b"".join(map(framed, records)))
    for byte in range(20, len(whole), len(whole) // 20):
        found, damage, _ = read(flip(whole, byte, 5))
        assert damage, f"a changed bit of byte {byte} was not reported"
        assert found == read(obtainable(flip(whole, byte, 5), window))[0]
        assert set(found) <= set(records)


def test_consecutive_gzip_members_are_one_file():
    parts = [gzip.compress(framed(record)) for record in RECORDS]
    assert read(b"".join(parts))[:2] == (RECORDS, [])
    assert read(b"".join(parts) + b"\0" * 512)[:2] == (RECORDS, [])
    records, [damage], _ = read(b"".join(parts) + b"garbage")
    assert (records, damage.reason) == (RECORDS, RejectReason.DAMAGED_FILE)


def test_bytes_after_the_stream_of_a_zlib_file_are_damage():
    whole = zlib.compress(INTACT)
    assert read(whole + b"\0" * 512)[:2] == (RECORDS, [])
    for rest in (whole, b"garbage"):  # TensorFlow ignores it silently
        records, [damage], _ = read(whole + rest)
        assert (records, damage.reason) == (RECORDS, RejectReason.DAMAGED_FILE)
        assert "zlib stream" in damage.detail
        assert "something else follows" in damage.detail


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, zlib.compress])
def test_blocks_of_damage_are_no_larger_than_others(wrap: Callable[[bytes], bytes]):
    count = 50_000
    blocks = [block.damage for block in read_blocks(io.BytesIO(wrap((header(0) + bytes(4)) * count)))]
    assert max(map(len, blocks)) == BLOCK_RECORDS
    assert [one.index for damage in blocks for one in damage] == list(range(count))
    assert {one.reason for damage in blocks for one in damage} == {RejectReason.DAMAGED_RECORD}


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, zlib.compress])
@pytest.mark.parametrize("length", [2**30, 2**40, 2**63, 2**64 - 1])
def test_a_huge_length_takes_no_memory(length, wrap: Callable[[bytes], bytes]):
    content = wrap(framed(b"good") + header(length) + b"abc")
    tracemalloc.start()
    records, [damage], _ = read(content, max_record_bytes=64 * 2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (records, damage.reason, damage.index) == ([b"good"], RejectReason.DAMAGED_FILE, 1)
    assert peak < 8 * 2**20


def test_a_length_below_the_limit_takes_no_more_memory_than_the_file_has():
    content = framed(b"good") + header(2**30) + b"abc"
    tracemalloc.start()
    records, [damage], _ = read(content, max_record_bytes=2**40)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (records, damage.reason) == ([b"good"], RejectReason.DAMAGED_FILE)
    assert peak < 8 * 2**20


@pytest.mark.parametrize("length", [2**power for power in (16, 20, 21, 31, 39, 40, 63)] + [2**31 - 1, 2**64 - 1])
def test_no_more_bytes_are_requested_than_the_file_has_returned(length):
    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            requested.append(size)
            return super().read(size)

    requested: list[int | None] = []
    content = framed(b"good") + header(length) + b"z" * min(length - 1, 5 * 2**20)
    [block] = read_blocks(Counting(content), max_record_bytes=2**64)
    assert block.records == [b"good"]
    assert [one.reason for one in block.damage] == [RejectReason.DAMAGED_FILE]
    assert all(size is not None and 0 <= size <= max(2**20, len(content)) for size in requested)


def test_the_content_of_a_gzip_bomb_is_never_in_memory():
    bomb = gzip.compress(framed(b"good") + header(2**31) + bytes(128 * 2**20), 9)
    for limits in ({"max_record_bytes": 2**20}, {}):
        tracemalloc.start()
        records, [damage], _ = read(bomb, **limits)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (records, damage.reason) == ([b"good"], RejectReason.DAMAGED_FILE)
        assert peak < 12 * 2**20


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, zlib.compress])
def test_a_record_that_is_too_large_is_skipped_and_never_in_memory(wrap: Callable[[bytes], bytes]):
    large = b"z" * (32 * 2**20)
    content = wrap(framed(b"a") + framed(large) + framed(b"b"))
    tracemalloc.start()
    records, [damage], _ = read(content, max_record_bytes=2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert records == [b"a", b"b"]
    assert (damage.reason, damage.index, damage.offset) == (RejectReason.TOO_LARGE, 1, 17)
    assert damage.raw == large[:KEPT_BYTES]
    assert peak < 12 * 2**20


def test_a_record_of_the_maximum_size_is_read():
    assert read(framed(b"x" * 100), max_record_bytes=100)[0] == [b"x" * 100]
    assert read(framed(b"x" * 101), max_record_bytes=100)[1][0].reason is RejectReason.TOO_LARGE


class _Failing(io.RawIOBase):
    """A disk that fails after some bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        if not data:
            raise OSError(5, "Input/output error")
        return data


@pytest.mark.parametrize("after", [0, 1, 40, 21 + 16 + 2])
def test_a_failing_disk_is_reported_as_damage_at_its_position(after):
    blocks = list(read_blocks(_Failing(INTACT[:after])))  # type: ignore[arg-type]
    damage = blocks[-1].damage[-1]
    whole = sum(start + 16 + len(one) <= after for start, one in zip(STARTS, RECORDS, strict=True))
    assert sum(len(block.records) for block in blocks) == whole
    assert (damage.reason, damage.index, damage.offset) == (RejectReason.DAMAGED_FILE, whole, STARTS[whole])
    assert "Input/output error" in damage.detail


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_any_damage_is_accounted_for(records, data):
    """Every byte is in a record, in the damage, or in what follows the damage that ends the file."""
    content = bytearray(b"".join(map(framed, records)))
    for _ in range(data.draw(st.integers(0, 3)) if content else 0):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    found, damage, blocks = read(bytes(content[:cut]))
    indices = [index for block in blocks for index in block.indices] + [one.index for one in damage]
    assert sorted(indices) == list(range(len(found) + len(damage)))
    assert [one.reason for one in damage[:-1]] == [RejectReason.DAMAGED_RECORD] * len(damage[:-1])
    if bytes(content[:cut]) == b"".join(map(framed, records)):
        assert (found, damage) == (records, [])
    for block in blocks:
        for record, offset in zip(block.records, block.offsets, strict=True):
            assert struct.unpack_from("<Q", content, offset) == (len(record),)
            assert bytes(content[offset + 12 : offset + 12 + len(record)]) == record


@pytest.mark.parametrize("count", [1023, 1024, 1025, 5000])
def test_blocks_are_bounded_and_in_order(count):
    records = [str(number).encode() for number in range(count)]
    found, _, blocks = read(b"".join(map(framed, records)))
    assert found == records
    assert max(len(block.records) for block in blocks) <= 1024
    assert [index for block in blocks for index in block.indices] == list(range(count))
