"""Single records of a raw file, in its order, with the unreadable ones: for inspection, not for hot paths."""

from collections.abc import Iterator

from lengthwise.records.container.decompression import ByteStream
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.record_blocks import Damage


def read_items(stream: ByteStream, first: int, *, max_record_bytes: int) -> Iterator[tuple[int, bytes | Damage]]:
    """The records from number `first` on, each with its number; damage as in `read_blocks`."""
    for block in read_blocks(stream, max_record_bytes=max_record_bytes):
        yield from ((index, item) for index, _, item in block.in_order() if index >= first)
