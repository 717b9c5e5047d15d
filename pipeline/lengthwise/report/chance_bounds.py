"""By how much two samples of one source may differ by chance: bounds that assume no distribution.

The unit of chance is a sequence, not a value: the values of one sequence resemble each other. The information in a
sample is measured in *draws*: the number of independent values with the same information. For sequences whose values
are all equal, that is `(sum of lengths)² / (sum of squared lengths)`: Kish's effective sample size with the largest
possible design effect, so the smallest for any similarity within sequences. Each bound is exceeded with at most the
probability `level`: by theorem for independent draws; tests/report/test_false_alarms.py measures that this also holds
for sequences.

Sources: P. Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Ann. Probab. 18 (1990); for two
samples, F. Wei and R. Dudley, Statistics & Probability Letters 82 (2012); S. Boucheron, G. Lugosi, P. Massart,
"Concentration Inequalities" (2013), Bernstein's inequality; L. Kish, "Survey Sampling" (1965).
"""

import math

import numpy as np

from lengthwise.buckets import LengthHistogram


def draws_of_steps(lengths: LengthHistogram) -> float:
    """The minimum number of independent draws in the steps of sequences of these lengths."""
    sizes, counts = lengths.lengths.astype(np.float64), lengths.counts.astype(np.float64)
    squares = float((sizes * sizes * counts).sum())
    return float((sizes * counts).sum()) ** 2 / squares if squares else 0.0


def distribution_bound(first: float, second: float, level: float) -> float:
    """A bound of the largest difference between the cumulative shares of two samples, at any value.

    Args:
        first: draws in the first sample.
        second: draws in the second sample.
        level: the probability with which samples of one source may exceed the bound.
    """
    return math.sqrt(math.log(2 / level) / 2 * _variance(first, second)) if min(first, second) > 0 else 1.0


def share_bound(share: float, first: float, second: float, level: float) -> float:
    """A bound of the difference between a category's shares in two samples, valid for all categories at once.

    Bernstein's inequality for each category, the level divided among them by their shares: it holds for any number of
    categories, and for the one that differs most.

    Args:
        share: the category's share in both samples together.
        first: draws in the first sample.
        second: draws in the second sample.
        level: the probability with which any category of two samples of one source may exceed its bound.
    """
    if min(first, second) <= 0 or share <= 0:
        return 1.0
    share = min(share, 1.0)
    tail = math.log(2 / (level * share))
    spread = share * (1 - share) * _variance(first, second)
    return min(1.0, math.sqrt(2 * spread * tail) + tail / (3 * min(first, second)))


def extremes_probability(beyond: float, size: float, other_size: float) -> float:
    """The probability that the `beyond` most extreme sequences of two samples of one source are all in the same sample.

    Args:
        beyond: the number of sequences of one sample that are more extreme than all of the other.
        size: the number of sequences of that sample.
        other_size: the number of sequences of the other sample.
    """
    return (size / (size + other_size)) ** beyond if size + other_size else 1.0


def pooled_share(first_share: float, first: float, second_share: float, second: float) -> float:
    """The share in both samples together, each weighted by its draws."""
    return (first_share * first + second_share * second) / (first + second) if first + second else 0.0


def _variance(first: float, second: float) -> float:
    """The variance of the difference of two means, in units of the variance of one draw."""
    return 1 / first + 1 / second
