"""One feature of many records -> its values as arrays: the number of steps, their kinds, and their values.

All records are read at once by `packed_steps` if every step is one packed list of one kind. Other forms are read by
protobuf, at about a microsecond per step, with the same result.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from lengthwise.records.arrays.proto_messages import varint
from lengthwise.records.decoding.example_protos import Feature, FeatureList
from lengthwise.records.decoding.packed_steps import PADDING, Unusual, read_steps

KINDS = ("bytes_list", "float_list", "int64_list")
"""The lists of a tf.train.Feature; `FeatureValues.kinds` has their positions, and -1 for a feature without a list."""
_WIRE_KINDS = {"bytes": 0, "float": 1, "int64": 2}
_TYPES = (pa.large_binary(), pa.float32(), pa.int64())


@dataclass(frozen=True, slots=True)
class FeatureValues:
    """The values of a feature in the records that have it.

    Attributes:
        steps: int64 `[records]`: the number of steps of each.
        kinds: int8 `[all steps]`: the list of each step, a position in `KINDS`.
        widths: int64 `[all steps]`: how many values each step has.
        values: by the kind's position, the values of all steps of that kind: an Arrow array of bytes, or a numpy array.
        unreadable: the positions of the records whose bytes cannot be parsed; these have no step here.
    """

    steps: np.ndarray
    kinds: np.ndarray
    widths: np.ndarray
    values: dict[int, pa.Array | np.ndarray]
    unreadable: list[int]


def read_feature_lists(parts: list[bytes]) -> FeatureValues:
    """Reads serialized `tf.train.FeatureList`s, one per record."""
    return _read_usual(parts) or _read_any(parts, lambda part: FeatureList.FromString(part).feature)


def read_features(parts: list[bytes]) -> FeatureValues:
    """Reads serialized `tf.train.Feature`s, one per record; each is one step."""
    lists = [b"\x0a" + varint(len(part)) + part for part in parts]  # a FeatureList of which each is the only step
    return _read_usual(lists) or _read_any(parts, lambda part: (Feature.FromString(part),))


def _read_usual(parts: list[bytes]) -> FeatureValues | None:
    content = b"".join([*parts, PADDING])
    sizes = np.fromiter(map(len, parts), np.int64, len(parts))
    for name, kind in _WIRE_KINDS.items():
        try:
            packed = read_steps(content, sizes, name)
        except Unusual:
            continue
        values = packed.values if kind == 0 else packed.values.to_numpy(zero_copy_only=False)
        widths = np.diff(packed.step_offsets)
        kinds = np.full(len(widths), kind, np.int8)
        return FeatureValues(np.diff(packed.row_offsets), kinds, widths, {kind: values}, [])
    return None


def _read_any(parts: list[bytes], parse: Callable[[bytes], Iterable[Any]]) -> FeatureValues:
    steps: list[int] = []
    kinds: list[int] = []
    widths: list[int] = []
    values: dict[int, list[Any]] = {}
    unreadable: list[int] = []
    for row, part in enumerate(parts):
        before = len(widths)
        try:
            for step in parse(part):
                name = step.WhichOneof("kind")
                content = getattr(step, name).value if name else ()
                kind = KINDS.index(name) if name else -1
                kinds.append(kind)
                widths.append(len(content))
                if content:
                    values.setdefault(kind, []).extend(content)
        except Exception:  # noqa: BLE001 (protobuf raises DecodeError, UnicodeDecodeError and others)
            unreadable.append(row)
        steps.append(len(widths) - before)
    arrays = {kind: pa.array(of_kind, _TYPES[kind]) for kind, of_kind in values.items()}
    return FeatureValues(
        np.array(steps, np.int64),
        np.array(kinds, np.int8),
        np.array(widths, np.int64),
        {kind: array if kind == 0 else array.to_numpy() for kind, array in arrays.items()},
        unreadable,
    )
