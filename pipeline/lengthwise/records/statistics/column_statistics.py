"""Counts, ranges, moments, histograms and the most frequent of written values. Partial statistics add up."""

import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import AnyColumn, context_features, context_ids, id_features
from lengthwise.manifest import ColumnStatistics
from lengthwise.records.encoding.example_encoder import list_values
from lengthwise.records.rows.row_features import StepFeature, absence_column, step_features, with_numbers
from lengthwise.records.statistics.training_numbers import (
    MOST_ELEMENTS,
    TrainingNumbers,
    measure_numbers,
    training_statistics,
)

BINS = 32
TOP = 20
MOST_IDS = 2**20
"""Ids of columns with more are not counted one by one: `distinct` and `top` are left out."""
MOST_TEXTS = 10_000
"""Strings of features with more distinct ones are not counted one by one: `distinct` and `top` are left out. It
limits distinct strings, not what a shard keeps: so the counts are exact, in any order of shards."""
LONGEST_TEXT = 200
"""Characters of a string in `top`; an ellipsis replaces the rest."""
_KEPT_BYTES = 4 * LONGEST_TEXT  # of a string; in a longer one a digest of all bytes replaces the rest

_CHUNK = 2**15  # numbers that stay in the processor's cache

Range = tuple[float, float]


def _no_counts() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(slots=True)
class PartialStatistics:
    """The statistics of a feature in some rows.

    Attributes:
        sums: float64 `[4]`: values; missing values; of the numbers, less the smallest of the data set, the sum and the
            sum of the squares.
        bins: int64 `[BINS]` of numbers, else empty.
        ids: int64 `[distinct]`, increasing: the ids that occur.
        counts: int64 `[distinct]`: how often.
        texts: how often each string occurs; empty if there are more than `MOST_TEXTS`.
        crowded: whether there are more.
        training: of numbers in rows of the training split.
    """

    sums: np.ndarray = field(default_factory=lambda: np.zeros(4))
    bins: np.ndarray = field(default_factory=_no_counts)
    ids: np.ndarray = field(default_factory=_no_counts)
    counts: np.ndarray = field(default_factory=_no_counts)
    texts: Counter[bytes] = field(default_factory=Counter)
    crowded: bool = False
    training: TrainingNumbers | None = None

    def add(self, other: "PartialStatistics") -> None:
        """Adds the statistics of other rows to these."""
        self.sums = self.sums + other.sums
        if len(other.bins):
            self.bins = self.bins + other.bins if len(self.bins) else other.bins
        if len(other.ids):
            counts = np.zeros(max(self.ids.max(initial=0), other.ids[-1]) + 1, np.int64)
            counts[self.ids] = self.counts
            counts[other.ids] += other.counts
            self.ids = np.flatnonzero(counts)
            self.counts = counts[self.ids]
        self.texts.update(other.texts)
        if self.crowded or other.crowded or len(self.texts) > MOST_TEXTS:
            self.texts, self.crowded = Counter(), True
        if self.training is None:
            self.training = other.training
        elif other.training is not None:
            self.training.add(other.training)


def to_bytes(parts: Mapping[str, PartialStatistics]) -> bytes:
    """Partial statistics as the bytes of an `.npz` archive."""
    arrays: dict[str, np.ndarray] = {}
    for number, (key, part) in enumerate(parts.items()):
        texts = {text.decode("latin-1"): count for text, count in part.texts.items()}  # a character a byte
        rest = json.dumps([key, texts, part.crowded]).encode()
        arrays |= {f"{number}-sums": part.sums, f"{number}-bins": part.bins, f"{number}-ids": part.ids}
        arrays |= {f"{number}-counts": part.counts, f"{number}-rest": np.frombuffer(rest, np.uint8)}
        if part.training is not None:
            sample = np.concatenate(part.training.sample)
            arrays |= {f"{number}-moments": part.training.moments, f"{number}-sample": sample}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def from_bytes(content: bytes) -> dict[str, PartialStatistics]:
    """The partial statistics that `to_bytes` encoded."""
    parts = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for number in range(sum(name.endswith("-rest") for name in arrays.files)):
            key, texts, crowded = json.loads(arrays[f"{number}-rest"].tobytes())
            counted = Counter({text.encode("latin-1"): count for text, count in texts.items()})
            sums, bins, ids, counts = (arrays[f"{number}-{name}"] for name in ("sums", "bins", "ids", "counts"))
            parts[key] = PartialStatistics(sums, bins, ids, counts, counted, crowded)
            if f"{number}-moments" in arrays.files:
                parts[key].training = TrainingNumbers(arrays[f"{number}-moments"], [arrays[f"{number}-sample"]])
    return parts


