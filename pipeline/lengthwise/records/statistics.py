"""What written values look like: counts, ranges, moments, histograms, the most frequent. Partial statistics add up."""

import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import AnyColumn, context_features
from lengthwise.manifest import ColumnStatistics
from lengthwise.records.encode import list_values
from lengthwise.records.features import StepFeature, step_features

BINS = 32
TOP = 20
MOST_IDS = 2**20
"""Ids of columns with more are not counted one by one: `distinct` and `top` are left out."""
_KEPT_STRINGS = 1000  # of a shard's distinct strings: approximate where there are more

_CHUNK = 2**15  # numbers whose places stay in the processor's cache

Range = tuple[float, float]


@dataclass(slots=True)
class Partial:
    """The statistics of a feature in some rows.

    Attributes:
        sums: float64 `[4]`: values, missing values, their sum, the sum of their squares.
        bins: int64 `[BINS]` of numbers, else empty.
        ids: int64 `[distinct]`, increasing: the ids that occur.
        counts: int64 `[distinct]`: how often.
        texts: the most frequent strings, with their counts.
    """

    sums: np.ndarray
    bins: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    texts: Counter[str] = field(default_factory=Counter)


def to_bytes(parts: Mapping[str, Partial]) -> bytes:
    """Partial statistics as the bytes of an `.npz` archive."""
    arrays: dict[str, np.ndarray] = {}
    for number, (key, part) in enumerate(parts.items()):
        text = json.dumps([key, part.texts]).encode()
        arrays |= {f"{number}-sums": part.sums, f"{number}-bins": part.bins, f"{number}-ids": part.ids}
        arrays |= {f"{number}-counts": part.counts, f"{number}-texts": np.frombuffer(text, np.uint8)}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def from_bytes(content: bytes) -> dict[str, Partial]:
    """The partial statistics that `to_bytes` made the bytes of."""
    parts = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for number in range(len(arrays.files) // 5):
            key, texts = json.loads(arrays[f"{number}-texts"].tobytes())
            sums, bins, ids, counts = (arrays[f"{number}-{name}"] for name in ("sums", "bins", "ids", "counts"))
            parts[key] = Partial(sums, bins, ids, counts, Counter(texts))
    return parts


def ranges(columns: Iterable[AnyColumn], rows: pa.RecordBatch) -> dict[str, Range]:
    """The smallest and the largest finite number of each numeric feature; features without one are left out."""
    found = {}
    for key in numeric_keys(columns):
        numbers = _finite(list_values(rows.column(key)))
        if len(numbers):
            found[key] = (float(numbers.min()), float(numbers.max()))
    return found


def merge_ranges(parts: Iterable[Mapping[str, Range]]) -> dict[str, Range]:
    """The ranges that cover all of `parts`."""
    merged: dict[str, Range] = {}
    for part in parts:
        for key, (low, high) in part.items():
            known = merged.get(key, (math.inf, -math.inf))
            merged[key] = (min(known[0], low), max(known[1], high))
    return merged


def numeric_keys(columns: Iterable[AnyColumn]) -> list[str]:
    """The keys of the features that are numbers: sequences, weights and context."""
    columns = tuple(columns)
    numbers = [step.key for step in step_features(columns) if step.num_buckets is None]
    return numbers + [column.key for column in context_features(columns) if column.dtype != "string"]


def describe(columns: Iterable[AnyColumn], rows: pa.RecordBatch, known: Mapping[str, Range]) -> dict[str, Partial]:
    """The partial statistics of rows, by key; `known` are the ranges of all rows of the data set."""
    columns = tuple(columns)
    parts = {}
    for step in step_features(columns):
        values = list_values(rows.column(step.key))
        parts[step.key] = _ids(step, values) if step.num_buckets is not None else _numbers(values, known.get(step.key))
    for column in context_features(columns):
        if column.dtype == "string":
            parts[column.key] = _strings(rows.column(column.key).flatten())
        else:
            parts[column.key] = _numbers(list_values(rows.column(column.key)), known.get(column.key))
    return parts


def merge(parts: Iterable[Mapping[str, Partial]]) -> dict[str, Partial]:
    """Adds up partial statistics, in the order given."""
    merged: dict[str, Partial] = {}
    for part in parts:
        for key, other in part.items():
            merged[key] = _add(merged[key], other) if key in merged else other
    return merged


def _add(one: Partial, other: Partial) -> Partial:
    ids, places = np.unique(np.concatenate([one.ids, other.ids]), return_inverse=True)
    counts = np.zeros(len(ids), np.int64)
    np.add.at(counts, places, np.concatenate([one.counts, other.counts]))
    bins = one.bins + other.bins if len(one.bins) == len(other.bins) else max(one.bins, other.bins, key=len)
    return Partial(one.sums + other.sums, bins, ids, counts, one.texts + other.texts)


def finish(merged: Mapping[str, Partial], known: Mapping[str, Range]) -> dict[str, ColumnStatistics]:
    """The manifest's statistics."""
    return {key: _finish(part, known.get(key)) for key, part in sorted(merged.items())}


def _finish(part: Partial, known: Range | None) -> ColumnStatistics:
    values, missing = int(part.sums[0]), int(part.sums[1])
    counted = values - missing
    if len(part.ids):
        most = np.lexsort((part.ids, -part.counts))[:TOP]
        return ColumnStatistics(
            values=values,
            missing=missing,
            min=int(part.ids[0]),
            max=int(part.ids[-1]),
            distinct=len(part.ids),
            top=tuple((str(part.ids[place]), int(part.counts[place])) for place in most),
        )
    if part.texts:
        texts = sorted(part.texts.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        return ColumnStatistics(values=values, missing=missing, top=tuple(texts))
    if known is None or counted == 0:
        return ColumnStatistics(values=values, missing=missing)
    mean = float(part.sums[2]) / counted
    return ColumnStatistics(
        values=values,
        missing=missing,
        min=known[0],
        max=known[1],
        mean=mean,
        std=math.sqrt(max(0.0, float(part.sums[3]) / counted - mean * mean)),
        histogram=tuple(part.bins.tolist()),
    )


def _ids(step: StepFeature, values: np.ndarray) -> Partial:
    missing = int((values < 0).sum())
    sums = np.array([len(values), missing, 0.0, 0.0])
    if step.num_buckets is None or step.num_buckets > MOST_IDS:
        return Partial(sums)
    counts = np.bincount(values[values >= 0] if missing else values)
    ids = np.flatnonzero(counts)
    return Partial(sums, ids=ids, counts=counts[ids])


def _numbers(values: np.ndarray, known: Range | None) -> Partial:
    numbers = _finite(values).astype(np.float64, copy=False)
    sums = np.array([len(values), len(values) - len(numbers), numbers.sum(), np.dot(numbers, numbers)])
    if known is None or len(numbers) == 0:
        return Partial(sums)
    low, high = known
    scale = BINS / (high - low) if high > low else 0.0
    bins = np.zeros(BINS, np.int64)
    for start in range(0, len(numbers), _CHUNK):
        places = numbers[start : start + _CHUNK] - low
        places *= scale
        bins += np.bincount(np.clip(places, 0, BINS - 1, out=places).astype(np.int64), minlength=BINS)
    return Partial(sums, bins=bins)


def _strings(values: pa.Array) -> Partial:
    counted = pc.value_counts(values)
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    most = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_KEPT_STRINGS]
    texts = Counter({text.decode("utf-8", "backslashreplace"): count for text, count in most})
    return Partial(np.array([len(values), 0.0, 0.0, 0.0]), texts=texts)


def _finite(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]
