"""Usual plans without optimisation, for comparison. They round and clip in the same way as the optimal plan."""

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Candidates, round_up_to_multiple
from lengthwise.buckets.length_histogram import LengthHistogram

_COUNT_HINT = "Give the number of buckets to plan."


def plan_quantile(
    histogram: LengthHistogram, count: int, *, multiple_of: int = 1, max_length: int | None = None
) -> BucketPlan:
    """Boundaries at the quantiles 1/count, 2/count, ..., 1: buckets with about the same number of sequences.

    A quantile is the smallest length that at least that share of the sequences do not exceed. Equal boundaries are
    merged, so there may be fewer than `count`.

    Args:
        histogram: The lengths to plan for.
        count: The number of buckets, at least 1.
        multiple_of: Every boundary is rounded up to a multiple of this.
        max_length: The last boundary, rounded up; longer sequences count as truncated to it. None: the longest length.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    candidates = Candidates.of(histogram, multiple_of=multiple_of, max_length=max_length)
    count = checked_int("count", count, _COUNT_HINT)
    up_to = np.cumsum(candidates.counts)
    total = int(up_to[-1])
    ranks = [-(-total * i // count) for i in range(1, count)]
    return _merged(candidates, candidates.values[np.searchsorted(up_to, ranks)])


def plan_geometric(
    histogram: LengthHistogram, count: int, *, multiple_of: int = 1, max_length: int | None = None
) -> BucketPlan:
    """Boundaries that grow by a constant factor from the shortest length (not counting 0) to the last boundary.

    Arguments and errors are those of `plan_quantile`. Boundaries are rounded up and equal ones merged.
    """
    candidates = Candidates.of(histogram, multiple_of=multiple_of, max_length=max_length)
    count = checked_int("count", count, _COUNT_HINT)
    first = min(candidates.shortest, candidates.top)
    exact = np.geomspace(first, candidates.top, count + 1)[1:-1]
    return _merged(candidates, np.ceil(exact - 1e-9).astype(np.int64))  # 8.0000000001 is 8


def plan_powers_of_two(
    histogram: LengthHistogram, *, multiple_of: int = 1, max_length: int | None = None
) -> BucketPlan:
    """Every power of two from the first that is not below the shortest length (not counting 0) to the last boundary.

    The last boundary is the longest length (or `max_length`), rounded up to `multiple_of`, instead of a power of two:
    more padding would have no use. Arguments and errors are those of `plan_quantile`.
    """
    candidates = Candidates.of(histogram, multiple_of=multiple_of, max_length=max_length)
    exponents = range((candidates.shortest - 1).bit_length(), candidates.top.bit_length())
    return _merged(candidates, np.array([1 << exponent for exponent in exponents], np.int64))


def plan_single(histogram: LengthHistogram, *, multiple_of: int = 1, max_length: int | None = None) -> BucketPlan:
    """One bucket for all sequences, padded to the longest. Arguments and errors are those of `plan_quantile`."""
    return BucketPlan((Candidates.of(histogram, multiple_of=multiple_of, max_length=max_length).top,))


def _merged(candidates: Candidates, inner: npt.NDArray[np.int64]) -> BucketPlan:
    """The boundaries rounded up, sorted, without repetitions, and with the last boundary that all plans share."""
    rounded = {round_up_to_multiple(int(boundary), candidates.multiple_of) for boundary in inner}
    return BucketPlan((*sorted(boundary for boundary in rounded if boundary < candidates.top), candidates.top))
