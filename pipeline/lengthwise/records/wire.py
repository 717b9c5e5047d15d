"""tf.SequenceExamples of the usual form -> Arrow lists, with numpy: the headers of a whole block compared at once.

Writers give a record one context, then its feature lists, and every step one packed list. A block whose bytes are
exactly so needs no parser: find each list (all records in lock-step), then its steps (`packed`). Whatever else the wire
format allows (merged messages, unpacked numbers, empty steps, unknown fields, damage) is not judged here: the block is
handed back, and tfx-bsl decodes it. Twice as fast as tfx-bsl on usual records, and integers stay whole.

    record    0A <size> context   12 <size> lists          lists     0A <size> entry, 0A <size> entry, ...
    entry     0A <size> key       12 <size> steps          steps     0A <size> step, ...
    step      0A <size> of bytes, 12 <size> of floats or 1A <size> of integers: a list     list     0A <size> values
Source: protobuf.dev/programming-guides/encoding, tensorflow/core/example/{example,feature}.proto.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lengthwise.records.packed import KINDS, PADDING, PackedSteps, Unusual, read_steps
from lengthwise.records.wide import SEQUENCES

_PADDING = 2 * PADDING  # so that a header cut off by the end is read, and then refused
_ATTEMPTS = 4
_MOST_LISTS = 256  # in a record: each takes a round here, so tfx-bsl is faster with more
_MOST_OTHERS = 256  # undeclared keys in a block: each takes two numbers a record


@dataclass(frozen=True, slots=True)
class UsualBlock:
    """A block of usual records.

    Attributes:
        contexts: each record's bytes up to its feature lists: a record without sequences.
        lists: by key, an Arrow `large_list<large_list<T>>`, as tfx-bsl gives it.
    """

    contexts: list[bytes]
    lists: dict[str, pa.Array]

    def complete(self, contexts: pa.RecordBatch) -> pa.RecordBatch:
        """What tfx-bsl made of `contexts`, with the sequences put in."""
        at = contexts.schema.get_field_index(SEQUENCES)
        fields = list(contexts.schema.field(at).type)
        lists = pa.StructArray.from_arrays([self.lists[field.name] for field in fields], fields=fields)
        return contexts.set_column(at, contexts.schema.field(at), lists)


class WireReader:
    """Reads the feature lists of the given kinds. Gives up on a file whose blocks are not of the usual form."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self._kinds = {key.encode(): kind for key, kind in kinds.items()}
        self._attempts = _ATTEMPTS

    def read(self, records: list[bytes]) -> UsualBlock | None:
        """The block, or None where any of its records is not of the usual form."""
        if not records or not self._kinds or self._attempts == 0:
            return None
        try:
            block = self._read(records)
        except Unusual:
            self._attempts -= 1
            return None
        self._attempts = _ATTEMPTS
        return block

    def _read(self, records: list[bytes]) -> UsualBlock:
        data = b"".join([*records, _PADDING])
        stops = np.cumsum(np.fromiter(map(len, records), np.int64, len(records)))
        starts = np.concatenate([[0], stops[:-1]])
        octets = np.frombuffer(data, np.uint8)
        middles, at = _find_lists(octets, starts, stops)
        found = _find_entries(octets, at, stops, list(self._kinds))
        lists = {}
        for key, (firsts, lasts) in found.items():
            content = _cut_out(data, firsts, lasts)
            kind = self._kinds.get(key) or _kind_of(content)
            steps = read_steps(content, np.maximum(lasts - firsts, 0), kind)
            if key in self._kinds:
                lists[key.decode()] = _to_arrow(steps, firsts >= 0)
        contexts = [data[first:last] for first, last in zip(starts.tolist(), middles.tolist(), strict=True)]
        return UsualBlock(contexts, lists)


def _find_lists(octets: np.ndarray, at: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each record's context ends, and where the first entry of its feature lists starts."""
    with_context = octets[at] == 0x0A
    size, inside = _varints(octets, at + 1)
    middles = np.where(with_context, inside + size, at)
    _expect((middles < stops).all())
    size, inside = _varints(octets, middles + 1)
    _expect((octets[middles] == 0x12).all() and (inside + size == stops).all())
    return middles, inside


def _find_entries(
    octets: np.ndarray, at: np.ndarray, stops: np.ndarray, keys: list[bytes]
) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
    """By key, where each record's list starts and stops; -1 in records without it. Undeclared keys are found too."""
    found = {key: (np.full(len(at), -1), np.full(len(at), -1)) for key in keys}
    rows = np.arange(len(at))
    rounds, most = 0, len(found) + _MOST_OTHERS
    while len(rows := rows[at[rows] < stops[rows]]):
        rounds += 1
        _expect(rounds <= _MOST_LISTS)
        size, inside = _varints(octets, at[rows] + 1)
        ends = inside + size
        names = inside + 2
        values = names + octets[inside + 1]  # the size of a key of less than 128 bytes
        _expect((ends <= stops[rows]).all() and (values < ends).all())
        size, first = _varints(octets, values + 1)
        headers = np.stack([octets[at[rows]], octets[inside], octets[values]])
        _expect((headers == [[0x0A], [0x0A], [0x12]]).all() and (first + size == ends).all())
        _sort_by_key(octets, rows, names, values, first, ends, found, len(at), most)
        at[rows] = ends
    return found


def _sort_by_key(
    octets: np.ndarray,
    rows: np.ndarray,
    names: np.ndarray,
    values: np.ndarray,
    first: np.ndarray,
    ends: np.ndarray,
    found: dict[bytes, tuple[np.ndarray, np.ndarray]],
    records: int,
    most: int,
) -> None:
    """Enters one entry of each of `rows` under its key, of which there may be so many."""
    left = np.arange(len(rows))
    while len(left):
        key = octets[names[left[0]] : values[left[0]]].tobytes()  # most often that of all rows
        _expect(key.isascii() and len(key) < 0x80)
        same = values[left] - names[left] == len(key)
        for place, octet in enumerate(key):
            same &= octets.take(names[left] + place, mode="clip") == octet
        chosen = left[same]
        if key not in found:
            _expect(len(found) < most)
            found[key] = np.full(records, -1), np.full(records, -1)
        starts, stops = found[key]
        _expect((starts[rows[chosen]] < 0).all())  # of a key twice in a record, parsers take the last, or merge them
        starts[rows[chosen]], stops[rows[chosen]] = first[chosen], ends[chosen]
        left = left[~same]


def _varints(octets: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of at most 28 bits that stand at these places, and the places behind them."""
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
    _expect(not more.any())
    return value, at


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


def _kind_of(content: pa.Buffer) -> str:
    """The kind of an undeclared list, read only to be sure that the record is whole."""
    kinds = [kind for kind, tag in KINDS.items() if len(content) == len(PADDING) or content[2] == tag]
    _expect(kinds)
    return kinds[0]


def _to_arrow(steps: PackedSteps, present: np.ndarray) -> pa.Array:
    inner = pa.LargeListArray.from_arrays(pa.array(steps.step_offsets), steps.values)
    mask = None if present.all() else pa.array(~present)
    return pa.LargeListArray.from_arrays(pa.array(steps.row_offsets), inner, mask=mask)


def _expect(usual: object) -> None:
    if not usual:
        raise Unusual
