"""Two histograms over different ranges, put into the same bins, so that they can be compared."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.manifest import ColumnStatistics
from lengthwise.report.distances import Histogram

MOST_NUMBERS = 64
"""Whole numbers over a wider range do not have a bin each."""

BINS = 20
"""Fewer than a histogram of the manifest has, so that what rebinning smears matters less."""


@dataclass(frozen=True, slots=True)
class CommonBins:
    """Two histograms over the same bins.

    Attributes:
        edges: float64 `[bins + 1]`.
        first: float64 `[bins]`, counts.
        second: float64 `[bins]`, counts.
        exact: whether no count had to be spread over several bins.
    """

    edges: npt.NDArray[np.float64]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    exact: bool


def common_bins(first: ColumnStatistics, second: ColumnStatistics, *, whole: bool = False) -> CommonBins | None:
    """Both histograms over the union of their ranges; None where one has none.

    Whole numbers that are few have a bin each, and equal ranges are compared bin by bin: both are exact. Otherwise a
    bin's count is spread evenly over its width, which is an approximation.

    Args:
        first: statistics of a feature.
        second: statistics of the other.
        whole: whether the numbers of both are integers.
    """
    if not (any(first.histogram) and any(second.histogram)) or first.min is None or second.min is None:
        return None
    numbers = whole_numbers(first, known=whole), whole_numbers(second, known=whole)
    if numbers[0] is not None and numbers[1] is not None:
        values = {*numbers[0], *numbers[1]}
        if max(values) - min(values) < MOST_NUMBERS:
            return _over_numbers(numbers[0], numbers[1])
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
    """The histogram of a feature; that of one value has one bin without a width."""
    edges, counts = _edges(statistics), np.array(statistics.histogram, np.float64)
    return Histogram(edges, counts) if edges[-1] > edges[0] else Histogram(edges[[0, -1]], counts.sum(keepdims=True))


def _edges(statistics: ColumnStatistics) -> npt.NDArray[np.float64]:
    assert statistics.min is not None
    assert statistics.max is not None
    return np.linspace(statistics.min, statistics.max, len(statistics.histogram) + 1)


def whole_numbers(statistics: ColumnStatistics, *, known: bool = False) -> dict[int, int] | None:
    """The counts of each whole number, where every bin with a count holds just one and the ends are whole.

    Args:
        statistics: of a feature, with a histogram.
        known: whether its numbers are integers. If not, they must be few, or a smooth distribution would look the same.
    """
    low, high = statistics.min, statistics.max
    assert low is not None
    assert high is not None
    if not math.isfinite(high - low) or low != int(low) or high != int(high) or high - low >= len(statistics.histogram):
        return None
    if high == low:
        return {int(low): sum(statistics.histogram)}
    scale, last = len(statistics.histogram) / (high - low), len(statistics.histogram) - 1
    places = {min(last, int((value - low) * scale)): value for value in range(int(low), int(high) + 1)}
    used = {place: count for place, count in enumerate(statistics.histogram) if count}
    if not used.keys() <= places.keys() or (not known and len(places) > len(statistics.histogram) / 2):
        return None
    return {places[place]: count for place, count in used.items()}


def _over_numbers(first: dict[int, int], second: dict[int, int]) -> CommonBins:
    values = sorted({*first, *second})
    low, high = values[0], values[-1]
    mine, theirs = (
        np.array([one.get(value, 0) for value in range(low, high + 1)], np.float64) for one in (first, second)
    )
    return CommonBins(np.arange(low, high + 2, dtype=np.float64) - 0.5, mine, theirs, exact=True)


def _spread(statistics: ColumnStatistics, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The counts in the bins of `edges`, by the piecewise linear cumulative distribution."""
    own = _edges(statistics)
    total = float(sum(statistics.histogram))
    if own[-1] == own[0]:  # one value
        place = min(max(int(np.searchsorted(edges, own[0], side="right")) - 1, 0), len(edges) - 2)
        return np.bincount([place], [total], len(edges) - 1).astype(np.float64)
    reached = np.concatenate([[0.0], np.cumsum(statistics.histogram, dtype=np.float64)])
    return np.diff(np.interp(edges, own, reached, left=0.0, right=total))
