"""Two histograms over different ranges, converted to the same bins for comparison."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.manifest import ColumnStatistics
from lengthwise.report.distances import Histogram

MOST_NUMBERS = 64
"""The maximum range of whole numbers that get one bin per number."""

BINS = 20
"""Fewer bins than a histogram of the manifest has, so that spreading counts over new bins matters less."""


@dataclass(frozen=True, slots=True)
class CommonBins:
    """Two histograms over the same bins.

    Attributes:
        edges: float64 `[bins + 1]`.
        first: float64 `[bins]`, counts.
        second: float64 `[bins]`, counts.
        exact: whether no count was spread over several bins.
    """

    edges: npt.NDArray[np.float64]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    exact: bool


def common_bins(first: ColumnStatistics, second: ColumnStatistics, *, whole: bool = False) -> CommonBins | None:
    """Both histograms over the union of their ranges; None if one of the features has no histogram.

    A small set of whole numbers gets one bin per number, and equal ranges are compared bin by bin: both are exact.
    Otherwise the count of a bin is spread evenly over its width, which is an approximation.

    Args:
        first: statistics of one feature.
        second: statistics of the other feature.
        whole: whether the numbers of both are integers.
    """
    if not (any(first.histogram) and any(second.histogram)) or first.min is None or second.min is None:
        return None
    numbers = whole_numbers(first, known=whole), whole_numbers(second, known=whole)
    if numbers[0] is not None and numbers[1] is not None:
        values = {*numbers[0], *numbers[1]}
        if max(values) - min(values) < MOST_NUMBERS:
            return _bin_per_number(numbers[0], numbers[1])
    if (first.min, first.max, len(first.histogram)) == (second.min, second.max, len(second.histogram)):
        edges = _edges(first)
        if edges[-1] > edges[0]:
            return CommonBins(edges, np.array(first.histogram, float), np.array(second.histogram, float), exact=True)
    low, high = min(_edges(first)[0], _edges(second)[0]), max(_edges(first)[-1], _edges(second)[-1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    return CommonBins(edges, _spread(first, edges), _spread(second, edges), exact=False)


def histogram_of(statistics: ColumnStatistics) -> Histogram:
    """The histogram of a feature; a single distinct value gives one bin of width 0."""
    edges, counts = _edges(statistics), np.array(statistics.histogram, np.float64)
    return Histogram(edges, counts) if edges[-1] > edges[0] else Histogram(edges[[0, -1]], counts.sum(keepdims=True))


def _edges(statistics: ColumnStatistics) -> npt.NDArray[np.float64]:
    assert statistics.min is not None
    assert statistics.max is not None
    return np.linspace(statistics.min, statistics.max, len(statistics.histogram) + 1)


def whole_numbers(statistics: ColumnStatistics, *, known: bool = False) -> dict[int, int] | None:
    """The count of each whole number; None unless each bin with a count has exactly one and the ends are whole.

    Args:
        statistics: of a feature, with a histogram.
        known: whether its numbers are integers. If not, only a small set of whole numbers is recognised, since a smooth
            distribution would look the same.
    """
    low, high = statistics.min, statistics.max
    assert low is not None
    assert high is not None
    if not math.isfinite(high - low) or low != int(low) or high != int(high) or high - low >= len(statistics.histogram):
        return None
    if high == low:
        return {int(low): sum(statistics.histogram)}
    scale, last = len(statistics.histogram) / (high - low), len(statistics.histogram) - 1
    value_of_bin = {min(last, int((value - low) * scale)): value for value in range(int(low), int(high) + 1)}
    used = {index: count for index, count in enumerate(statistics.histogram) if count}
    if not used.keys() <= value_of_bin.keys() or (not known and len(value_of_bin) > len(statistics.histogram) / 2):
        return None
    return {value_of_bin[index]: count for index, count in used.items()}


def _bin_per_number(first: dict[int, int], second: dict[int, int]) -> CommonBins:
    values = range(min(*first, *second), max(*first, *second) + 1)
    edges = np.arange(values[0], values[-1] + 2, dtype=np.float64) - 0.5
    first_counts, second_counts = (
        np.array([counts.get(value, 0) for value in values], np.float64) for counts in (first, second)
    )
    return CommonBins(edges, first_counts, second_counts, exact=True)


def _spread(statistics: ColumnStatistics, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The counts in the bins of `edges`, by the piecewise linear cumulative distribution."""
    old_edges = _edges(statistics)
    total = float(sum(statistics.histogram))
    if old_edges[-1] == old_edges[0]:  # one value
        index = min(max(int(np.searchsorted(edges, old_edges[0], side="right")) - 1, 0), len(edges) - 2)
        return np.bincount([index], [total], len(edges) - 1).astype(np.float64)
    up_to = np.concatenate([[0.0], np.cumsum(statistics.histogram, dtype=np.float64)])
    return np.diff(np.interp(edges, old_edges, up_to, left=0.0, right=total))
