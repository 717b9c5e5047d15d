"""Plans of bucket pairs: axes of candidate lengths, the search on them, and how many buckets are enough."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.boundary_multiples import AUTO, MULTIPLES, PERCENT_MORE, Multiple
from lengthwise.buckets.candidate_boundaries import Candidates, round_up
from lengthwise.buckets.dynamic_programme import solve
from lengthwise.buckets.optimal_plan import BATCH_STEPS, BUDGET_HINT, KNEE_AT, KNEE_WITHIN
from lengthwise.buckets.pair_length_histogram import PairHistogram
from lengthwise.buckets.pair_plan import Pair, PairCost, PairPlan
from lengthwise.buckets.pair_search import Cell, Grid, Search, proven
from lengthwise.errors import ConfigError

_AXIS = 64
"""The most values of an axis on which buckets are chosen, before they move to any length."""

_COARSE = 12
"""The most values of an axis on which the best of few buckets are proven, as another place to start from."""


def plan_pairs(
    histogram: PairHistogram,
    *,
    count: int | None = None,
    cost: PairCost | None = None,
    multiple_of: Multiple = AUTO,
    max_lengths: tuple[int | None, int | None] = (None, None),
    batch_steps: int = BATCH_STEPS,
) -> PairPlan:
    """The plan of bucket pairs that costs least: exact for small inputs, within a few percent of it for large ones.

    The best of 100,000 distinct pairs and 32 buckets takes a few seconds; see `pair_search` for how, and for when it is
    exact. The last bucket holds all records, so that others of at most these lengths have one, too.

    Args:
        histogram: The pairs to plan for, of all records.
        count: The most buckets, the last one included; None takes as few as leave at most 10% more waste than any
            number up to 32 that was tried (see `knee`).
        cost: What a record of T1 and T2 padded steps costs. None: their sum.
        multiple_of: Every boundary is a multiple of this; `"auto"` takes the largest of 64, 32, 16, 8, 4, 2 and 1 that
            adds at most 2% of cost to a plan whose boundaries are rounded up to it, and divides the `max_lengths` that
            are given.
        max_lengths: The last boundary of each group, rounded up. None: the longest length.
        batch_steps: The budget at which remainders are counted, in weighted steps.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    cost = cost or PairCost()
    if isinstance(multiple_of, str) and multiple_of != AUTO:
        raise ConfigError(f"multiple_of: expected 'auto' or a whole number of steps, received {multiple_of!r}.")
    budget = checked_int("batch_steps", batch_steps, BUDGET_HINT)
    most = KNEE_AT if count is None else checked_int("count", count, "Leave it out to let the data say it.")
    rounding = 1 if isinstance(multiple_of, str) else multiple_of
    axes = _Axes.of(histogram, rounding, max_lengths)
    found = axes.choose(cost, most, None if count is not None else budget)
    if isinstance(multiple_of, str):
        rounding = _affordable(axes.few_plan(found, cost), histogram, cost, max_lengths)
        if rounding > 1:
            axes = _Axes.of(histogram, rounding, max_lengths)
            found = axes.choose(cost, len(found), None)
    return axes.plan(axes.refine(cost, found), cost)


