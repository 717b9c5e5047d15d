"""Records -> TFRecord frames: see `frame_headers`."""

import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import google_crc32c
import numpy as np
import pyarrow as pa

from lengthwise.records.arrays.proto_messages import join_parts, message_bytes, message_offsets, per_distinct_size
from lengthwise.records.container.frame_headers import DATA_CHECKSUM, HEADER, length_checksum


def frame(records: Iterable[bytes]) -> bytes:
    """The TFRecord frames of `records`, one after the other."""
    contents = list(records)
    checksums = _masked_checksums(contents).astype("<u4").tobytes()
    parts = [b""] * (3 * len(contents))
    parts[0::3] = map(_header, map(len, contents))
    parts[1::3] = contents
    parts[2::3] = [checksum for (checksum,) in struct.iter_unpack("4s", checksums)]
    return b"".join(parts)


def frame_array(records: pa.LargeBinaryArray) -> bytes:
    """The TFRecord frames of records in an Arrow array without nulls, one after the other."""
    offsets = message_offsets(records)
    content = message_bytes(records)
    checksums = _masked_checksums([content[start:stop] for start, stop in pairwise(offsets.tolist())])
    ends = [None, pa.py_buffer(np.arange(len(records) + 1) * DATA_CHECKSUM.size), pa.py_buffer(checksums.astype("<u4"))]
    tails = pa.Array.from_buffers(pa.large_binary(), len(records), ends)
    return message_bytes(join_parts([per_distinct_size(np.diff(offsets), _header), records, tails]))


@lru_cache(maxsize=65536)
def _header(length: int) -> bytes:
    return HEADER.pack(length, length_checksum(length))


def _masked_checksums(records: list[bytes]) -> np.ndarray:
    """uint32 `[n]`: the masked checksum of each record."""
    checksums = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    return (checksums >> np.uint32(15) | checksums << np.uint32(17)) + np.uint32(0xA282EAD8)