class Ranges:
    """The smallest and the largest finite number of each numeric feature.

    Attributes:
        found: by key, of the features that had one.
    """

    def __init__(self, columns: Iterable[AnyColumn]) -> None:
        columns = tuple(columns)
        self._steps = step_features(columns)
        self._keys = numeric_keys(columns)
        self.found: dict[str, Range] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        """Counts the numbers of rows."""
        rows = _with_measures(self._steps, rows)
        for key in self._keys:
            numbers = _numbers(rows, key)
            if len(numbers):
                here = {key: (float(numbers.min()), float(numbers.max()))}
                self.found = merge_ranges([self.found, here])


def _with_measures(steps: Sequence[StepFeature], rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with numbers as in batches, and the sizes of byte strings instead of them."""
    rows = with_numbers(steps, rows)
    for step in steps:
        if step.is_bytes:
            at = rows.schema.get_field_index(step.key)
            lists = rows.column(at)
            sizes = pa.LargeListArray.from_arrays(lists.offsets, pc.binary_length(lists.values))
            rows = rows.set_column(at, step.key, sizes)
    return rows


def merge_ranges(parts: Iterable[Mapping[str, Range]]) -> dict[str, Range]:
    """The ranges that cover all of `parts`."""
    merged: dict[str, Range] = {}
    for part in parts:
        for key, (low, high) in part.items():
            known = merged.get(key, (math.inf, -math.inf))
            merged[key] = (min(known[0], low), max(known[1], high))
    return merged


def numeric_keys(columns: Iterable[AnyColumn]) -> list[str]:
    """The keys of numeric features: sequences, weights and context; and of byte strings, whose sizes are counted."""
    columns = tuple(columns)
    numbers = [step.key for step in step_features(columns) if step.num_buckets is None]
    context = [column.key for column in context_features(columns) if column.dtype != "string"]
    ids = {column.key for column in id_features(columns)}
    return numbers + [key for key in context if key not in ids]


def partial_statistics(
    columns: Iterable[AnyColumn],
    rows: pa.RecordBatch,
    known: Mapping[str, Range],
    training: Mapping[str, int] | None = None,
    name: str = "",
) -> dict[str, PartialStatistics]:
    """The partial statistics of rows, by key.

    Args:
        columns: which features there are.
        rows: of a shard.
        known: the ranges of all rows of the data set.
        training: where they are of the training split, how many steps it has, by the column of rows that has their
            lengths, and how many rows, by an empty name.
        name: the shard's.
    """
    columns = tuple(columns)
    rows = _with_measures(step_features(columns), rows)
    parts = {}
    ids = {step.key: step.num_buckets for step in step_features(columns) if step.num_buckets is not None}
    ids |= context_ids(columns)
    texts = {column.key for column in context_features(columns) if column.dtype == "string"}
    for key in (*(step.key for step in step_features(columns)), *(column.key for column in context_features(columns))):
        if key in ids:
            parts[key] = _count_ids(rows, key, ids[key])
        else:
            parts[key] = _count_texts(rows, key) if key in texts else _measure(rows, key, known.get(key))
    if training is not None:
        for key, (width, length) in _shapes(columns).items():
            numbers = list_values(_present(rows, key))
            elements = width if width <= MOST_ELEMENTS else 1
            total = training[length] * (width // elements)
            parts[key].training = measure_numbers(numbers.reshape(-1, elements), total, f"{name}:{key}")
    return parts


def _shapes(columns: tuple[AnyColumn, ...]) -> dict[str, tuple[int, str]]:
    """The numbers per step of each numeric feature, and the column of rows with its lengths; "" for 1 step."""
    shapes = {step.key: (step.width, step.length) for step in step_features(columns)}
    shapes |= {column.key: (column.num_elements, "") for column in context_features(columns)}
    return {key: shapes[key] for key in numeric_keys(columns)}


def merge(parts: Iterable[Mapping[str, PartialStatistics]]) -> dict[str, PartialStatistics]:
    """Adds up partial statistics; the last digits of sums depend on the order."""
    merged: dict[str, PartialStatistics] = {}
    for part in parts:
        for key, other in part.items():
            merged.setdefault(key, PartialStatistics()).add(other)
    return merged


def finish(merged: Mapping[str, PartialStatistics], known: Mapping[str, Range]) -> dict[str, ColumnStatistics]:
    """The manifest's statistics."""
    return {key: _finish(part, known.get(key)) for key, part in sorted(merged.items())}


def _finish(part: PartialStatistics, known: Range | None) -> ColumnStatistics:
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
        top = tuple((_shown(text), count) for text, count in texts)
        return ColumnStatistics(values=values, missing=missing, distinct=len(part.texts), top=top)
    if known is None or counted == 0:
        return ColumnStatistics(values=values, missing=missing)
    above = float(part.sums[2]) / counted  # the smallest number
    return ColumnStatistics(
        values=values,
        missing=missing,
        min=known[0],
        max=known[1],
        mean=known[0] + above,
        std=math.sqrt(max(0.0, float(part.sums[3]) / counted - above * above)),
        histogram=tuple(part.bins.tolist()),
        training=None if part.training is None else training_statistics(part.training),
    )


def _shown(text: bytes) -> str:
    shown = text.decode("utf-8", "backslashreplace")
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + "…"


def _count_ids(rows: pa.RecordBatch, key: str, num_buckets: int) -> PartialStatistics:
    values = list_values(rows.column(key))
    missing = int((values < 0).sum())
    sums = np.array([len(values), missing, 0.0, 0.0])
    if num_buckets > MOST_IDS:
        return PartialStatistics(sums)
    counts = np.bincount(values[values >= 0] if missing else values)
    ids = np.flatnonzero(counts)
    return PartialStatistics(sums, ids=ids, counts=counts[ids])


def _measure(rows: pa.RecordBatch, key: str, known: Range | None) -> PartialStatistics:
    """The sums and the histogram of a feature's numbers, chunk by chunk.

    Numbers are summed above the smallest of the data set, so that no digits cancel however far from 0 they are: the
    variance is at least `(mean - smallest)**2 / (n - 1)`. numpy's `sum` adds in one order on every processor, which
    BLAS does not. Source: T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37 (1983), on shifted data; numpy/_core/src/umath/loops_utils.h.src, pairwise summation.
    """
    numbers = _numbers(rows, key)
    values = len(list_values(rows.column(key)))
    sums = np.array([values, values - len(numbers), 0.0, 0.0])
    if known is None or len(numbers) == 0:
        return PartialStatistics(sums)
    low, high = known
    scale = BINS / (high - low) if high > low else 0.0
    bins = np.zeros(BINS, np.int64)
    for start in range(0, len(numbers), _CHUNK):
        above = np.subtract(numbers[start : start + _CHUNK], low, dtype=np.float64)
        sums[2:] += above.sum(), np.square(above).sum()
        above *= scale
        bins += np.bincount(np.clip(above, 0, BINS - 1, out=above).astype(np.int64), minlength=BINS)
    return PartialStatistics(sums, bins=bins)


def _count_texts(rows: pa.RecordBatch, key: str) -> PartialStatistics:
    texts = _present(rows, key).flatten()
    values = len(rows.column(key).flatten())
    counted = pc.value_counts(texts)
    part = PartialStatistics(np.array([values, values - len(texts), 0.0, 0.0]), crowded=len(counted) > MOST_TEXTS)
    if not part.crowded:
        pairs = zip(counted.field("values"), counted.field("counts").to_pylist(), strict=True)
        part.texts = Counter({_bounded(text.as_py()): count for text, count in pairs})
    return part


def _bounded(text: bytes) -> bytes:
    """A unique name of bounded size for a string."""
    return text if len(text) <= _KEPT_BYTES else text[:_KEPT_BYTES] + hashlib.sha256(text).digest()


def _numbers(rows: pa.RecordBatch, key: str) -> np.ndarray:
    """The finite numbers of the rows that have the feature, flat."""
    values = list_values(_present(rows, key))
    if values.dtype.kind != "f":
        return values
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _present(rows: pa.RecordBatch, key: str) -> pa.Array:
    """A feature's lists, without those of rows in which it is absent."""
    mark = rows.schema.get_field_index(absence_column(key))
    if mark < 0 or not rows.column(mark).true_count:
        return rows.column(key)
    return rows.column(key).filter(pc.invert(rows.column(mark)))
