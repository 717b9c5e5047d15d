"""What written values look like: counts, ranges, moments, histograms, the most frequent. Partial statistics add up."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from lengthwise.columns import AnyColumn, context_features
from lengthwise.manifest import ColumnStatistics
from lengthwise.records.encode import list_values
from lengthwise.records.features import StepFeature, step_features

BINS = 32
TOP = 20
MOST_IDS = 2**20
"""Ids of columns with more are not counted one by one: `distinct` and `top` are left out."""
_KEPT_STRINGS = 1000  # of a shard's distinct strings: approximate where there are more

Range = tuple[float, float]


class Partial(BaseModel):
    """The statistics of a feature in some rows; `ids` and `strings` count each distinct value."""

    model_config = ConfigDict(extra="forbid")

    values: int = 0
    missing: int = 0
    total: float = 0.0
    squares: float = 0.0
    bins: list[int] = []
    ids: dict[int, int] = {}
    strings: dict[str, int] = {}


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
            mine = merged.setdefault(key, Partial())
            mine.values += other.values
            mine.missing += other.missing
            mine.total += other.total
            mine.squares += other.squares
            mine.bins = [a + b for a, b in zip(mine.bins, other.bins, strict=True)] if mine.bins else other.bins
            mine.ids = dict(Counter(mine.ids) + Counter(other.ids)) if mine.ids else other.ids
            mine.strings = dict(Counter(mine.strings) + Counter(other.strings)) if mine.strings else other.strings
    return merged


def finish(merged: Mapping[str, Partial], known: Mapping[str, Range]) -> dict[str, ColumnStatistics]:
    """The manifest's statistics."""
    return {key: _finish(part, known.get(key)) for key, part in sorted(merged.items())}


def _finish(part: Partial, known: Range | None) -> ColumnStatistics:
    counted = part.values - part.missing
    if part.ids:
        top = sorted(part.ids.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        return ColumnStatistics(
            values=part.values,
            missing=part.missing,
            min=min(part.ids),
            max=max(part.ids),
            distinct=len(part.ids),
            top=tuple((str(value), count) for value, count in top),
        )
    if part.strings:
        texts = sorted(part.strings.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        return ColumnStatistics(values=part.values, missing=part.missing, top=tuple(texts))
    if known is None or counted == 0:
        return ColumnStatistics(values=part.values, missing=part.missing)
    mean = part.total / counted
    return ColumnStatistics(
        values=part.values,
        missing=part.missing,
        min=known[0],
        max=known[1],
        mean=mean,
        std=math.sqrt(max(0.0, part.squares / counted - mean * mean)),
        histogram=tuple(part.bins),
    )


def _ids(step: StepFeature, values: np.ndarray) -> Partial:
    missing = int((values < 0).sum())
    if step.num_buckets is None or step.num_buckets > MOST_IDS:
        return Partial(values=len(values), missing=missing)
    counts = np.bincount(values[values >= 0] if missing else values)
    ids = np.flatnonzero(counts)
    return Partial(values=len(values), missing=missing, ids=dict(zip(ids.tolist(), counts[ids].tolist(), strict=True)))


def _numbers(values: np.ndarray, known: Range | None) -> Partial:
    numbers = _finite(values).astype(np.float64, copy=False)
    if known is None or len(numbers) == 0:
        return Partial(values=len(values), missing=len(values) - len(numbers))
    low, high = known
    scale = BINS / (high - low) if high > low else 0.0
    places = np.clip((numbers - low) * scale, 0, BINS - 1).astype(np.int64)
    return Partial(
        values=len(values),
        missing=len(values) - len(numbers),
        total=float(numbers.sum()),
        squares=float(np.dot(numbers, numbers)),
        bins=np.bincount(places, minlength=BINS).tolist(),
    )


def _strings(values: pa.Array) -> Partial:
    counted = pc.value_counts(values)
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    most = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_KEPT_STRINGS]
    return Partial(
        values=len(values), strings={text.decode("utf-8", "backslashreplace"): count for text, count in most}
    )


def _finite(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]
