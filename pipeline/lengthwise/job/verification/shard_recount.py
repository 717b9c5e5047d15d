"""A shard that stands on disk, read again: its checksum, its records and lengths."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, cast

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from lengthwise.columns import AnyColumn, groups, length_key
from lengthwise.records.arrays.tfx_bsl_coders import example_coder
from lengthwise.records.container.checksums import ChecksummedStream
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.encoding.block_buffers import unpack_buffer
from lengthwise.storage import files


@dataclass(slots=True)
class Recount:
    """What a shard holds.

    Attributes:
        bytes: the file's size.
        crc32c: the checksum of its bytes.
        records: readable TFRecords.
        lengths: how many sequences of each length.
        groups: the same of the groups that do not lead, by name.
        damage: the first thing that cannot be read, in words; empty for none.
    """

    bytes: int = 0
    crc32c: int = 0
    records: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    groups: dict[str, Counter[int]] = field(default_factory=dict)
    damage: str = ""

    @property
    def sequences(self) -> int:
        return self.lengths.total()

    @property
    def steps(self) -> int:
        return steps_of(self.lengths)


def steps_of(lengths: Counter[int]) -> int:
    """The steps of all sequences together."""
    return sum(length * count for length, count in lengths.items())


def recount(
    path: str, layout: Literal["example", "block"], compression: str, columns: Iterable[AnyColumn] = ()
) -> Recount:
    """Reads a shard once, from its first byte to its last; `columns` say which groups there are."""
    leading, *others = groups(columns) or ("",)
    found = Recount(groups={group: Counter() for group in others})
    counted = {length_key(leading): found.lengths} | {length_key(group): found.groups[group] for group in others}
    with files.open_binary(path) as stream:
        measured = ChecksummedStream(stream)
        decoder = _lengths_decoder(layout, counted)
        for block in read_blocks(cast(BinaryIO, measured), compression=compression):
            found.records += len(block.records)
            if block.damage and not found.damage:
                found.damage = f"record {block.damage[0].index}: {block.damage[0].detail}"
            if not found.damage:
                found.damage = _count(counted, block.records, decoder, layout)
        measured.read_rest()
    found.bytes, found.crc32c = measured.size, measured.crc32c
    return found


def _lengths_decoder(layout: str, keys: Iterable[str]) -> example_coder.ExamplesToRecordBatchDecoder:
    schema = schema_pb2.Schema()
    for key in keys:
        schema.feature.add(name=key, type=schema_pb2.INT if layout == "example" else schema_pb2.BYTES)
    return example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())


def _count(
    counted: Mapping[str, Counter[int]],
    records: list[bytes],
    decoder: example_coder.ExamplesToRecordBatchDecoder,
    layout: str,
) -> str:
    """Adds the lengths of records, by key; says what keeps them from being read, if anything does."""
    try:
        batch = decoder.DecodeBatch(records)
    except RuntimeError as error:  # tfx-bsl's for all its errors
        return f"expected tf.Examples with {', '.join(counted)}: {str(error).splitlines()[0]}"
    rows = None
    for key, lengths in counted.items():
        values = batch.column(key).flatten()
        if len(values) != len(records):
            return f"expected one {key} a record, found {len(values)} in {len(records)} records"
        if layout == "example":
            found = values.to_numpy(zero_copy_only=False)
        elif rows is None:
            found = np.frombuffer(b"".join(value.as_py() for value in values), "<i4")
            rows = [len(value.as_py()) // 4 for value in values]
        else:
            buffers = zip(values, rows, strict=True)
            found = np.concatenate([unpack_buffer(buffer.as_py(), "<i8", count) for buffer, count in buffers])
        numbers, counts = np.unique(found, return_counts=True)
        lengths.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
    return ""
