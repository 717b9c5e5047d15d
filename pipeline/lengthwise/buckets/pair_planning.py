"""Plans of bucket pairs: axes of candidate lengths, the search on them, and how many buckets are enough."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.batch_rows import empty_rows, rows_per_batch
from lengthwise.buckets.boundary_multiples import AUTO, Multiple, given_multiple, is_affordable, multiples_dividing
from lengthwise.buckets.candidate_boundaries import Candidates, round_up_to_multiple
from lengthwise.buckets.dynamic_programme import solve
from lengthwise.buckets.optimal_plan import BATCH_STEPS, BUDGET_HINT, COUNT_HINT, KNEE_AT, first_within_knee
from lengthwise.buckets.pair_length_histogram import PairHistogram
from lengthwise.buckets.pair_plan import Pair, PairCost, PairPlan
from lengthwise.buckets.pair_search import Cell, Grid, Search, proven

_FEW = 64
"""The maximum number of values of an axis on which buckets are chosen, before they move to any length."""

_COARSE = 12
"""The maximum number of values of an axis on which a small number of buckets is proven, as a second starting point."""


def plan_pairs(
    histogram: PairHistogram,
    *,
    count: int | None = None,
    cost: PairCost | None = None,
    multiple_of: Multiple = AUTO,
    max_lengths: tuple[int | None, int | None] = (None, None),
    batch_steps: int = BATCH_STEPS,
) -> PairPlan:
    """The cheapest plan of bucket pairs: exact for small inputs, within a few percent of the optimum for large ones.

    Planning 32 buckets for 100,000 distinct pairs takes a few seconds; `pair_search` describes the search and when it
    is exact. The last bucket contains all records, so any record of at most these lengths has a bucket.

    Args:
        histogram: The pairs of all records.
        count: The maximum number of buckets, including the last one; None for the smallest number whose waste is within
            10% of the minimum over 1 to 32 buckets (see `knee`).
        cost: The cost of a record of T1 and T2 padded steps. None: their sum.
        multiple_of: Every boundary is a multiple of this; `"auto"` is the largest of 64, 32, 16, 8, 4, 2 and 1 that
            adds at most 2% of cost to a plan whose boundaries are rounded up to it, and divides the given
            `max_lengths`.
        max_lengths: The last boundary of each group, rounded up. None: the longest length.
        batch_steps: The budget at which remainders are counted, in weighted steps.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    cost = cost or PairCost()
    multiple = given_multiple(multiple_of)
    budget = checked_int("batch_steps", batch_steps, BUDGET_HINT)
    max_count = KNEE_AT if count is None else checked_int("count", count, COUNT_HINT)
    axes = _Axes.of(histogram, 1 if multiple is None else multiple, max_lengths)
    cells = axes.choose(cost, max_count, budget if count is None else None)
    if multiple is None:
        multiple = _affordable_multiple(axes.few_plan(cells, cost), histogram, cost, max_lengths)
        if multiple > 1:
            axes = _Axes.of(histogram, multiple, max_lengths)
            cells = axes.choose(cost, len(cells), None)
    return axes.plan(axes.refine(cost, cells), cost)


