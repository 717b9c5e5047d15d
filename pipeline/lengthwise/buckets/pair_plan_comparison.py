"""Plans of pairs side by side, as `lengthwise plan` prints and the report shows them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.optimal_plan import plan_optimal
from lengthwise.buckets.padding_shares import padded_steps_per_real, share_of_padding
from lengthwise.buckets.pair_length_histogram import PairHistogram, sums_of_pairs
from lengthwise.buckets.pair_plan import Pair, PairPlan
from lengthwise.buckets.pair_planning import plan_pairs


@dataclass(frozen=True, slots=True)
class PairComparison:
    """A plan and its effect on the records of a histogram. Over-long records count as truncated.

    Attributes:
        name: `"chosen"`, `"optimal"`, `"by the first length"`, `"by the second length"`, `"nested quantiles"` or
            `"one bucket"`.
        boundaries: The maximum steps of both groups in each bucket.
        real_steps: Steps of each group that are not padding.
        padded_steps: All steps of each group after padding.
    """

    name: str
    boundaries: tuple[Pair, ...]
    real_steps: Pair
    padded_steps: Pair

    @property
    def num_buckets(self) -> int:
        """The number of buckets."""
        return len(self.boundaries)

    @property
    def padding_shares(self) -> tuple[float, float]:
        """The share of padding among the padded steps of each group, from 0 to 1."""
        first, second = map(share_of_padding, self.padded_steps, self.real_steps)
        return first, second

    @property
    def padding_share(self) -> float:
        """The share of padding among the padded steps of both groups."""
        return share_of_padding(sum(self.padded_steps), sum(self.real_steps))

    @property
    def padded_per_real(self) -> float | None:
        """Padded steps per real step of both groups, at least 1; None without a real step."""
        return padded_steps_per_real(sum(self.padded_steps), sum(self.real_steps))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the derived numbers."""
        return {
            "name": self.name,
            "boundaries": [list(pair) for pair in self.boundaries],
            "real_steps": list(self.real_steps),
            "padded_steps": list(self.padded_steps),
            "padding_shares": list(self.padding_shares),
            "padding_share": self.padding_share,
            "padded_per_real": self.padded_per_real,
        }


def compare_pairs(
    histogram: PairHistogram, *, chosen: PairPlan | None = None, **planning: Any
) -> tuple[PairComparison, ...]:
    """The plan of pairs and plans of one length, all with the same number of buckets, evaluated on the same records.

    The other plans are evaluated at their best: each of their buckets is padded to its longest record in both lengths.

    Args:
        histogram: The records to plan for and to evaluate on.
        chosen: A plan to put first, in place of the optimal one.
        **planning: Arguments of `plan_pairs`.

    Returns:
        In this order: chosen or optimal; by the first length, by the second length: optimal for that length alone;
        nested quantiles, as in NeMo: equal shares by the first length, and within each equal shares by the second, the
        best of all such divisions; one bucket.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    plan = chosen or plan_pairs(histogram, **planning)
    truncated = PairHistogram.from_lengths(np.minimum(histogram.lengths, plan.max_lengths), histogram.counts)
    name, count = "chosen" if chosen else "optimal", plan.num_buckets
    compared = [PairComparison(name, plan.boundaries, truncated.steps, plan.padded_steps(histogram))]
    for name, group in (("by the first length", 0), ("by the second length", 1)):
        buckets = plan_optimal(truncated.of(group), count).assign(truncated.lengths[:, group])
        compared.append(_padded_to_longest(name, truncated, buckets))
    nested = [
        _padded_to_longest("nested quantiles", truncated, _nested_buckets(truncated, outer_count, count))
        for outer_count in range(1, count + 1)
    ]
    compared.append(min(nested, key=lambda comparison: sum(comparison.padded_steps)))
    return (*compared, _padded_to_longest("one bucket", truncated, np.zeros(len(truncated.counts), int)))


def _nested_buckets(histogram: PairHistogram, outer_count: int, count: int) -> npt.NDArray[np.int64]:
    """The bucket of each pair, int64 `[n]`: `outer_count` shares by the first length, at most `count` buckets."""
    outer = _equal_shares(histogram.lengths[:, 0], histogram.counts, outer_count)
    inner = np.zeros_like(outer)
    for share in np.unique(outer):
        members = outer == share
        inner[members] = _equal_shares(histogram.lengths[members, 1], histogram.counts[members], count // outer_count)
    return outer * count + inner


def _equal_shares(lengths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], parts: int) -> npt.NDArray[np.int64]:
    """The part of each length, int64 `[n]`, where all parts have about the same number of records."""
    order = np.argsort(lengths, kind="stable")
    before = np.empty_like(counts)
    before[order] = np.cumsum(counts[order]) - counts[order]
    starts = np.minimum.reduceat(before[order], np.flatnonzero(np.diff(lengths[order], prepend=-1)))
    position = np.unique(lengths, return_inverse=True)[1]
    return np.asarray(starts[position] * parts // counts.sum())


def _padded_to_longest(name: str, histogram: PairHistogram, bucket: npt.NDArray[Any]) -> PairComparison:
    """Buckets that are padded to the longest records assigned to each."""
    _, bucket = np.unique(bucket, return_inverse=True)
    longest = np.ones((int(bucket.max()) + 1, 2), np.int64)
    np.maximum.at(longest, bucket, histogram.lengths)
    pairs = tuple((first, second) for first, second in sorted(longest.tolist()))
    return PairComparison(name, pairs, histogram.steps, sums_of_pairs(longest[bucket], histogram.counts))
