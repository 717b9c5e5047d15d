"""Single records of a raw file, in its order, with the unreadable ones: for inspection, not for hot paths."""

from collections.abc import Iterator
from typing import BinaryIO

from lengthwise.records.container.frame_reading import PROTOBUF_MAX_BYTES, read_blocks
from lengthwise.records.container.record_blocks import Damage


def read_items(
    stream: BinaryIO, first: int = 0, *, max_record_bytes: int = PROTOBUF_MAX_BYTES
) -> Iterator[tuple[int, bytes | Damage]]:
    """The records from number `first` on, each with its number; damage as in `read_blocks`."""
    for block in read_blocks(stream, max_record_bytes=max_record_bytes):
        readable = zip(block.indices, block.records, strict=True)
        items: list[tuple[int, bytes | Damage]] = [*readable, *((damage.index, damage) for damage in block.damage)]
        yield from (item for item in sorted(items, key=lambda item: item[0]) if item[0] >= first)
