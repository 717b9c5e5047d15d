r"""The exact dynamic programme: the cheapest boundaries for 1, 2, ..., k buckets, all from one run.

Let there be n candidates with cost q_j for each sequence padded to the j-th (q strictly increasing) and let N_i be the
number of sequences in the first i candidates. A bucket over the candidates i+1 .. j costs q_j (N_j - N_i). With D_k[j]
= the minimum cost of the first j candidates in at most k buckets:

    D_1[j] = q_j N_j            D_k[j] = q_j N_j + min over i of (D_{k-1}[i] - q_j N_i)

Each layer is one problem: for *lines* i with height D_{k-1}[i] and slope -N_i, find the lowest line at every q_j.

1. The condition i < j can be dropped. For i > j, cut the plan of D_{k-1}[i] at j: each of the N_i - N_j sequences
   beyond j costs more than q_j, so D_{k-1}[j] <= D_{k-1}[i] - q_j (N_i - N_j): such an i is no better than i = j, which
   means that k - 1 buckets are enough. And i = j is no better than some i < j: let m candidates precede the last bucket
   of the plan of D_{k-1}[j]; then D_{k-1}[j] = D_{k-2}[m] + q_j (N_j - N_m) >= D_{k-1}[m] + q_j (N_j - N_m). So
   the leftmost of the best i is always below j.
2. The leftmost best i never decreases with q_j, because the slopes -N_i strictly decrease. When the lines of two q are
   known, the lines of all q in between lie between them: each round answers the middle q of every gap at once, over
   contiguous and disjoint ranges of i (`_lowest_lines`). About log2(n) such rounds read n lines each.

This takes O(k n log n) in numpy calls over whole arrays; 100,000 candidates and k = 32 take 0.1-0.4 s on one core.
All arithmetic is exact, on integers. All numbers stay within +-q_n N_n: int64 is used while that is below 2**63
(linear cost: 4 billion sequences of any length; quadratic: 9 million sequences of up to a million steps, or 8
billion of up to 32 thousand), and Python integers, some 20 times slower, above it.

The recurrence is that of one-dimensional k-means and histogram segmentation; the monotone answers are those of
"divide and conquer" optimisation (Yao 1980; Galil and Park 1992), here breadth-first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.candidate_boundaries import Candidates

Array = npt.NDArray[Any]
"""int64, or Python integers (dtype object) where int64 would overflow."""


@dataclass(frozen=True, slots=True)
class Programme:
    """The solved programme.

    Attributes:
        values: int64 `[n]`, the candidates.
        costs: `costs[k - 1]` is the minimum cost of at most k buckets; `costs[-1]` is for `min(max_count, n)`.
        origins: `origins[k - 2][j - 1]`: the number of candidates in the first k - 1 buckets of the best plan of the
            first j candidates with k buckets. int32: 4 bytes x n x k in total.
    """

    values: npt.NDArray[np.int64]
    costs: tuple[int, ...]
    origins: tuple[npt.NDArray[np.int32], ...]

    def boundaries(self, count: int) -> tuple[int, ...]:
        """The best boundaries for `count` buckets, or for as many as there are candidates.

        Among plans of equal cost: the one whose second to last boundary is smallest, then the one before it, and so on.
        """
        remaining = self.values.size
        boundaries: list[int] = []
        for k in range(min(count, len(self.costs)), 0, -1):
            boundaries.append(int(self.values[remaining - 1]))
            remaining = int(self.origins[k - 2][remaining - 1]) if k > 1 else 0
            if not remaining:
                break
        return tuple(reversed(boundaries))


def solve(candidates: Candidates, power: int, max_count: int) -> Programme:
    """Finds the optimal plans of 1 to `max_count` buckets.

    Args:
        candidates: The boundaries to choose from.
        power: A sequence padded to `b` costs `b ** power`.
        max_count: The maximum number of buckets; at most as many as there are candidates are tried.
    """
    worst = candidates.top**power * int(candidates.counts.sum())
    dtype: type = np.int64 if worst < 2**63 else object
    slope: Array = candidates.values.astype(dtype) ** power
    up_to: Array = np.cumsum(candidates.counts).astype(dtype)
    # Only the last candidate can be empty, and no bucket follows it, so `before` strictly increases.
    before = np.concatenate([np.zeros(1, dtype), up_to[:-1]])
    best = slope * up_to
    costs, origins = [int(best[-1])], []
    for _ in range(1, min(max_count, slope.size)):
        height = np.concatenate([np.zeros(1, dtype), best[:-1]])
        origin = _lowest_lines(height, before, slope)
        best = height[origin] + slope * (up_to - before[origin])
        costs.append(int(best[-1]))
        origins.append(origin.astype(np.int32))
    return Programme(candidates.values, tuple(costs), tuple(origins))


def _lowest_lines(height: Array, steepness: Array, at: Array) -> npt.NDArray[np.int64]:
    """For each x in `at`, the leftmost i that minimises `height[i] - x * steepness[i]`.

    Args:
        height: `[n]`.
        steepness: `[n]`, strictly increasing.
        at: `[m]`, increasing.

    Returns:
        int64 `[m]`, increasing.
    """
    rounds = max(1, (at.size - 1).bit_length())
    size = 1 << rounds
    padded_at = at[np.minimum(np.arange(size + 1), at.size - 1)]  # 2**rounds + 1 values: the last one repeated
    lowest = np.array([np.argmin(height - x * steepness) for x in (padded_at[0], padded_at[-1])])
    for level in range(rounds):
        middle = _lowest_in_gaps(height, steepness, padded_at[size >> (level + 1) :: size >> level], lowest)
        merged = np.empty(lowest.size + middle.size, np.int64)
        merged[0::2], merged[1::2] = lowest, middle
        lowest = merged
    return lowest[: at.size]


def _lowest_in_gaps(height: Array, steepness: Array, at: Array, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The lowest line at `at[g]`, known to be one of `ends[g] .. ends[g + 1]`, for every gap g at once."""
    answer = ends[:-1].copy()  # already right if the gap is one line wide
    width = np.diff(ends)
    gaps = np.flatnonzero(width)
    if not gaps.size:
        return answer
    width, x, right = width[gaps], at[gaps], ends[gaps + 1]
    first, last = ends[0], ends[-1]
    # The open gaps, each without its right end, tile the lines first .. last - 1.
    y = height[first:last] - np.repeat(x, width) * steepness[first:last]
    start = ends[gaps] - first
    lowest = np.minimum.reduceat(y, start)
    hits = np.flatnonzero(y == np.repeat(lowest, width))
    leftmost = hits[np.searchsorted(hits, start)] + first
    answer[gaps] = np.where(height[right] - x * steepness[right] < lowest, right, leftmost)
    return answer