_Values = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class _Axes:
    """The possible boundaries of each group: a few, from which buckets are chosen, and all.

    Attributes:
        lengths: int64 `[n, 2]`: the distinct pairs, rounded up and clipped to the last boundaries.
        counts: float64 `[n]`: the number of records of each pair.
        coarse, few: int64 `[m]` of each group, increasing: the best boundaries for that group alone.
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
        for group, max_length in enumerate(max_lengths):
            candidates = Candidates.of(histogram.of(group), multiple_of=multiple_of, max_length=max_length)
            programme = solve(candidates, 1, _FEW)
            coarse, few = (np.array(programme.boundaries(size), np.int64) for size in (_COARSE, _FEW))
            axes.append((coarse, few, candidates.values))
            lengths = round_up_to_multiple(histogram.lengths[:, group], multiple_of)
            rounded.append(np.clip(lengths, multiple_of, candidates.top))
        merged = PairHistogram.from_lengths(np.stack(rounded, axis=1), histogram.counts)
        return cls(merged.lengths, merged.counts.astype(np.float64), *zip(*axes, strict=True))

    def grid(self, values: _Values, cost: PairCost) -> Grid:
        """The pairs on axes of these values; points of the same cell are merged."""
        positions = [np.searchsorted(axis, self.lengths[:, group]) for group, axis in enumerate(values)]
        keys, point = np.unique(positions[0] * values[1].size + positions[1], return_inverse=True)
        first, second = np.divmod(keys, values[1].size)
        weights = np.bincount(point, self.counts).astype(np.float64)
        return Grid(values, (first, second), weights, cost)

    def cells_by_count(self, cost: PairCost, max_count: int) -> list[list[Cell]]:
        """Cells of the few values for 1, 2, ... buckets, up to `max_count` or until another bucket saves nothing."""
        search = Search(self.grid(self.few, cost))
        cells = [list(search.cells)]
        while len(cells) < max_count and search.add():
            search.descend()
            cells.append(list(search.cells))
        return cells

    def choose(self, cost: PairCost, max_count: int, budget: int | None) -> list[Cell]:
        """Cells of the few values for `max_count` buckets, or for the knee at a budget of weighted steps."""
        cells = self.cells_by_count(cost, max_count)
        if budget is None:
            return cells[-1]
        grid = self.grid(self.few, cost)
        least = float(np.dot(cost.of(*self.lengths.T), self.counts))
        return cells[first_within_knee([_cost_with_remainders(grid, few, budget) - least for few in cells])]

    def refine(self, cost: PairCost, cells: list[Cell]) -> list[Cell]:
        """The same number of better cells of the few values."""
        grid, coarse = self.grid(self.few, cost), self.grid(self.coarse, cost)
        rough = _cells_on_axes(self.few, map(coarse.pair, proven(coarse, len(cells), ())))
        searches = [Search(grid, start) for start in (cells, rough)]
        for search in searches:
            search.exchange()
        best = min(searches, key=lambda search: search.cost)
        return proven(grid, len(cells), best.cells)

    def few_plan(self, cells: list[Cell], cost: PairCost) -> PairPlan:
        """The plan of cells of the few values."""
        return _plan_of_pairs(map(self.grid(self.few, cost).pair, cells), cost)

    def plan(self, cells: list[Cell], cost: PairCost) -> PairPlan:
        """The plan of cells of the few values, moved to any length if there are more values."""
        few, all_ = self.grid(self.few, cost), self.grid(self.all, cost)
        if few.top == all_.top:
            return self.few_plan(cells, cost)
        search = Search(all_, _cells_on_axes(self.all, map(few.pair, cells)))
        search.descend()
        return _plan_of_pairs(map(all_.pair, search.cells), cost)


def _cost_with_remainders(grid: Grid, cells: list[Cell], budget: int) -> float:
    """The cost of all records, and of the empty rows in the last batches; see `optimal_plan.remainders`."""
    costs = np.stack([grid.cost_in(cell) for cell in cells])
    records = np.bincount(np.argmin(costs, axis=0), grid.weights, len(cells))
    weighted_steps = PairCost(grid.cost.weights)
    total = float(np.dot(costs.min(axis=0), grid.weights))
    for pair, count in zip(map(grid.pair, cells), records.tolist(), strict=True):
        rows = rows_per_batch(budget, int(weighted_steps.of(*pair)))
        total += empty_rows(rows, count) * float(grid.cost.of(*pair))
    return total


def _cells_on_axes(axes: _Values, pairs: Iterable[Pair]) -> list[Cell]:
    """The cells that contain these pairs on other axes."""
    return [(int(np.searchsorted(axes[0], first)), int(np.searchsorted(axes[1], second))) for first, second in pairs]


def _plan_of_pairs(pairs: Iterable[Pair], cost: PairCost) -> PairPlan:
    distinct = sorted(set(pairs), key=lambda pair: (float(cost.of(*pair)), pair))
    return PairPlan(tuple(distinct))


def _affordable_multiple(
    plan: PairPlan, histogram: PairHistogram, cost: PairCost, max_lengths: tuple[int | None, int | None]
) -> int:
    """The largest multiple that adds at most 2% of cost if boundaries are rounded up to it."""
    total_cost = plan.total_cost(histogram, cost)

    def rounded(multiple: int) -> PairPlan:
        first, second = (round_up_to_multiple(axis, multiple).tolist() for axis in np.array(plan.boundaries).T)
        return _plan_of_pairs(zip(first, second, strict=True), cost)

    return next(
        multiple
        for multiple in multiples_dividing(max_lengths)
        if is_affordable(rounded(multiple).total_cost(histogram, cost), total_cost)
    )