_Values = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class _Axes:
    """The lengths that boundaries may have, of each group: few, of which buckets are chosen, and all.

    Attributes:
        lengths: int64 `[n, 2]`: the distinct pairs, rounded up and clipped to the last boundaries.
        counts: float64 `[n]`.
        coarse, few: int64 `[m]` of each group, increasing: the best for that group alone.
        all: int64 `[m]` of each group, increasing.
    """

    lengths: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float64]
    coarse: _Values
    few: _Values
    all: _Values

    @classmethod
    def of(cls, histogram: PairHistogram, multiple_of: int, max_lengths: tuple[int | None, int | None]) -> Self:
        axes, rounded = [], []
        for place, longest in enumerate(max_lengths):
            candidates = Candidates.of(histogram.of(place), multiple_of=multiple_of, max_length=longest)
            programme = solve(candidates, 1, _AXIS)
            coarse, few = (np.array(programme.boundaries(size), np.int64) for size in (_COARSE, _AXIS))
            axes.append((coarse, few, candidates.values))
            own = -(-histogram.lengths[:, place] // multiple_of) * multiple_of
            rounded.append(np.clip(own, multiple_of, candidates.top))
        merged = PairHistogram.from_lengths(np.stack(rounded, axis=1), histogram.counts)
        return cls(merged.lengths, merged.counts.astype(np.float64), *zip(*axes, strict=True))

    def grid(self, values: _Values, cost: PairCost) -> Grid:
        """The pairs on axes of these values; points of one cell are joined."""
        places = [np.searchsorted(axis, self.lengths[:, place]) for place, axis in enumerate(values)]
        keys, where = np.unique(places[0] * values[1].size + places[1], return_inverse=True)
        first, second = np.divmod(keys, values[1].size)
        weights = np.bincount(where, self.counts).astype(np.float64)
        return Grid(values, (first, second), weights, cost)

    def by_count(self, cost: PairCost, most: int) -> list[list[Cell]]:
        """Cells of the few values for 1, 2, ... buckets, as many as save anything."""
        search = Search(self.grid(self.few, cost))
        found = [list(search.cells)]
        while len(found) < most and search.add():
            search.descend()
            found.append(list(search.cells))
        return found

    def choose(self, cost: PairCost, most: int, budget: int | None) -> list[Cell]:
        """Cells of the few values for `most` buckets, or for as many as are enough at a budget of weighted steps."""
        found = self.by_count(cost, most)
        if budget is None:
            return found[-1]
        grid = self.grid(self.few, cost)
        least = float(np.dot(cost.of(*self.lengths.T), self.counts))
        waste = [self._waste(grid, cells, budget, cost) - least for cells in found]
        return next(cells for cells, one in zip(found, waste, strict=True) if one <= (1 + KNEE_WITHIN) * min(waste))

    def _waste(self, grid: Grid, cells: list[Cell], budget: int, cost: PairCost) -> float:
        """What all records cost, and the empty parts of the last batches; see `choose.remainders`."""
        table = np.stack([grid.cost_in(cell) for cell in cells])
        held = np.bincount(np.argmin(table, axis=0), grid.weights, len(cells))
        steps = PairCost(cost.weights)
        total = float(np.dot(table.min(axis=0), grid.weights))
        for cell, records in zip(cells, held.tolist(), strict=True):
            rows = max(budget // int(steps.of(*grid.pair(cell))), 1)
            total += max(rows - records, rows // 2) * float(cost.of(*grid.pair(cell)))
        return total

    def refine(self, cost: PairCost, cells: list[Cell]) -> list[Cell]:
        """Better cells of the few values, as many."""
        grid, coarse = self.grid(self.few, cost), self.grid(self.coarse, cost)
        rough = _moved(self.few, coarse, proven(coarse, len(cells), ()))
        searches = [Search(grid, start) for start in (cells, rough)]
        for search in searches:
            search.exchange()
        best = min(searches, key=lambda search: search.cost)
        return proven(grid, len(cells), best.cells)

    def few_plan(self, cells: list[Cell], cost: PairCost) -> PairPlan:
        """The plan of some cells of the few values."""
        return _of_pairs([(int(self.few[0][i]), int(self.few[1][j])) for i, j in cells], cost)

    def plan(self, cells: list[Cell], cost: PairCost) -> PairPlan:
        """The same, moved to any length where there are more."""
        if all(one.size == other.size for one, other in zip(self.few, self.all, strict=True)):
            return self.few_plan(cells, cost)
        search = Search(self.grid(self.all, cost), _moved(self.all, self.grid(self.few, cost), cells))
        search.descend()
        return _of_pairs(list(map(search.grid.pair, search.cells)), cost)


def _moved(axes: _Values, grid: Grid, cells: list[Cell]) -> list[Cell]:
    """The cells of a grid on axes of more values."""
    pairs = map(grid.pair, cells)
    return [(int(np.searchsorted(axes[0], one)), int(np.searchsorted(axes[1], other))) for one, other in pairs]


def _of_pairs(pairs: list[Pair], cost: PairCost) -> PairPlan:
    distinct = sorted(set(pairs), key=lambda pair: (float(cost.of(*pair)), pair))
    return PairPlan(tuple(distinct))


def _affordable(
    plan: PairPlan, histogram: PairHistogram, cost: PairCost, max_lengths: tuple[int | None, int | None]
) -> int:
    """The largest multiple that adds at most 2% of cost where boundaries are rounded up to it."""
    most = (100 + PERCENT_MORE) / 100 * plan.total_cost(histogram, cost)

    def rounded(multiple: int) -> PairPlan:
        pairs = [(round_up(one, multiple), round_up(other, multiple)) for one, other in plan.boundaries]
        return _of_pairs(pairs, cost)

    fitting = (one for one in MULTIPLES if not any(longest and longest % one for longest in max_lengths))
    return next(one for one in fitting if rounded(one).total_cost(histogram, cost) <= most)
