"""Plain, gzip or zlib: detected from the first bytes of a file, for any length of its first record."""

import gzip
import io
import zlib

import pytest

from lengthwise.records.container.compression import (
    compressing_stream,
    compression_of_name,
    compression_suffix,
    detect_compression,
)
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.frame_writing import frame
from records.messages import header

REMAINDERS = range(2**16)


def starts_zlib(start: bytes) -> bool:
    """Whether zlib accepts these two bytes in front of the other bytes of an empty stream."""
    try:
        return zlib.decompressobj().decompress(start + zlib.compress(b"")[2:]) == b""
    except zlib.error:
        return False


LOOK_COMPRESSED = [length for length in REMAINDERS if length == 0x8B1F or starts_zlib(length.to_bytes(2, "little"))]


@pytest.mark.parametrize("above", [0, 1, 3, 2**24 + 1])
def test_a_plain_file_is_detected_for_any_length_of_its_first_record(above):
    assert {detect_compression(header(above * 2**16 + remainder)) for remainder in REMAINDERS} == {"none"}


def test_without_a_valid_header_two_bytes_are_detected_as_by_zlib():
    rest = zlib.compress(b"")[2:]
    assert len(LOOK_COMPRESSED) == 33
    for remainder in REMAINDERS:
        start = remainder.to_bytes(2, "little")
        expected = "gzip" if remainder == 0x8B1F else "zlib" if remainder in LOOK_COMPRESSED else "none"
        assert detect_compression(start + rest) == expected, start
        assert detect_compression(start + header(remainder)[2:8] + bytes(4)) in (expected, "none")


def test_files_of_every_level_and_window_are_detected():
    content = frame([bytes(range(200)), b"", b"x" * 5000])
    for level in range(10):
        assert detect_compression(gzip.compress(content, level)[:12]) == "gzip"
        for window in range(9, 16):
            deflater = zlib.compressobj(level, zlib.DEFLATED, window)
            whole = deflater.compress(content) + deflater.flush()
            assert detect_compression(whole[:12]) == "zlib"
            assert [len(block.records) for block in read_blocks(io.BytesIO(whole))] == [3]


@pytest.mark.parametrize("size", range(12))
def test_files_shorter_than_a_header_are_detected(size):
    assert detect_compression(header(5)[:size]) == "none"
    assert detect_compression(gzip.compress(b"")[:size]) == ("gzip" if size >= 2 else "none")
    assert detect_compression(zlib.compress(b"")[:size]) == ("zlib" if size >= 2 else "none")


@pytest.mark.parametrize("length", LOOK_COMPRESSED)
def test_a_first_record_whose_length_looks_compressed_is_read(length):
    for size in (length, length + 2**16):
        records = [bytes(size), b"x"]
        for content in (frame(records), gzip.compress(frame(records), 1), zlib.compress(frame(records), 1)):
            [block] = read_blocks(io.BytesIO(content))
            assert (block.records, block.damage) == (records, [])


@pytest.mark.parametrize("kind", ["none", "gzip", "zlib"])
def test_written_files_can_be_read_and_depend_only_on_their_content(kind):
    records = [b"a" * 1000, b"", bytes(range(256)) * 300]
    contents = set()
    for _ in range(2):
        stream = io.BytesIO()
        with compressing_stream(stream, kind) as target:
            for record in records:
                target.write(frame([record]))
        contents.add(stream.getvalue())
    [content] = contents
    assert detect_compression(content[:12]) == kind
    assert next(read_blocks(io.BytesIO(content))).records == records
    assert compression_of_name("records.tfrecord" + compression_suffix(kind)) == kind
