"""A shard that stands on disk, read again: its checksum, its records and lengths."""

from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, cast

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

from lengthwise import files
from lengthwise.columns import RESERVED_KEY
from lengthwise.records.framing import read_blocks
from lengthwise.records.measured import Measured


@dataclass(slots=True)
class Recount:
    """What a shard holds.

    Attributes:
        bytes: the file's size.
        crc32c: the checksum of its bytes.
        records: readable TFRecords.
        lengths: how many sequences of each length.
        damage: the first thing that cannot be read, in words; empty for none.
    """

    bytes: int = 0
    crc32c: int = 0
    records: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    damage: str = ""

    @property
    def sequences(self) -> int:
        return self.lengths.total()

    @property
    def steps(self) -> int:
        return sum(length * count for length, count in self.lengths.items())


def recount(path: str, layout: Literal["example", "block"], compression: str) -> Recount:
    """Reads a shard once, from its first byte to its last."""
    found = Recount()
    with files.open_binary(path) as stream:
        measured = Measured(stream)
        decoder = _lengths_decoder(layout)
        for block in read_blocks(cast(BinaryIO, measured), compression=compression):
            found.records += len(block.records)
            if block.damage and not found.damage:
                found.damage = f"record {block.damage[0].index}: {block.damage[0].detail}"
            if not found.damage:
                found.damage = _count(found.lengths, block.records, decoder, layout)
        measured.read_rest()
    found.bytes, found.crc32c = measured.size, measured.crc32c
    return found


def _lengths_decoder(layout: str) -> example_coder.ExamplesToRecordBatchDecoder:
    schema = schema_pb2.Schema()
    schema.feature.add(name=RESERVED_KEY, type=schema_pb2.INT if layout == "example" else schema_pb2.BYTES)
    return example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())


def _count(
    lengths: Counter[int], records: list[bytes], decoder: example_coder.ExamplesToRecordBatchDecoder, layout: str
) -> str:
    """Adds the lengths of records; says what keeps them from being read, if anything does."""
    try:
        values = decoder.DecodeBatch(records).column(0).flatten()
    except RuntimeError as error:  # tfx-bsl's for all its errors
        return f"expected tf.Examples with {RESERVED_KEY}: {str(error).splitlines()[0]}"
    if len(values) != len(records):
        return f"expected one {RESERVED_KEY} a record, found {len(values)} in {len(records)} records"
    if layout == "example":
        found = values.to_numpy(zero_copy_only=False)
    else:
        found = np.frombuffer(b"".join(value.as_py() for value in values), "<i4")
    numbers, counts = np.unique(found, return_counts=True)
    lengths.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
    return ""
