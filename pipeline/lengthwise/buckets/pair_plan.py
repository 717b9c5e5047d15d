"""`PairPlan` and `PairCost`: buckets over two lengths, and the cost of a record in a bucket."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.candidate_boundaries import Cost, power_of
from lengthwise.buckets.padding_shares import share_of_padding
from lengthwise.buckets.pair_length_histogram import PairHistogram, checked_pairs, sums_of_pairs
from lengthwise.errors import ConfigError

Pair = tuple[int, int]
MOST_PAIRS = 1024


@dataclass(frozen=True, slots=True)
class PairCost:
    """The cost of a record that is padded to T1 and T2 steps: `(a T1 + b T2) ** power + c T1 T2`.

    Attributes:
        weights: a and b: the cost of a step of each group, whole numbers of at least 1.
        product: c, at least 0: the cost of each pair of steps, as in cross-attention or in the joint network of a
            transducer.
        cost: `"linear"`, a power of 1, or `"quadratic"`, a power of 2.

    Raises:
        ConfigError: A number is out of its range.
    """

    weights: Pair = (1, 1)
    product: float = 0.0
    cost: Cost = "linear"

    def __post_init__(self) -> None:
        power_of(self.cost)
        hint = "Weights of 3 and 10 mean that steps cost 0.3 and 1."
        object.__setattr__(self, "weights", _checked_pair("weights", self.weights, hint, of="numbers"))
        if not 0 <= self.product < np.inf:
            raise ConfigError(f"product: expected a number of at least 0, received {self.product!r}.")

    def of(self, first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The cost, in the broadcast shape of `first` and `second`, which are numbers of steps."""
        first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
        linear = self.weights[0] * first + self.weights[1] * second
        return linear ** power_of(self.cost) + self.product * (first * second)


@dataclass(frozen=True, slots=True)
class PairPlan:
    """The pairs of lengths that records are padded to, one per bucket.

    A record belongs to the first bucket whose maximum lengths are not below its own; planned buckets are in the order
    of their cost, so that this bucket is the cheapest. `BucketPlan` is the same for one length. No bucket contains the
    lengths of a later one, and the last contains the lengths of all.

    Attributes:
        boundaries: Inclusive maximum lengths of both groups, each at least 1.

    Example:
        >>> PairPlan(((4, 4), (4, 9), (8, 9))).assign([[4, 0], [3, 5], [5, 1], [8, 10]])
        array([0, 1, 2, 3], dtype=int32)

    Raises:
        ConfigError: No boundaries, more than 1,024, not pairs of whole numbers, a bucket contains a later one, or the
            last does not contain all others.
    """

    boundaries: tuple[Pair, ...]

    def __post_init__(self) -> None:
        hint = "Boundaries of two groups are pairs of inclusive maximum lengths, such as [[8, 4], [16, 8]]."
        try:
            given = tuple(self.boundaries)
        except TypeError:
            raise ConfigError(f"boundaries: expected a list of pairs, received {self.boundaries!r}. {hint}") from None
        pairs = tuple(_checked_pair(f"boundaries[{i}]", pair, hint, of="lengths") for i, pair in enumerate(given))
        object.__setattr__(self, "boundaries", pairs)
        if not self.boundaries:
            raise ConfigError("boundaries: expected at least one pair, such as [[8, 4], [16, 8]], received none.")
        if len(self.boundaries) > MOST_PAIRS:
            raise ConfigError(f"boundaries: expected at most {MOST_PAIRS} pairs, received {len(self.boundaries)}.")
        for position, later in enumerate(self.boundaries):
            for earlier in self.boundaries[:position]:
                if _contains(earlier, later):
                    raise ConfigError(
                        f"boundaries: expected each pair to contain lengths that no earlier pair contains, received "
                        f"{list(earlier)} before {list(later)}. Put the smaller pair first, or remove one of them."
                    )
        for pair in self.boundaries:
            if not _contains(self.max_lengths, pair):
                raise ConfigError(
                    f"boundaries: expected the last pair to contain all others, received {list(pair)} before the last, "
                    f"{list(self.max_lengths)}. Make the last pair the longest lengths of both groups."
                )

    @property
    def num_buckets(self) -> int:
        """The number of buckets."""
        return len(self.boundaries)

    @property
    def max_lengths(self) -> Pair:
        """The last pair: a record that is longer in either length is over-long."""
        return self.boundaries[-1]

    def assign(self, lengths: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """The bucket of each record.

        Args:
            lengths: `[records, 2]`, any integer dtype, in steps.

        Returns:
            int32 `[records]`: the first bucket that contains both lengths. Over-long records get `num_buckets`.

        Raises:
            ConfigError: `lengths` has a different shape, is not of integers, or contains a negative number.
        """
        pairs = checked_pairs(lengths)
        first, second = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        buckets = np.full(len(pairs), self.num_buckets, np.int32)
        for bucket, (first_boundary, second_boundary) in reversed(list(enumerate(self.boundaries))):
            buckets[(first <= first_boundary) & (second <= second_boundary)] = bucket
        return buckets

    def padded_steps(self, histogram: PairHistogram) -> Pair:
        """All steps of each group, real ones and padding. Over-long records count as truncated, here and below."""
        return sums_of_pairs(np.asarray(self.boundaries)[self._buckets_of(histogram)], histogram.counts)

    def real_steps(self, histogram: PairHistogram) -> Pair:
        """The steps of each group that are not padding."""
        return sums_of_pairs(np.minimum(histogram.lengths, self.max_lengths), histogram.counts)

    def padding_shares(self, histogram: PairHistogram) -> tuple[float, float]:
        """The share of padding among the padded steps of each group, from 0 to 1."""
        first, second = map(share_of_padding, self.padded_steps(histogram), self.real_steps(histogram))
        return first, second

    def total_cost(self, histogram: PairHistogram, cost: PairCost) -> float:
        """The cost of all records."""
        cost_of_bucket = cost.of(*np.asarray(self.boundaries).T)
        return float(np.dot(cost_of_bucket[self._buckets_of(histogram)], histogram.counts))

    def _buckets_of(self, histogram: PairHistogram) -> npt.NDArray[np.int32]:
        """The bucket of each pair of the histogram; the last one for over-long pairs."""
        return np.minimum(self.assign(histogram.lengths), self.num_buckets - 1)


def _checked_pair(name: str, pair: Iterable[int], hint: str, *, of: str) -> Pair:
    try:
        first, second = pair
    except (TypeError, ValueError):
        raise ConfigError(f"{name}: expected two {of}, received {pair!r}. {hint}") from None
    return checked_int(name, first, hint), checked_int(name, second, hint)


def _contains(pair: Pair, other: Pair) -> bool:
    return pair[0] >= other[0] and pair[1] >= other[1]
