r"""The exact dynamic programme: the cheapest boundaries for 1, 2, ..., k buckets, all from one run.

Let there be n candidates with cost q_j for each sequence padded to the j-th (q strictly increasing) and let N_i be the
number of sequences that the first i candidates hold. A bucket over the candidates i+1 .. j costs q_j (N_j - N_i), so
with D_k[j] = the least cost of the first j candidates in at most k buckets:

    D_1[j] = q_j N_j            D_k[j] = q_j N_j + min over i of (D_{k-1}[i] - q_j N_i)

Each layer is one problem: *lines* i with height D_{k-1}[i] and slope -N_i, asked at every q_j for the lowest.

1. The condition i < j may be dropped. For i > j, cut the plan behind D_{k-1}[i] at j: the N_i - N_j sequences beyond j
   had cost more than q_j each, so D_{k-1}[j] <= D_{k-1}[i] - q_j (N_i - N_j): such an i is no better than i = j, which
   means "k - 1 buckets do". And i = j is no better than some i < j: let m candidates precede the last bucket
   of the plan behind D_{k-1}[j]; then D_{k-1}[j] = D_{k-2}[m] + q_j (N_j - N_m) >= D_{k-1}[m] + q_j (N_j - N_m). So
   the leftmost of the best i is always below j.
2. The leftmost best i never decreases with q_j, because the slopes -N_i strictly decrease. So when the answers at two
   questions are known, the answers in between lie between them: ask the middle question of every gap at once, over
   contiguous and disjoint ranges of i (`_lowest_lines`). About log2(n) such rounds touch n lines each.

Hence O(k n log n), in numpy calls over whole arrays; 100,000 candidates and k = 32 take 0.1-0.4 s on one core.
All arithmetic is on integers and exact. Everything stays within +-q_n N_n: int64 is used while that is below 2**63
(linear cost: 4 billion sequences of any length; quadratic: 9 million sequences with a longest of a million steps, 8
billion with one of 32 thousand), and Python integers, some 20 times slower, above it.

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
        costs: `costs[k - 1]` is the least cost of at most k buckets; `costs[-1]` is for `min(max_count, n)`.
        origins: `origins[k - 2][j - 1]`: how many candidates the first k - 1 buckets hold in the best plan of the
            first j candidates with k buckets. int32: 4 bytes x n x k in all.
    """

    values: npt.NDArray[np.int64]
    costs: tuple[int, ...]
    origins: tuple[npt.NDArray[np.int32], ...]

    def boundaries(self, count: int) -> tuple[int, ...]:
        """The best boundaries for `count` buckets, or for as many as there are candidates.

        Among plans of equal cost: the one whose last but one boundary is smallest, and so on downwards.
        """
        held = self.values.size
        found: list[int] = []
        for k in range(min(count, len(self.costs)), 0, -1):
            found.append(int(self.values[held - 1]))
            held = int(self.origins[k - 2][held - 1]) if k > 1 else 0
            if not held:
                break
        return tuple(reversed(found))


def solve(candidates: Candidates, power: int, max_count: int) -> Programme:
    """Finds the optimal plans of 1 to `max_count` buckets.

    Args:
        candidates: The boundaries to choose from.
        power: A sequence padded to `b` costs `b ** power`.
        max_count: The most buckets; no more are tried than there are candidates.
    """
    worst = candidates.top**power * int(candidates.counts.sum())
    dtype: type = np.int64 if worst < 2**63 else object
    slope: Array = candidates.values.astype(dtype) ** power
    held: Array = np.cumsum(candidates.counts).astype(dtype)
    # The last candidate is never followed by another bucket; it alone can be empty, so `before` strictly increases.
    before = np.concatenate([np.zeros(1, dtype), held[:-1]])
    best = slope * held
    costs, origins = [int(best[-1])], []
    for _ in range(1, min(max_count, slope.size)):
        height = np.concatenate([np.zeros(1, dtype), best[:-1]])
        origin = _lowest_lines(height, before, slope)
        best = height[origin] + slope * (held - before[origin])
        costs.append(int(best[-1]))
        origins.append(origin.astype(np.int32))
    return Programme(candidates.values, tuple(costs), tuple(origins))


def _lowest_lines(height: Array, steepness: Array, at: Array) -> npt.NDArray[np.int64]:
    """For each question x in `at`, the leftmost i that makes `height[i] - x * steepness[i]` smallest.

    Args:
        height: `[n]`.
        steepness: `[n]`, strictly increasing.
        at: `[m]`, increasing.

    Returns:
        int64 `[m]`, increasing.
    """
    rounds = max(1, (at.size - 1).bit_length())
    size = 1 << rounds
    asked = at[np.minimum(np.arange(size + 1), at.size - 1)]  # 2**rounds + 1 questions: the last one repeated
    found = np.array([np.argmin(height - x * steepness) for x in (asked[0], asked[-1])])
    for level in range(rounds):
        middle = _lowest_in_gaps(height, steepness, asked[size >> (level + 1) :: size >> level], found)
        merged = np.empty(found.size + middle.size, np.int64)
        merged[0::2], merged[1::2] = found, middle
        found = merged
    return found[: at.size]


def _lowest_in_gaps(height: Array, steepness: Array, at: Array, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The answer to question `at[g]`, known to lie in `found[g] .. found[g + 1]`, for every gap g at once."""
    answer = found[:-1].copy()  # right already where the gap is one line wide
    width = np.diff(found)
    gaps = np.flatnonzero(width)
    if not gaps.size:
        return answer
    width, x, right = width[gaps], at[gaps], found[gaps + 1]
    first, last = found[0], found[-1]
    # The open gaps, each without its right end, tile the lines first .. last - 1.
    y = height[first:last] - np.repeat(x, width) * steepness[first:last]
    start = found[gaps] - first
    lowest = np.minimum.reduceat(y, start)
    hits = np.flatnonzero(y == np.repeat(lowest, width))
    leftmost = hits[np.searchsorted(hits, start)] + first
    answer[gaps] = np.where(height[right] - x * steepness[right] < lowest, right, leftmost)
    return answer
