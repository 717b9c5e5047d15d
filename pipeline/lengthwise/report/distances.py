"""Distances between two distributions, the same as in TFDV.

- Jensen-Shannon distance: the square root of the Jensen-Shannon divergence with logarithms of base 2, from 0 (equal) to
  1 (nothing in common). J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991);
  that its root is a metric: Endres and Schindelin, IEEE Trans. Inf. Theory 49 (2003).
- L-infinity: the largest difference between the shares of any one category.
- Kolmogorov-Smirnov: the largest difference between the shares of values below any one number.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def jensen_shannon(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """The Jensen-Shannon distance of two histograms over the same bins.

    Args:
        first: counts `[bins]`, at least one above 0.
        second: counts `[bins]`, at least one above 0.

    Raises:
        ValueError: one of them is empty.
    """
    p, q = _shares(first), _shares(second)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(min(1.0, max(0.0, divergence)))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts `[bins]` between edges `[bins + 1]`."""

    edges: Floats
    counts: Floats

    def shares_below(self, numbers: Floats, tolerance: float) -> tuple[Floats, Floats]:
        """The minimum and the maximum share of values below each number, if values are inexact by `tolerance`."""
        below = np.concatenate([[0.0], np.cumsum(self.counts)]) / self.counts.sum()
        complete_bins = np.searchsorted(self.edges[1:], numbers - tolerance, side="right")
        started_bins = np.searchsorted(self.edges[:-1], numbers + tolerance, side="left")
        return below[complete_bins], below[started_bins]


def min_cumulative_distance(first: Histogram, second: Histogram) -> float:
    """A lower bound of the largest difference between the cumulative shares (Kolmogorov-Smirnov).

    The bins of the histograms may differ: within a bin, the cumulative share is only known to rise from its value at
    the left edge to that at the right edge. The distance of the values themselves is at least the result.
    """
    edges = np.concatenate([first.edges, second.edges])
    tolerance = 1e-9 * float(np.ptp(edges)) + 1e-15 * float(np.abs(edges).max())
    low, high = first.shares_below(edges, tolerance)
    other_low, other_high = second.shares_below(edges, tolerance)
    return float(max(0.0, (low - other_high).max(), (other_low - high).max()))


@dataclass(frozen=True, slots=True)
class TopCounts:
    """The most frequent categories of a data set.

    Attributes:
        counts: by category.
        total: of all categories.
        complete: whether there are no other categories.
    """

    counts: Mapping[str, int]
    total: int
    complete: bool

    def bounds(self, category: str) -> tuple[float, float]:
        """The minimum and the maximum share that a category can have.

        A category that is not among the most frequent has at most the share of the least frequent of them.
        """
        if self.total and category in self.counts:
            share = self.counts[category] / self.total
            return share, share
        return 0.0, self.max_other_share

    @property
    def max_other_share(self) -> float:
        """The maximum share that a category outside of `counts` can have."""
        if self.complete or self.total == 0:
            return 0.0
        if not self.counts:
            return 1.0
        return min(min(self.counts.values()), self.total - sum(self.counts.values())) / self.total


def l_infinity(first: TopCounts, second: TopCounts) -> tuple[float, float]:
    """A lower and an upper bound of the L-infinity distance, equal if all counts are known."""
    low, high = 0.0, max(first.max_other_share, second.max_other_share)
    for category in {*first.counts, *second.counts}:
        first_low, first_high = first.bounds(category)
        second_low, second_high = second.bounds(category)
        low = max(low, first_low - second_high, second_low - first_high)
        high = max(high, first_high - second_low, second_high - first_low)
    return low, high


def cumulative_distance(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """The largest difference between the cumulative shares of two histograms over the same bins, at their edges."""
    return float(np.abs(np.cumsum(_shares(first)) - np.cumsum(_shares(second))).max())


def _shares(counts: npt.ArrayLike) -> Floats:
    numbers = np.asarray(counts, np.float64)
    total = numbers.sum()
    if not total > 0:
        raise ValueError("expected a histogram with at least one count, received an empty one")
    return numbers / total


def _relative_entropy(p: Floats, q: Floats) -> float:
    positive = p > 0
    return float(np.sum(p[positive] * np.log2(p[positive] / q[positive])))
