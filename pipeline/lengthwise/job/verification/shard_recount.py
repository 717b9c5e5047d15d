"""Reads a shard on disk again: its checksum, its records and lengths."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from lengthwise.columns import AnyColumn, groups, length_key
from lengthwise.manifest import Compression, Layout
from lengthwise.records.arrays.tfx_bsl_coders import example_coder
from lengthwise.records.container.checksums import ChecksummedStream
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.encoding.block_buffers import unpack_buffer
from lengthwise.storage import files


@dataclass(slots=True)
class Recount:
    """The content of a shard.

    Attributes:
        bytes: the file's size.
        crc32c: the checksum of its bytes.
        records: the number of readable TFRecords.
        lengths: the number of sequences of each length.
        groups: the same for the groups that do not lead, by name.
        damage: a message about the first unreadable data; empty for none.
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


def recount(path: str, layout: Layout, compression: Compression, columns: Iterable[AnyColumn]) -> Recount:
    """Reads a shard once, from its first byte to its last; `columns` define its groups."""
    leading, *others = groups(columns) or ("",)
    result = Recount(groups={group: Counter() for group in others})
    lengths = {length_key(leading): result.lengths} | {length_key(group): result.groups[group] for group in others}
    with files.open_binary(path) as stream:
        measured = ChecksummedStream(stream)
        decoder = _lengths_decoder(layout, lengths)
        for block in read_blocks(measured, compression=compression):
            result.records += len(block.records)
            if block.damage and not result.damage:
                result.damage = f"record {block.damage[0].index}: {block.damage[0].detail}"
            if not result.damage:
                result.damage = _count_lengths(lengths, block.records, decoder, layout)
        measured.read_rest()
    result.bytes, result.crc32c = measured.size, measured.crc32c
    return result


def _lengths_decoder(layout: Layout, keys: Iterable[str]) -> example_coder.ExamplesToRecordBatchDecoder:
    schema = schema_pb2.Schema()
    for key in keys:
        schema.feature.add(name=key, type=schema_pb2.INT if layout == "example" else schema_pb2.BYTES)
    return example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())


def _count_lengths(
    by_key: Mapping[str, Counter[int]],
    records: list[bytes],
    decoder: example_coder.ExamplesToRecordBatchDecoder,
    layout: Layout,
) -> str:
    """Adds the lengths of records, by key. Returns a message if they cannot be read, otherwise an empty string."""
    try:
        batch = decoder.DecodeBatch(records)
    except RuntimeError as error:  # tfx-bsl raises it for all errors
        return f"expected tf.Examples with {', '.join(by_key)}: {str(error).splitlines()[0]}"
    rows = None
    for key, lengths in by_key.items():
        values = batch.column(key).flatten()
        if len(values) != len(records):
            return f"expected one {key} per record, found {len(values)} in {len(records)} records"
        if layout == "example":
            numbers = values.to_numpy(zero_copy_only=False)
        elif rows is None:
            numbers = np.frombuffer(b"".join(value.as_py() for value in values), "<i4")
            rows = [len(value.as_py()) // 4 for value in values]
        else:
            buffers = zip(values, rows, strict=True)
            numbers = np.concatenate([unpack_buffer(buffer.as_py(), "<i8", count) for buffer, count in buffers])
        distinct, counts = np.unique(numbers, return_counts=True)
        lengths.update(dict(zip(distinct.tolist(), counts.tolist(), strict=True)))
    return ""
