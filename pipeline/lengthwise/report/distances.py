"""How far apart two distributions are, as the users of TFDV know it.

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

Counts = npt.NDArray[np.float64]


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

    edges: Counts
    counts: Counts

    def reached(self, places: Counts, room: float) -> tuple[Counts, Counts]:
        """The least and the largest share of values below each place; values may be `room` from where they seem."""
        below = np.concatenate([[0.0], np.cumsum(self.counts)]) / self.counts.sum()
        whole_bins = np.searchsorted(self.edges[1:], places - room, side="right")
        begun_bins = np.searchsorted(self.edges[:-1], places + room, side="left")
        return below[whole_bins], below[begun_bins]


def least_apart(first: Histogram, second: Histogram) -> float:
    """The largest difference of the cumulative shares (Kolmogorov-Smirnov), as far as the histograms prove it.

    Their bins may differ: within a bin the cumulative share is only known to rise from that at its left to that at its
    right edge. So the result is the distance of the values themselves, or less.
    """
    places = np.concatenate([first.edges, second.edges])
    room = 1e-9 * float(np.ptp(places)) + 1e-15 * float(np.abs(places).max())
    (low, high), (other_low, other_high) = first.reached(places, room), second.reached(places, room)
    return float(max(0.0, (low - other_high).max(), (other_low - high).max()))


@dataclass(frozen=True, slots=True)
class TopCounts:
    """The most frequent categories of a data set, as far as they are known.

    Attributes:
        counts: by category.
        total: of all categories.
        complete: whether there are no others.
    """

    counts: Mapping[str, int]
    total: int
    complete: bool

    def bounds(self, category: str) -> tuple[float, float]:
        """The least and the largest share that a category can have here.

        One that is not among the most frequent has at most as much as the least frequent of them.
        """
        if self.total == 0:
            return 0.0, 0.0
        if category in self.counts:
            return (self.counts[category] / self.total,) * 2
        return 0.0, 0.0 if self.complete else self.rest

    @property
    def rest(self) -> float:
        """The largest share that a category outside of `counts` can have."""
        if self.complete or not self.counts or self.total == 0:
            return 0.0 if self.complete or self.total == 0 else 1.0
        return min(min(self.counts.values()), self.total - sum(self.counts.values())) / self.total


def l_infinity(first: TopCounts, second: TopCounts) -> tuple[float, float, str]:
    """Bounds of the L-infinity distance, equal where all counts are known, and the category that differs most."""
    low, high, worst = 0.0, max(first.rest, second.rest), ""
    for category in sorted({*first.counts, *second.counts}):
        least_a, most_a = first.bounds(category)
        least_b, most_b = second.bounds(category)
        least = max(0.0, least_a - most_b, least_b - most_a)
        if least > low or not worst:
            low, worst = max(low, least), category
        high = max(high, most_a - least_b, most_b - least_a)
    return low, high, worst


def cumulative_apart(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """The largest difference of the cumulative shares of two histograms over the same bins, at their edges."""
    return float(np.abs(np.cumsum(_shares(first)) - np.cumsum(_shares(second))).max())


def _shares(counts: npt.ArrayLike) -> Counts:
    numbers = np.asarray(counts, np.float64)
    total = numbers.sum()
    if not total > 0:
        raise ValueError("expected a histogram with at least one count, received an empty one")
    return numbers / total


def _relative_entropy(p: Counts, q: Counts) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))
