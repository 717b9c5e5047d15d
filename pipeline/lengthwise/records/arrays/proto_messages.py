"""Features with the same number of values in each row -> wire format, for thousands of rows at once, as tfx-bsl writes.

A message of one feature is its payload after a header that depends only on the feature's name and the payload's size:

    0A <size> Example      0A <size> Features     0A <size> entry     0A <size> key
    12 <size> Feature      0A, 12 or 1A <size> list, of bytes, floats or integers     0A <size> payload

Numpy writes the payloads of all rows into one buffer, and Arrow joins headers and payloads, row by row.
Source: protobuf.dev/programming-guides/encoding, tensorflow/core/example/{example,feature}.proto.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.records.arrays.arrow_steps import offsets_of

_KINDS = {"S": 0x0A, "f": 0x12, "i": 0x1A}
_EMPTY = pa.scalar(b"", pa.large_binary())

Part: TypeAlias = pa.LargeBinaryArray | pa.LargeBinaryScalar
"""One part of every row's message: the same for all rows, or one per row."""


def feature_parts(key: str, values: np.ndarray) -> list[Part]:
    """The messages of one feature, as parts to be joined: headers and payloads.

    Args:
        key: the feature's name.
        values: float32, int32 or int64 `[n, m]`, m > 0.
    """
    kind = values.dtype.kind
    if kind == "f":
        payload, sizes = np.ascontiguousarray(values, "<f4").reshape(-1).view(np.uint8), values.shape[1] * 4
    else:
        payload, sizes = encode_varints(values)
    payloads = _binary(payload, sizes, len(values))
    if isinstance(sizes, int):
        return [pa.scalar(_header(key, kind, sizes), pa.large_binary()), payloads]
    return [per_distinct_size(sizes, lambda size: _header(key, kind, size)), payloads]


def bytes_message(key: str, value: bytes) -> bytes:
    """The message of one feature that has one value of bytes."""
    return _header(key, "S", len(value)) + value


def join_parts(parts: list[Part]) -> pa.LargeBinaryArray:
    """The parts of each row, one after the other."""
    return pc.binary_join_element_wise(*parts, _EMPTY)


def encode_varints(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | int]:
    """Integers as base-128 varints.

    Args:
        values: int32 or int64 `[n, m]`; negative ones take ten bytes, as int64 does on the wire.

    Returns:
        uint8: the bytes of all rows; and the number of bytes of each row, int64 `[n]`, or one number for all rows.
    """
    rows, count = values.shape
    flat = np.ascontiguousarray(values).reshape(-1)
    lowest, highest = int(flat.min(initial=0)), int(flat.max(initial=0))
    if lowest == 0 and highest < 0x80:
        return flat.astype(np.uint8), count
    octets, kept = _in_lanes(flat) if lowest == 0 and highest < 2**28 else _place_by_place(flat)
    places = np.flatnonzero(kept)
    bounds = np.searchsorted(places, np.arange(rows + 1) * (len(kept) // rows))
    return octets.take(places), np.diff(bounds)


def _in_lanes(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 `[n * 4]`: the bytes of numbers of up to 28 bits, and bool `[n * 4]`: which of them are written."""
    number = flat.astype("<u4", copy=False)
    highest = int(number.max())
    kept = np.zeros((len(number), 4), bool)
    kept[:, 0] = True
    octets = number & 0x7F
    for place in (1, 2, 3):
        if highest >= 1 << (7 * place):
            np.greater_equal(number, 1 << (7 * place), out=kept[:, place])
            octets |= number << place & 0x7F << (8 * place)
    flags = kept.reshape(-1)
    octets |= flags.view("<u4") >> 1  # the highest bit of a byte marks that another follows
    return octets.view(np.uint8), flags


def _place_by_place(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for any numbers: uint8 and bool `[n * 10]`."""
    number = flat.astype(np.int64).view(np.uint64)
    octets = np.zeros((len(number), 10), np.uint8)
    kept = np.zeros((len(number), 10), bool)
    more = np.ones(len(number), bool)
    for place in range(10):
        kept[:, place] = more
        octets[:, place] = number & 0x7F
        number >>= np.uint64(7)
        more = number != 0
        octets[:, place] |= more.view(np.uint8) << 7
    return octets.reshape(-1), kept.reshape(-1)


def message_offsets(messages: pa.LargeBinaryArray) -> np.ndarray:
    """int64 `[n + 1]`: where each message starts in the array's content, and where the last ends."""
    if not len(messages):
        return np.zeros(1, np.int64)
    return np.frombuffer(messages.buffers()[1], np.int64)[messages.offset : messages.offset + len(messages) + 1]


def message_bytes(messages: pa.LargeBinaryArray) -> bytes:
    """All bytes up to the end of the last message; `message_offsets` divides them."""
    end = int(message_offsets(messages)[-1])
    return messages.buffers()[2].slice(0, end).to_pybytes() if end else b""


def per_distinct_size(sizes: np.ndarray, make: Callable[[int], bytes]) -> pa.LargeBinaryArray:
    """`make(size)` for each of `sizes` (int64 `[n]`), called once for each distinct one."""
    lowest = int(sizes.min(initial=0))
    occurring = np.zeros(int(sizes.max(initial=0)) - lowest + 1, bool)
    occurring[sizes - lowest] = True
    distinct = np.flatnonzero(occurring)
    results = [make(size) for size in (distinct + lowest).tolist()]
    places = (np.cumsum(occurring) - 1).take(sizes - lowest)
    if len({len(value) for value in results}) != 1:
        return pa.array(results, pa.large_binary()).take(pa.array(places))
    table = np.frombuffer(b"".join(results), np.uint8).reshape(len(results), -1)
    return _binary(table.take(places, axis=0), table.shape[1], len(sizes))


def _binary(payload: np.ndarray, sizes: np.ndarray | int, rows: int) -> pa.LargeBinaryArray:
    offsets = offsets_of(sizes) if isinstance(sizes, np.ndarray) else np.arange(rows + 1) * sizes
    return pa.Array.from_buffers(pa.large_binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(payload)])


@lru_cache(maxsize=65536)
def _header(key: str, kind: str, size: int) -> bytes:
    """The bytes before a payload of that size."""
    header = b"\x0a" + varint(size)
    header = bytes([_KINDS[kind]]) + varint(len(header) + size) + header
    header = b"\x12" + varint(len(header) + size) + header
    name = key.encode()
    header = b"\x0a" + varint(len(name)) + name + header
    for _ in range(2):
        header = b"\x0a" + varint(len(header) + size) + header
    return header


def varint(number: int) -> bytes:
    """An integer of at least 0 as a base-128 varint."""
    octets = bytearray()
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*octets, number])
