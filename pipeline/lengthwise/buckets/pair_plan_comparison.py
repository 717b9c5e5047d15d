"""Plans of pairs side by side: what `lengthwise plan` prints and the report shows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.optimal_plan import plan_optimal
from lengthwise.buckets.pair_length_histogram import PairHistogram
from lengthwise.buckets.pair_plan import Pair, PairPlan
from lengthwise.buckets.pair_planning import plan_pairs


@dataclass(frozen=True, slots=True)
class PairComparison:
    """One plan and what it would do to the records of one histogram. Over-long ones count as truncated.

    Attributes:
        name: `"chosen"`, `"optimal"`, `"by the first length"`, `"by the second length"`, `"nested quantiles"` or
            `"one bucket"`.
        boundaries: The most steps of both groups in each bucket.
        real_steps: Steps of each group that are not padding.
        padded_steps: All steps of each group after padding.
    """

    name: str
    boundaries: tuple[Pair, ...]
    real_steps: Pair
    padded_steps: Pair

    @property
    def num_buckets(self) -> int:
        """How many buckets the plan has."""
        return len(self.boundaries)

    @property
    def padding_shares(self) -> tuple[float, float]:
        """The share of padding among the padded steps of each group, from 0 to 1."""
        first, second = (1 - real / padded for real, padded in zip(self.real_steps, self.padded_steps, strict=True))
        return first, second

    @property
    def padding_share(self) -> float:
        """The share of padding among the padded steps of both."""
        return 1 - sum(self.real_steps) / sum(self.padded_steps)

    @property
    def padded_per_real(self) -> float | None:
        """Padded steps of both for each real step, at least 1; None when there is no real step at all."""
        return sum(self.padded_steps) / sum(self.real_steps) if any(self.real_steps) else None

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
    """The plan of pairs beside those of one length, all of as many buckets, and judged on the same records.

    The others get what is best for them: each of their buckets is padded to its longest record in both lengths.

    Args:
        histogram: The records to plan for and to judge by.
        chosen: A plan to put first, in place of the optimal one.
        **planning: Arguments of `plan_pairs`.

    Returns:
        In this order: chosen or optimal; by the first length, by the second length: optimal for that length alone;
        nested quantiles, as NeMo has: equal shares by the first length, and of each equal shares by the second, of all
        such divisions the best; one bucket.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    plan = chosen or plan_pairs(histogram, **planning)
    first, second = plan.max_lengths
    cut = PairHistogram.from_lengths(np.minimum(histogram.lengths, [first, second]), histogram.counts)
    real = cut.steps
    compared = [PairComparison("chosen" if chosen else "optimal", plan.boundaries, real, plan.padded_steps(histogram))]
    count = plan.num_buckets
    for name, place in (("by the first length", 0), ("by the second length", 1)):
        buckets = plan_optimal(cut.of(place), count).assign(cut.lengths[:, place])
        compared.append(_boxes(name, cut, buckets))
    nested = (_boxes("nested quantiles", cut, _nested(cut, across, count)) for across in range(1, count + 1))
    compared.append(min(nested, key=lambda one: sum(one.padded_steps)))
    return (*compared, _boxes("one bucket", cut, np.zeros(len(cut.counts), int)))


def _nested(histogram: PairHistogram, across: int, count: int) -> npt.NDArray[np.int64]:
    """int64 `[n]`: in which bucket each pair is, of so many by the first length, and `count` in all."""
    outer = _equal_shares(histogram.lengths[:, 0], histogram.counts, across)
    inner = np.zeros_like(outer)
    for one in np.unique(outer):
        mine = outer == one
        inner[mine] = _equal_shares(histogram.lengths[mine, 1], histogram.counts[mine], count // across)
    return outer * count + inner


def _equal_shares(lengths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], parts: int) -> npt.NDArray[np.int64]:
    """int64 `[n]`: in which of some parts, of about as many records each, each length is."""
    order = np.argsort(lengths, kind="stable")
    before = np.empty_like(counts)
    before[order] = np.cumsum(counts[order]) - counts[order]
    starts = np.minimum.reduceat(before[order], np.flatnonzero(np.diff(lengths[order], prepend=-1)))
    where = np.unique(lengths, return_inverse=True)[1]
    return np.asarray(starts[where] * parts // counts.sum())


def _boxes(name: str, histogram: PairHistogram, bucket: npt.NDArray[Any]) -> PairComparison:
    """Buckets that are padded to the longest of the records given to each."""
    _, place = np.unique(bucket, return_inverse=True)
    longest = np.ones((int(place.max()) + 1, 2), np.int64)
    np.maximum.at(longest, place, histogram.lengths)
    first, second = (int(np.dot(longest[place, axis], histogram.counts)) for axis in (0, 1))
    pairs = tuple(sorted((int(one), int(other)) for one, other in longest))
    return PairComparison(name, pairs, histogram.steps, (first, second))
