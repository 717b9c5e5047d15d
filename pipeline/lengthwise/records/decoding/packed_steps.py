"""The steps of one feature list, concatenated over a block's records -> values, if every step is one packed list.

uniform    all steps have the header of the first: a table of equal rows
variable   all positions that look like a step's header; they are the steps if each ends where the next starts
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lengthwise.records.arrays.arrow_steps import offsets_of

KINDS = {"bytes": 0x0A, "float": 0x12, "int64": 0x1A}
"""The first byte of a step's content, by the kind of its values."""
PADDING = bytes(8)
_HEADER = 6


class Unusual(Exception):
    """The bytes do not have the form that is read here.

    Attributes:
        records: int64: the positions of the unusual records; None if they cannot be determined.
    """

    def __init__(self, records: np.ndarray | None = None) -> None:
        super().__init__()
        self.records = records


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


def read_steps(content: bytes | pa.Buffer, sizes: np.ndarray, kind: str) -> PackedSteps:
    """Reads the steps.

    Args:
        content: the bytes of all records' lists, one after the other, and `PADDING`.
        sizes: int64 `[records]`: the bytes of each record's list.
        kind: `bytes`, `float` or `int64`.

    Raises:
        Unusual: the steps have another form.
    """
    octets = np.frombuffer(content, np.uint8, len(content) - len(PADDING))
    if len(octets) == 0:
        return PackedSteps(_empty(kind), np.zeros(1, np.int64), np.zeros(len(sizes) + 1, np.int64))
    positions = _uniform(octets, sizes, kind) or _variable(octets, sizes, kind)
    if kind == "int64":
        numbers = one_varint_each(content, positions.starts, positions.sizes)
        if numbers is not None:
            return PackedSteps(pa.array(numbers), np.arange(len(numbers) + 1), positions.row_offsets)
    payload = _payload(octets, positions)
    if kind == "int64":
        numbers, step_offsets = _read_varints(payload, positions)
        return PackedSteps(pa.array(numbers), step_offsets, positions.row_offsets)
    if kind == "float":
        _expect_steps(np.asarray(positions.sizes) % 4 == 0, positions)
        return PackedSteps(pa.array(payload.view("<f4")), positions.offsets(4), positions.row_offsets)
    buffers = [None, pa.py_buffer(positions.offsets(1)), pa.py_buffer(payload)]
    values = pa.Array.from_buffers(pa.large_binary(), len(positions.starts), buffers)
    return PackedSteps(values, np.arange(len(positions.starts) + 1), positions.row_offsets)


