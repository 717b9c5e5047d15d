"""tf.SequenceExamples of the usual form -> Arrow lists, with numpy: the headers of a whole block compared at once.

Writers usually write one context, then the feature lists, and every step as one packed list. Records in exactly this
form need no parser: this finds each list (of all records in lock-step), then its steps (`packed_steps`). Records in
other forms (merged messages, unpacked numbers, empty steps, unknown fields, damage) are left to tfx-bsl. This is twice
as fast as tfx-bsl on usual records, and keeps all bits of integers.

    record    0A <size> context   12 <size> lists          lists     0A <size> entry, 0A <size> entry, ...
    entry     0A <size> key       12 <size> steps          steps     0A <size> step, ...
    step      0A <size> of bytes, 12 <size> of floats or 1A <size> of integers: a list     list     0A <size> values
Source: protobuf.dev/programming-guides/encoding, tensorflow/core/example/{example,feature}.proto.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lengthwise.records.decoding.packed_steps import KINDS, PADDING, PackedSteps, Unusual, read_steps
from lengthwise.records.decoding.wide_integers import SEQUENCES

_PADDING = 2 * PADDING  # so that a header that the end truncates is read, and then rejected
_ATTEMPTS = 4  # blocks of unusual records until only every 16th is tried; and lists, without their unusual records
_RARELY = 16
_MOST_LISTS = 256  # in a record: each needs one iteration, so tfx-bsl is faster with more
_MOST_OTHERS = 256  # undeclared keys in a block: each needs two numbers per record


@dataclass(frozen=True, slots=True)
class UsualBlock:
    """The usual records of a block.

    Attributes:
        rows: int64 `[n]`: their positions in the block, increasing.
        contexts: each record's bytes up to its feature lists: a record without sequences.
        lists: by key, an Arrow `large_list<large_list<T>>`, as tfx-bsl returns it.
    """

    rows: np.ndarray
    contexts: list[bytes]
    lists: dict[str, pa.Array]

    def complete(self, contexts: pa.RecordBatch, places: np.ndarray) -> pa.RecordBatch:
        """The batch that tfx-bsl decoded from the contexts at these positions, with the sequences added."""
        at = contexts.schema.get_field_index(SEQUENCES)
        fields = list(contexts.schema.field(at).type)
        lists = [_take(self.lists[field.name], places) for field in fields]
        return contexts.set_column(at, contexts.schema.field(at), pa.StructArray.from_arrays(lists, fields=fields))


class WireReader:
    """Reads the feature lists of the given kinds. After several unusual blocks, it tries few of the next ones."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self._kinds = {key.encode(): kind for key, kind in kinds.items()}
        self._failures = 0  # consecutive ones

    def read(self, records: list[bytes]) -> UsualBlock | None:
        """The records in the usual form; None if they are less than half."""
        if not records or not self._kinds:
            return None
        if self._failures >= _ATTEMPTS and self._failures % _RARELY:
            self._failures += 1
            return None
        try:
            block = self._read(records)
        except Unusual:
            self._failures += 1
            return None
        self._failures = 0
        return block

    def _read(self, records: list[bytes]) -> UsualBlock:
        data = b"".join([*records, _PADDING])
        stops = np.cumsum(np.fromiter(map(len, records), np.int64, len(records)))
        starts = np.concatenate([[0], stops[:-1]])
        octets = np.frombuffer(data, np.uint8)
        usual = np.ones(len(records), bool)
        middles, at = _find_lists(octets, starts, stops, usual)
        read: dict[str, tuple[np.ndarray, pa.Array]] = {}
        for key, bounds in _find_entries(octets, at, stops, list(self._kinds), usual).items():
            known, lists = _read_lists(data, *bounds, self._kinds.get(key), usual)
            if key in self._kinds:
                read[key.decode()] = known, lists
        rows = _usual_rows(usual)
        taken = {key: _take(lists, np.searchsorted(known, rows)) for key, (known, lists) in read.items()}
        firsts, lasts = starts[rows].tolist(), middles[rows].tolist()
        return UsualBlock(rows, [data[first:last] for first, last in zip(firsts, lasts, strict=True)], taken)


def _usual_rows(usual: np.ndarray) -> np.ndarray:
    """int64: the positions of the usual records; raises `Unusual` if they are less than half."""
    rows = np.flatnonzero(usual)
    if 2 * len(rows) < len(usual):
        raise Unusual
    return rows


