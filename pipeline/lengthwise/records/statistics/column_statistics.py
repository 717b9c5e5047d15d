"""Counts, ranges, moments, histograms and the most frequent of written values: of a shard, and of all shards."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import AnyColumn, ContextColumn, context_features, context_ids
from lengthwise.manifest import ColumnStatistics
from lengthwise.records.arrays.arrow_lists import list_values
from lengthwise.records.rows.row_features import StepFeature, step_features
from lengthwise.records.statistics.number_ranges import Range, finite_numbers, present_lists, with_measures
from lengthwise.records.statistics.partial_statistics import MOST_STRINGS, PartialStatistics
from lengthwise.records.statistics.training_numbers import (
    MOST_ELEMENTS,
    TrainingNumbers,
    measure_numbers,
    training_statistics,
)

BINS = 32
TOP = 20
MOST_IDS = 2**20
"""Ids of columns with more are not counted one by one: `distinct` and `top` are omitted."""
LONGEST_STRING = 200
"""Characters of a string in `top`; an ellipsis replaces the rest."""
_KEPT_BYTES = 4 * LONGEST_STRING  # of a string; in a longer one a digest of all bytes replaces the rest

_CHUNK = 2**15  # numbers that stay in the processor's cache


def partial_statistics(
    columns: Iterable[AnyColumn],
    rows: pa.RecordBatch,
    ranges: Mapping[str, Range],
    training: Mapping[str, int] | None,
    name: str,
) -> dict[str, PartialStatistics]:
    """The partial statistics of rows, by key.

    Args:
        columns: which features there are.
        rows: of a shard.
        ranges: those of all rows of the data set.
        training: where they are of the training split, how many steps it has, by the column of rows that has their
            lengths, and how many rows, by an empty name.
        name: the shard's.
    """
    columns = tuple(columns)
    steps, context = step_features(columns), context_features(columns)
    rows = with_measures(steps, rows)
    ids = {step.key: step.num_buckets for step in steps if step.num_buckets is not None} | context_ids(columns)
    strings = {column.key for column in context if column.dtype == "string"}
    parts = {}
    features: tuple[StepFeature | ContextColumn, ...] = (*steps, *context)
    for feature in features:
        key = feature.key
        if key in ids:
            parts[key] = _count_ids(rows, key, ids[key])
        elif key in strings:
            parts[key] = _count_strings(rows, key)
        else:
            parts[key] = _measure(rows, key, ranges.get(key))
            if training is not None:
                parts[key].training = _training_numbers(rows, feature, training, name)
    return parts


def _training_numbers(
    rows: pa.RecordBatch, feature: StepFeature | ContextColumn, training: Mapping[str, int], name: str
) -> TrainingNumbers:
    if isinstance(feature, StepFeature):
        width, steps = feature.width, training[feature.length]
    else:
        width, steps = feature.num_elements, training[""]
    elements = width if width <= MOST_ELEMENTS else 1
    numbers = list_values(present_lists(rows, feature.key)).reshape(-1, elements)
    return measure_numbers(numbers, steps * (width // elements), f"{name}:{feature.key}")


def column_statistics(part: PartialStatistics, numbers: Range | None) -> ColumnStatistics:
    """The manifest's statistics of a feature.

    Args:
        part: of all rows of the data set.
        numbers: the range of its numbers; None if it has none.
    """
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
    if part.strings:
        most_frequent = sorted(part.strings.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        top = tuple((_shown(string), count) for string, count in most_frequent)
        return ColumnStatistics(values=values, missing=missing, distinct=len(part.strings), top=top)
    if numbers is None or counted == 0:
        return ColumnStatistics(values=values, missing=missing)
    above = float(part.sums[2]) / counted  # the smallest number
    return ColumnStatistics(
        values=values,
        missing=missing,
        min=numbers[0],
        max=numbers[1],
        mean=numbers[0] + above,
        std=math.sqrt(max(0.0, float(part.sums[3]) / counted - above * above)),
        histogram=tuple(part.bins.tolist()),
        training=None if part.training is None else training_statistics(part.training),
    )


def _shown(string: bytes) -> str:
    shown = string.decode("utf-8", "backslashreplace")
    return shown if len(shown) <= LONGEST_STRING else shown[:LONGEST_STRING] + "…"


def _count_ids(rows: pa.RecordBatch, key: str, num_buckets: int) -> PartialStatistics:
    values = list_values(rows.column(key))
    missing = int((values < 0).sum())
    sums = np.array([len(values), missing, 0.0, 0.0])
    if num_buckets > MOST_IDS:
        return PartialStatistics(sums)
    counts = np.bincount(values[values >= 0] if missing else values)
    ids = np.flatnonzero(counts)
    return PartialStatistics(sums, ids=ids, counts=counts[ids])


def _measure(rows: pa.RecordBatch, key: str, of_all: Range | None) -> PartialStatistics:
    """The sums and the histogram of a feature's numbers, chunk by chunk.

    Numbers are summed above the smallest of the data set, so that no digits cancel however far from 0 they are: the
    variance is at least `(mean - smallest)**2 / (n - 1)`. numpy's `sum` adds in one order on every processor, which
    BLAS does not. Source: T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37 (1983), on shifted data; numpy/_core/src/umath/loops_utils.h.src, pairwise summation.
    """
    numbers = finite_numbers(rows, key)
    values = len(list_values(rows.column(key)))
    sums = np.array([values, values - len(numbers), 0.0, 0.0])
    if of_all is None or len(numbers) == 0:
        return PartialStatistics(sums)
    low, high = of_all
    scale = BINS / (high - low) if high > low else 0.0
    bins = np.zeros(BINS, np.int64)
    for start in range(0, len(numbers), _CHUNK):
        above = np.subtract(numbers[start : start + _CHUNK], low, dtype=np.float64)
        sums[2:] += above.sum(), np.square(above).sum()
        above *= scale
        bins += np.bincount(np.clip(above, 0, BINS - 1, out=above).astype(np.int64), minlength=BINS)
    return PartialStatistics(sums, bins=bins)


def _count_strings(rows: pa.RecordBatch, key: str) -> PartialStatistics:
    strings = present_lists(rows, key).flatten()
    values = len(rows.column(key).flatten())
    counted = pc.value_counts(strings)
    sums = np.array([values, values - len(strings), 0.0, 0.0])
    if len(counted) > MOST_STRINGS:
        return PartialStatistics(sums, too_many_strings=True)
    pairs = zip(counted.field("values"), counted.field("counts").to_pylist(), strict=True)
    return PartialStatistics(sums, strings=Counter({_bounded(string.as_py()): count for string, count in pairs}))


def _bounded(string: bytes) -> bytes:
    """A unique name of bounded size for a string."""
    return string if len(string) <= _KEPT_BYTES else string[:_KEPT_BYTES] + hashlib.sha256(string).digest()