@dataclass(frozen=True, slots=True)
class _StepPositions:
    """The positions of the values of a block's steps.

    Attributes:
        starts: int64 `[steps]`: where each step's values start, after its header.
        sizes: int64 `[steps]`: the bytes of its values; one number where all steps are of one size.
        row_offsets: int64 `[records + 1]`: where each record's steps start.
        headers: bool `[bytes]`: the first byte of each step; None where all steps are of one size.
    """

    starts: np.ndarray
    sizes: np.ndarray | int
    row_offsets: np.ndarray
    headers: np.ndarray | None

    def offsets(self, unit: int) -> np.ndarray:
        """int64 `[steps + 1]`: where each step's values start among all values of `unit` bytes each."""
        if isinstance(self.sizes, int):
            return np.arange(len(self.starts) + 1) * (self.sizes // unit)
        return offsets_of(self.sizes // unit)

    def records_of(self, steps: np.ndarray) -> np.ndarray:
        """The records to which these steps belong."""
        return np.unique(np.searchsorted(self.row_offsets, steps, side="right") - 1)


def _uniform(octets: np.ndarray, sizes: np.ndarray, kind: str) -> _StepPositions | None:
    try:
        header, payload = _first_header(octets[:32].tobytes(), kind)
    except Unusual:
        return None
    size = len(header) + payload
    if len(octets) % size or (sizes % size).any():
        _expect_few_others(sizes % size != 0, size)
        return None
    steps = len(octets) // size
    at = 0
    for width in (4, 2, 1):  # few wide comparisons instead of many narrow ones
        while len(header) - at >= width:
            words = np.ndarray(steps, f"<u{width}", octets.data, at, (size,))
            other = words != int.from_bytes(header[at : at + width], "little")
            if other.any():
                _expect_few_others(np.diff(np.cumsum(np.append(0, other))[offsets_of(sizes // size)]) > 0, size)
                return None
            at += width
    starts = np.arange(len(header), len(header) + len(octets), size)
    return _StepPositions(starts, payload, offsets_of(sizes // size), None)


def _payload(octets: np.ndarray, positions: _StepPositions) -> np.ndarray:
    """uint8: the values of all steps, one after the other."""
    if positions.headers is not None:
        inside = positions.headers.copy()
        for shift in (1, 2, 2):  # the first byte of each header, then 2, 4 and all 6
            inside[shift:] |= inside[:-shift]
        return octets.compress(~inside)
    first, payload = int(positions.starts[0]), int(np.max(positions.sizes))
    if payload == 0:
        return octets[:0]
    kind = f"<u{payload}" if payload in (4, 8) else f"V{payload}"
    values = np.ndarray(len(positions.starts), kind, octets.data, first, (first + payload,))
    return np.frombuffer(values.tobytes(), np.uint8)


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


def _expect_few_others(others: np.ndarray, size: int) -> None:
    """If only a few records (bool `[records]`) lack the long steps of the rest, names them: `_variable` could not."""
    if size >= 0x80 and 4 * others.sum() < len(others):
        raise Unusual(np.flatnonzero(others))


def _variable(octets: np.ndarray, sizes: np.ndarray, kind: str) -> _StepPositions:
    """Steps of less than 128 bytes each."""
    if len(octets) < _HEADER:
        raise Unusual(np.flatnonzero(sizes))
    outer, middle, inner = octets[1:-4], octets[3:-2], octets[5:]
    is_header = octets[:-5] == 0x0A
    is_header &= octets[2:-3] == KINDS[kind]
    is_header &= octets[4:-1] == 0x0A
    is_header &= (outer - 4) < 0x80 - 4  # modulo 256: from 4 to 127
    is_header &= (outer - middle) == 2
    is_header &= (middle - inner) == 2
    starts = np.flatnonzero(is_header)
    payloads = octets.take(starts + 5).astype(np.int64)
    bounds = offsets_of(sizes)
    ends, begins = np.append(0, starts + payloads + _HEADER), np.append(starts, len(octets))
    row_offsets = np.searchsorted(starts, bounds)
    broken, unbegun = np.flatnonzero(ends != begins), (begins[row_offsets[:-1]] != bounds[:-1]) & (sizes > 0)
    if len(broken) or unbegun.any():
        overlapping = broken[ends[broken] > begins[broken]]
        places = np.concatenate([np.minimum(ends, begins)[broken], np.append(0, starts)[overlapping]])
        rows = np.searchsorted(bounds[1:], places[places < len(octets)], side="right")
        raise Unusual(np.union1d(rows, np.flatnonzero(unbegun)))
    headers = np.zeros(len(octets), bool)
    headers[: len(is_header)] = is_header
    return _StepPositions(starts + _HEADER, payloads, row_offsets, headers)


_MORE = 0x8080808080808080
_KEPT = np.array([2 ** (8 * size) - 1 for size in range(9)], np.uint64)
_MORES = np.array([_MORE & (2 ** (8 * max(size - 1, 0)) - 1) for size in range(9)], np.uint64)


def one_varint_each(content: bytes | pa.Buffer, starts: np.ndarray, sizes: np.ndarray | int) -> np.ndarray | None:
    """int64 `[steps]`: the number of each step, all its bytes read as one word; None if steps differ.

    Args:
        content: the bytes that `starts` refers to; at least eight bytes follow the last start.
        starts: int64 `[steps]`.
        sizes: int64 `[steps]`, or one for all: the bytes of each step, one number of at most 56 bits.
    """
    lowest, highest = int(np.min(sizes)), int(np.max(sizes))
    if lowest < 1 or highest > 8:
        return None
    width = 4 if highest <= 4 else 8
    kind = np.dtype(f"<u{width}")
    words = np.ndarray(len(content) - width + 1, kind, content, 0, (1,))[starts]
    words &= _KEPT.astype(kind).take(sizes)
    if ((words & kind.type(_MORE & 2 ** (8 * width) - 1)) != _MORES.astype(kind).take(sizes)).any():
        return None
    for bits in (7, 14, 28)[: 2 if width == 4 else 3]:  # groups of 7 bits, two by two
        low = sum((2**bits - 1) << place for place in range(0, 8 * width, 2 * (bits + bits // 7)))
        upper = words >> kind.type(bits // 7)
        upper &= kind.type(low << bits)
        words &= kind.type(low)
        words |= upper
    return words.astype(np.int64)


def _read_varints(payload: np.ndarray, positions: _StepPositions) -> tuple[np.ndarray, np.ndarray]:
    """int64 numbers, and the offsets of the steps."""
    sizes = np.broadcast_to(positions.sizes, len(positions.starts))
    ends = np.flatnonzero(payload < 0x80) + 1
    step_ends = np.cumsum(sizes)
    if len(payload):
        _expect_steps((payload.take(step_ends - 1, mode="clip") < 0x80) | (sizes == 0), positions)  # where numbers end
    if len(ends) == len(sizes) and np.array_equal(ends, step_ends):
        step_offsets = np.arange(len(sizes) + 1)
    else:
        step_offsets = np.concatenate([[0], np.searchsorted(ends, step_ends, side="right")])
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    numbers = (payload.take(starts) & 0x7F).astype(np.uint64) if len(ends) else np.zeros(0, np.uint64)
    for place in range(1, int(lengths.max(initial=0))):
        _expect(place < 10)
        rows = np.flatnonzero(lengths > place)
        octet = payload.take(starts.take(rows) + place)
        _expect(place < 9 or bool((octet == 1).all()))  # the 64th bit
        numbers[rows] |= (octet & 0x7F).astype(np.uint64) << np.uint64(7 * place)
    return numbers.view(np.int64), step_offsets


def _empty(kind: str) -> pa.Array:
    return pa.array([], {"bytes": pa.large_binary(), "float": pa.float32(), "int64": pa.int64()}[kind])


def _expect(usual: object) -> None:
    if not usual:
        raise Unusual


def _expect_steps(usual: np.ndarray, positions: _StepPositions) -> None:
    """Of steps, bool `[steps]`, or one for all."""
    if not usual.all():
        steps = np.broadcast_to(usual, len(positions.starts))
        raise Unusual(positions.records_of(np.flatnonzero(~steps)))