def _find_lists(
    octets: np.ndarray, at: np.ndarray, stops: np.ndarray, usual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where each record's context ends, and the first entry of its feature lists starts; updates `usual`."""
    with_context = octets[at] == 0x0A
    size, inside, whole = _varints(octets, at + 1)
    middles = np.where(with_context, inside + size, at)
    usual &= (whole | ~with_context) & (middles < stops)
    size, inside, whole = _varints(octets, middles + 1)
    usual &= whole & (octets.take(middles, mode="clip") == 0x12) & (inside + size == stops)
    return middles, inside


def _find_entries(
    octets: np.ndarray, at: np.ndarray, stops: np.ndarray, keys: list[bytes], usual: np.ndarray
) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
    """By key, also undeclared ones, where each record's list starts and stops; -1 in records without it."""
    bounds = {key: (np.full(len(at), -1), np.full(len(at), -1)) for key in keys}
    rows = _usual_rows(usual)
    rounds, most = 0, len(bounds) + _MOST_OTHERS
    while len(rows := rows[at[rows] < stops[rows]]):
        rounds += 1
        if rounds > _MOST_LISTS:
            usual[rows] = False
            break
        size, inside, whole = _varints(octets, at[rows] + 1)
        ends = inside + size
        names = inside + 2
        values = names + octets.take(inside + 1, mode="clip")  # the size of a key of less than 128 bytes
        fits = whole & (ends <= stops[rows]) & (values < ends)
        size, first, whole = _varints(octets, values + 1)
        fits &= whole & (first + size == ends)
        for place, octet in ((at[rows], 0x0A), (inside, 0x0A), (values, 0x12)):
            fits &= octets.take(place, mode="clip") == octet
        if not fits.all():
            usual[rows[~fits]] = False
            rows, names, values, first, ends = (array[fits] for array in (rows, names, values, first, ends))
        _sort_by_key(octets, rows, names, values, first, ends, bounds, usual, most)
        rows, ends = rows[usual[rows]], ends[usual[rows]]
        at[rows] = ends
    return bounds


def _sort_by_key(
    octets: np.ndarray,
    rows: np.ndarray,
    names: np.ndarray,
    values: np.ndarray,
    first: np.ndarray,
    ends: np.ndarray,
    bounds: dict[bytes, tuple[np.ndarray, np.ndarray]],
    usual: np.ndarray,
    most: int,
) -> None:
    """Adds one entry of each of `rows` to `bounds` under its key; at most `most` keys."""
    left = np.arange(len(rows))
    while len(left):
        key = octets[names[left[0]] : values[left[0]]].tobytes()  # usually the key of all rows
        same = values[left] - names[left] == len(key)
        for place, octet in enumerate(key):
            same &= octets.take(names[left] + place, mode="clip") == octet
        if key not in bounds and len(bounds) >= most:
            usual[rows[left]] = False
            return
        chosen, left = left[same], left[~same]
        records = rows[chosen]
        if key not in bounds:
            if not key.isascii() or len(key) >= 0x80:
                usual[records] = False
                continue
            bounds[key] = np.full(len(usual), -1), np.full(len(usual), -1)
        starts, stops = bounds[key]
        usual[records[starts[records] >= 0]] = False  # if a key occurs twice, parsers take the last, or merge them
        starts[records], stops[records] = first[chosen], ends[chosen]


def _read_lists(
    data: bytes, firsts: np.ndarray, lasts: np.ndarray, kind: str | None, usual: np.ndarray
) -> tuple[np.ndarray, pa.Array]:
    """The records that are still `usual`, and their lists of one key; marks records with other lists as unusual."""
    for _ in range(_ATTEMPTS):
        rows = _usual_rows(usual)
        first, last = (firsts, lasts) if len(rows) == len(usual) else (firsts[rows], lasts[rows])
        try:
            content, sizes = _cut_out(data, first, last), np.maximum(last - first, 0)
            steps = read_steps(content, sizes, kind or _kind_of(content, sizes))
        except Unusual as error:
            if error.records is None or not len(error.records):
                raise
            usual[rows[error.records]] = False
        else:
            return rows, _to_arrow(steps, first >= 0)
    raise Unusual


def _varints(octets: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The varints of at most 28 bits at these positions, the positions after them, and whether they end there."""
    octet = octets.take(at, mode="clip")
    value = (octet & 0x7F).astype(np.int64)
    at = at + 1
    more = octet >= 0x80
    for shift in (7, 14, 21):
        if not more.any():
            break
        octet = octets.take(at, mode="clip")
        value |= np.where(more, (octet & 0x7F).astype(np.int64) << shift, 0)
        at = at + more
        more &= octet >= 0x80
    return value, at, ~more


def _cut_out(data: bytes, firsts: np.ndarray, lasts: np.ndarray) -> pa.Buffer:
    """The bytes from each first to each last, where it is not negative, and `PADDING`, one after the other.

    Arrow takes every other item of an array whose items are these and the bytes between.
    """
    present = firsts >= 0
    count = int(present.sum()) + 1
    bounds = np.empty(2 * count, np.int64)
    bounds[:-2:2], bounds[1:-2:2] = firsts[present], lasts[present]
    bounds[-2:] = len(data) - len(PADDING), len(data)
    items = pa.Array.from_buffers(pa.large_binary(), 2 * count - 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)])
    return items.take(pa.array(np.arange(0, 2 * count, 2))).buffers()[2]


def _kind_of(content: pa.Buffer, sizes: np.ndarray) -> str:
    """The kind of most of an undeclared key's lists, which are read only to validate their records."""
    tags = np.frombuffer(content, np.uint8).take(np.cumsum(sizes) - sizes + 2)  # of the first steps
    kind, tag = max(KINDS.items(), key=lambda item: int(((tags == item[1]) & (sizes > 0)).sum()))
    others = np.flatnonzero((tags != tag) & (sizes > 0))
    if len(others):
        raise Unusual(others)
    return kind


def _take(lists: pa.Array, places: np.ndarray) -> pa.Array:
    """The lists at these increasing positions."""
    return lists if len(places) == len(lists) else lists.take(pa.array(places))


def _to_arrow(steps: PackedSteps, present: np.ndarray) -> pa.Array:
    inner = pa.LargeListArray.from_arrays(pa.array(steps.step_offsets), steps.values)
    mask = None if present.all() else pa.array(~present)
    return pa.LargeListArray.from_arrays(pa.array(steps.row_offsets), inner, mask=mask)
