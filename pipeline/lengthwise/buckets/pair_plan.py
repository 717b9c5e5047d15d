"""`PairPlan` and `PairCost`: buckets over two lengths, and what a record costs in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.candidate_boundaries import Cost, power_of
from lengthwise.buckets.length_histogram import exact_dot
from lengthwise.buckets.pair_length_histogram import PairHistogram, checked_pairs
from lengthwise.errors import ConfigError

Pair = tuple[int, int]
MOST_PAIRS = 1024


@dataclass(frozen=True, slots=True)
class PairCost:
    """What a record costs that is padded to T1 and T2 steps: `(a T1 + b T2) ** power + c T1 T2`.

    Attributes:
        weights: a and b: how much a step of each group costs, whole numbers of at least 1.
        product: c, at least 0: what each pair of steps costs, as in cross-attention or in the joint network of a
            transducer.
        cost: `"linear"`, a power of 1, or `"quadratic"`, one of 2.

    Raises:
        ConfigError: A number is out of its range.
    """

    weights: Pair = (1, 1)
    product: float = 0.0
    cost: Cost = "linear"

    def __post_init__(self) -> None:
        power_of(self.cost)
        for weight in self.weights:
            checked_int("weights", weight, "A weight of 3 beside one of 10 says that steps cost 0.3 and 1.")
        if not 0 <= self.product < np.inf:
            raise ConfigError(f"product: expected a number of at least 0, received {self.product!r}.")

    def of(self, first: Any, second: Any) -> Any:
        """float64 of the shape of `first` and `second` together, numbers of steps."""
        first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
        linear = self.weights[0] * first + self.weights[1] * second
        return linear ** power_of(self.cost) + self.product * (first * second)


@dataclass(frozen=True, slots=True)
class PairPlan:
    """The pairs of lengths that records are padded to, one for each bucket.

    A record belongs to the first bucket that holds both of its lengths; planned buckets stand in the order of what they
    cost, so that this is the cheapest. `BucketPlan` is the same of one length: no bucket holds a later one, and the
    last holds all.

    Attributes:
        boundaries: Inclusive maximum lengths of both groups, each at least 1.

    Example:
        >>> PairPlan(((4, 4), (4, 9), (8, 9))).assign([[4, 0], [3, 5], [5, 1], [8, 10]])
        array([0, 1, 2, 3], dtype=int32)

    Raises:
        ConfigError: No boundaries, or more than 1,024, not pairs of whole numbers, a bucket holds a later one, or the
            last does not hold all.
    """

    boundaries: tuple[Pair, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "boundaries", tuple(_checked_pair(i, one) for i, one in enumerate(self.boundaries)))
        if not self.boundaries:
            raise ConfigError("boundaries: expected at least one pair, received none. Such as [[8, 4], [16, 8]].")
        if len(self.boundaries) > MOST_PAIRS:
            raise ConfigError(f"boundaries: expected at most {MOST_PAIRS} pairs, received {len(self.boundaries)}.")
        for place, later in enumerate(self.boundaries):
            for earlier in self.boundaries[:place]:
                if _holds(earlier, later):
                    raise ConfigError(
                        f"boundaries: expected each pair to hold what no earlier one does, received {list(earlier)} "
                        f"before {list(later)}. Put the smaller one first, or leave one out."
                    )
        for one in self.boundaries:
            if not _holds(self.max_lengths, one):
                raise ConfigError(
                    f"boundaries: expected the last pair to hold all others, received {list(self.max_lengths)} last, "
                    f"and {list(one)}. Let the longest of both groups be the last."
                )

    @property
    def num_buckets(self) -> int:
        """How many buckets there are."""
        return len(self.boundaries)

    @property
    def max_lengths(self) -> Pair:
        """The last pair: what is longer in either is over-long."""
        return self.boundaries[-1]

    def assign(self, lengths: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """The bucket of each record.

        Args:
            lengths: `[records, 2]`, any integer dtype, in steps.

        Returns:
            int32 `[records]`: the first bucket that holds both lengths. Over-long records get `num_buckets`.

        Raises:
            ConfigError: `lengths` has another shape, is not of integers, or is negative somewhere.
        """
        pairs = checked_pairs(lengths)
        first, second = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        found = np.full(len(pairs), self.num_buckets, np.int32)
        for place, (most, other) in reversed(list(enumerate(self.boundaries))):
            found[(first <= most) & (second <= other)] = place
        return found

    def padded_steps(self, histogram: PairHistogram) -> Pair:
        """All steps of each group, real ones and padding. Over-long records count as truncated, here and below."""
        padded = np.asarray(self.boundaries)[np.minimum(self.assign(histogram.lengths), self.num_buckets - 1)]
        return exact_dot(padded[:, 0], histogram.counts), exact_dot(padded[:, 1], histogram.counts)

    def real_steps(self, histogram: PairHistogram) -> Pair:
        """The steps of each group that are not padding."""
        cut = np.minimum(histogram.lengths, self.max_lengths)
        return exact_dot(cut[:, 0], histogram.counts), exact_dot(cut[:, 1], histogram.counts)

    def padding_shares(self, histogram: PairHistogram) -> tuple[float, float]:
        """The share of padding among the padded steps of each group, from 0 to 1."""
        padded, real = self.padded_steps(histogram), self.real_steps(histogram)
        first, second = ((all_ - own) / all_ if all_ else 0.0 for all_, own in zip(padded, real, strict=True))
        return first, second

    def total_cost(self, histogram: PairHistogram, cost: PairCost) -> float:
        """What all records cost."""
        bucket = np.minimum(self.assign(histogram.lengths), self.num_buckets - 1)
        return float(np.dot(cost.of(*np.asarray(self.boundaries).T)[bucket], histogram.counts))


def _checked_pair(place: int, pair: Sequence[int]) -> Pair:
    hint = "Boundaries of two groups are pairs of inclusive maximum lengths, such as [[8, 4], [16, 8]]."
    if isinstance(pair, int | str) or len(pair) != 2:
        raise ConfigError(f"boundaries[{place}]: expected two lengths, received {pair!r}. {hint}")
    first, second = (checked_int(f"boundaries[{place}]", one, hint) for one in pair)
    return first, second


def _holds(pair: Pair, other: Pair) -> bool:
    return pair[0] >= other[0] and pair[1] >= other[1]
