"""The steps of one feature list, concatenated over a block's records -> values: every step one packed list.

uniform    all steps have the header of the first: a table of equal rows
variable   every place that looks like a step's header is found; if each ends where the next starts, these are the steps
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

KINDS = {"bytes": 0x0A, "float": 0x12, "int64": 0x1A}
"""The first byte of a step's content, by the kind of its values."""
_HEADER = 6


class Unusual(Exception):
    """The bytes are not of the form that is read here."""


@dataclass(frozen=True, slots=True)
class PackedSteps:
    """The values of a block's steps.

    Attributes:
        values: float32, int64 or large_binary, flat.
        step_offsets: int64 `[steps + 1]`: where each step's values start.
        row_offsets: int64 `[records + 1]`: where each record's steps start.
    """

    values: pa.Array
    step_offsets: np.ndarray
    row_offsets: np.ndarray


def read_steps(content: bytes, sizes: np.ndarray, kind: str) -> PackedSteps:
    """Reads the steps.

    Args:
        content: the bytes of all records' lists, one after the other.
        sizes: int64 `[records]`: the bytes of each record's list.
        kind: `bytes`, `float` or `int64`.

    Raises:
        Unusual: the steps have another form.
    """
    octets = np.frombuffer(content, np.uint8)
    if len(octets) == 0:
        return PackedSteps(_empty(kind), np.zeros(1, np.int64), np.zeros(len(sizes) + 1, np.int64))
    payload, payload_sizes, row_offsets = _uniform(octets, sizes, kind) or _variable(octets, sizes, kind)
    if kind == "bytes":
        offsets = _offsets(payload_sizes)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(payload)]
        values = pa.Array.from_buffers(pa.large_binary(), len(payload_sizes), buffers)
        return PackedSteps(values, np.arange(len(payload_sizes) + 1), row_offsets)
    if kind == "float":
        _expect(not (payload_sizes % 4).any())
        return PackedSteps(pa.array(payload.view("<f4")), _offsets(payload_sizes // 4), row_offsets)
    numbers, step_offsets = _read_varints(payload, payload_sizes)
    return PackedSteps(pa.array(numbers), step_offsets, row_offsets)


_Payload = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The bytes of all values, those of each step, and the steps' row offsets."""


def _uniform(octets: np.ndarray, sizes: np.ndarray, kind: str) -> _Payload | None:
    header, payload = _first_header(octets[:32].tobytes(), kind)
    size = len(header) + payload
    if len(octets) % size or (sizes % size).any():
        return None
    table = octets.reshape(-1, size)
    if not all((table[:, place] == octet).all() for place, octet in enumerate(header)):
        return None
    values = np.ndarray(len(table), f"V{payload}", octets.data, len(header), (size,)).tobytes() if payload else b""
    return np.frombuffer(values, np.uint8), np.full(len(table), payload), _offsets(sizes // size)


def _first_header(start: bytes, kind: str) -> tuple[bytes, int]:
    """The header of the first step, and how many bytes of values follow."""
    at, left = 0, -1
    for tag in (0x0A, KINDS[kind], 0x0A):
        _expect(at < len(start) and start[at] == tag)
        size, at = _varint(start, at + 1)
        _expect(left in (-1, size + at))
        left = size + at
    return start[:at], left - at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    size = 0
    for shift in (0, 7, 14, 21):
        _expect(at < len(data))
        size |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return size, at
    raise Unusual


def _variable(octets: np.ndarray, sizes: np.ndarray, kind: str) -> _Payload:
    """Steps of less than 128 bytes each."""
    _expect(len(octets) >= _HEADER)
    one, two, three = octets[1:-4], octets[3:-2], octets[5:]
    found = octets[:-5] == 0x0A
    found &= octets[2:-3] == KINDS[kind]
    found &= octets[4:-1] == 0x0A
    found &= (one - 4) < 0x80 - 4  # modulo 256: from 4 to 127
    found &= (one - two) == 2
    found &= (two - three) == 2
    starts = np.flatnonzero(found)
    _expect(len(starts))
    payloads = octets[starts + 5].astype(np.int64)
    stops = starts + payloads + _HEADER
    _expect(starts[0] == 0 and stops[-1] == len(octets) and np.array_equal(stops[:-1], starts[1:]))
    bounds = _offsets(sizes)
    row_offsets = np.searchsorted(starts, bounds)
    _expect(np.array_equal(np.append(starts, len(octets))[row_offsets], bounds))
    kept = np.ones(len(octets), bool)
    for place in range(_HEADER):
        kept[starts + place] = False
    return octets[kept], payloads, row_offsets


def _read_varints(payload: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 numbers, and the offsets of steps of so many bytes each."""
    ends = np.flatnonzero(payload < 0x80) + 1
    step_ends = np.cumsum(sizes)
    _expect(len(ends) == 0 if len(payload) == 0 else len(ends) > 0 and ends[-1] == len(payload))
    if len(ends) == len(sizes) and np.array_equal(ends, step_ends):
        step_offsets = np.arange(len(sizes) + 1)
    else:
        upto = np.searchsorted(ends, step_ends, side="right")
        _expect(np.array_equal(np.append(ends, 0)[upto - 1], step_ends))  # steps end where numbers do
        step_offsets = np.concatenate([[0], upto])
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    numbers = (payload[starts] & 0x7F).astype(np.uint64) if len(ends) else np.zeros(0, np.uint64)
    for place in range(1, int(lengths.max(initial=0))):
        _expect(place < 10)
        rows = np.flatnonzero(lengths > place)
        octet = payload[starts[rows] + place]
        _expect(place < 9 or bool((octet == 1).all()))  # the 64th bit
        numbers[rows] |= (octet & 0x7F).astype(np.uint64) << np.uint64(7 * place)
    return numbers.view(np.int64), step_offsets


def _offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _empty(kind: str) -> pa.Array:
    return pa.array([], {"bytes": pa.large_binary(), "float": pa.float32(), "int64": pa.int64()}[kind])


def _expect(usual: object) -> None:
    if not usual:
        raise Unusual
