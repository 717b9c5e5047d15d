"""Raw records and TFRecord files for tests, from plain Python values, without TensorFlow."""

import gzip
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import google_crc32c

from lengthwise.records.decoding.example_protos import Example, Feature, SequenceExample

Value = int | float | str | bytes
UNSET: list[Any] = []
"""A feature without a list of any kind, as all empty lists are encoded here."""


@dataclass(frozen=True)
class Empty:
    """A feature with an empty list of that kind."""

    kind: str


def feature(values: Any) -> Any:
    """A tf.train.Feature of the list that suits the values."""
    message = Feature()
    if isinstance(values, Empty):
        getattr(message, f"{values.kind}_list").SetInParent()
        return message
    values = list(values) if isinstance(values, Sequence) and not isinstance(values, str | bytes) else [values]
    if values and isinstance(values[0], str | bytes):
        message.bytes_list.value.extend(value.encode() if isinstance(value, str) else value for value in values)
    elif values and isinstance(values[0], int):
        message.int64_list.value.extend(values)
    elif values:
        message.float_list.value.extend(values)
    return message


def sequence_example(sequences: Mapping[str, Sequence[Any]], context: Mapping[str, Any] | None = None) -> bytes:
    """A tf.SequenceExample; each step is a value, a list of values, or `Empty`."""
    message = SequenceExample()
    for key, values in (context or {}).items():
        message.context.feature[key].CopyFrom(feature(values))
    for key, steps in sequences.items():
        message.feature_lists.feature_list[key].SetInParent()
        for step in steps:
            message.feature_lists.feature_list[key].feature.add().CopyFrom(feature(step))
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


def example(features: Mapping[str, Any]) -> bytes:
    """A tf.Example of flat lists."""
    message = Example()
    for key, values in features.items():
        message.features.feature[key].CopyFrom(feature(values))
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


def masked(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(record: bytes) -> bytes:
    """The record in its TFRecord frame."""
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", masked(length)) + record + struct.pack("<I", masked(record))


def header(length: int) -> bytes:
    """The valid header of a frame of that length, without its record."""
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", masked(packed))


def write_records(path: str | os.PathLike[str], records: Iterable[bytes]) -> str:
    """Writes a TFRecord file, compressed by gzip if its name ends with `.gz`."""
    content = b"".join(map(framed, records))
    with open(path, "wb") as stream:
        stream.write(gzip.compress(content, 6, mtime=0) if str(path).endswith(".gz") else content)
    return str(path)


def read_records(path: str | os.PathLike[str]) -> list[bytes]:
    """All records of an intact TFRecord file; every checksum is checked."""
    with open(path, "rb") as stream:
        content = stream.read()
    return list(_frames(gzip.decompress(content) if str(path).endswith(".gz") else content))


def _frames(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        [length] = struct.unpack_from("<Q", content, at)
        record = content[at + 12 : at + 12 + length]
        assert content[at : at + 16 + length] == framed(record), f"a frame at byte {at} is damaged"
        yield record
        at += 16 + length


def offsets(records: Sequence[bytes]) -> list[int]:
    """Where each record's frame starts in a file of these records."""
    starts = [0]
    for record in records:
        starts.append(starts[-1] + 16 + len(record))
    return starts[:-1]
