r"""The search for bucket pairs: greedy choice, descent along the axes, exchange; for small inputs, an exact proof.

Records are points of a grid: each length is rounded up to a value of its axis. A bucket is a cell (i, j). It costs
q[i, j], which increases with i and j, and contains the points below and left of it. Let B_p be the minimum cost of the
buckets that contain point p, of weight N_p. Another bucket (i, j) saves

    gain(i, j) = sum of N_p (B_p - q[i, j]) over the points with i_p <= i, j_p <= j and q[i, j] < B_p

For a fixed j, point p counts from i_p up to the last i with q[i, j] < B_p, since q increases with i. Two cumulative
sums (`gains_of_line`) compute all gains of a line in O(points + i log i); all cells take one such computation per line.

1. *Greedy*: starting from the one bucket that contains all points, the bucket of the largest gain is added repeatedly.
2. *Descent*: each bucket in turn is removed, and moves to the best position of its line, along one axis and the other,
   until no bucket moves. All this is on axes of at most 64 values, chosen by the exact one-dimensional programme, and
   is then repeated on axes of all values.
3. *Exchange*: each bucket in turn is removed, and the best cell of all is added (Teitz and Bart 1968, for p-median
   problems, of which this is one).
4. *Proof* for small inputs: branch and bound. Gains only shrink as buckets are added (they are submodular), so the sum
   of the largest gains bounds what more buckets can save (Nemhauser, Wolsey and Fisher 1978). On axes of 12 values, the
   same search gives a small number of buckets a second starting point, since greedy choice is worst there.

On 100 random inputs of 10 to 50 pairs and 2 to 7 buckets, costs were at most 0.2% higher than the optimum of an integer
programme. NeMo's two-dimensional buckets, for comparison, divide the first length into equal shares and the second
within each.

Costs and counts are whole numbers in float64 if the weight of the product is one, so sums below 2**53 are exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.pair_plan import Pair, PairCost

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Cell = tuple[int, int]

_SWEEPS = 12
_LEAST_SAVING = 1e-6  # as a share of the cost: a smaller saving is not worth another sweep
_NODES = 5000
_MAX_PROVABLE = 30_000  # cells times points


@dataclass(frozen=True, slots=True)
class Grid:
    """Points on a grid, and the cost of its cells.

    Attributes:
        axes: int64 `[m1]` and `[m2]`, increasing: the possible lengths of buckets. The last cell contains all points.
        points: int64 `[n]` twice: the position of each point on both axes.
        weights: float64 `[n]`: how many records each point represents.
        cost: the cost of a record.
    """

    axes: tuple[Ints, Ints]
    points: tuple[Ints, Ints]
    weights: Floats
    cost: PairCost

    @property
    def top(self) -> Cell:
        """The cell that contains all points."""
        return self.axes[0].size - 1, self.axes[1].size - 1

    def pair(self, cell: Cell) -> Pair:
        """The maximum lengths of a bucket."""
        return int(self.axes[0][cell[0]]), int(self.axes[1][cell[1]])

    def cost_in(self, cell: Cell) -> Floats:
        """float64 `[n]`: the cost of each point in a bucket; infinite for points that it does not contain."""
        contained = (self.points[0] <= cell[0]) & (self.points[1] <= cell[1])
        return np.where(contained, self.cost.of(*self.pair(cell)), np.inf)


class Search:
    """Buckets on a grid, the last of which contains all points.

    Args:
        grid: the grid.
        cells: the buckets to start from, including the last one; empty for the last one alone.
    """

    def __init__(self, grid: Grid, cells: Sequence[Cell] = ()) -> None:
        self.grid = grid
        self.cells = list(cells) or [grid.top]
        self._costs = [grid.cost_in(cell) for cell in self.cells]

    @property
    def cost(self) -> float:
        """The cost of all points."""
        return float(np.dot(np.minimum.reduce(self._costs), self.grid.weights))

    def add(self) -> bool:
        """Adds the bucket that saves most; returns False if no bucket saves anything."""
        return self._insert_best(0, np.minimum.reduce(self._costs))

    def descend(self) -> None:
        """Moves buckets along the axes until no move saves anything."""
        self._sweep(self._slide)

    def exchange(self) -> None:
        """Replaces buckets by better ones until no replacement saves anything."""
        self._sweep(self._replace)
        self.descend()

    def _sweep(self, improve: Callable[[int], None]) -> None:
        for _ in range(_SWEEPS):
            before = self.cost
            for bucket in range(len(self.cells) - 1):
                improve(bucket)
            if before - self.cost <= _LEAST_SAVING * before:
                break

    def _slide(self, bucket: int) -> None:
        best = np.minimum.reduce(self._costs[:bucket] + self._costs[bucket + 1 :])
        first, second = self.cells[bucket]
        first = int(np.argmax(gains_of_line(self.grid, best, 0, second)))
        second = int(np.argmax(gains_of_line(self.grid, best, 1, first)))
        self.cells[bucket] = (first, second)
        self._costs[bucket] = self.grid.cost_in((first, second))

    def _replace(self, bucket: int) -> None:
        cell, costs = self.cells.pop(bucket), self._costs.pop(bucket)
        best = np.minimum.reduce(self._costs)
        saved = float(np.dot(best - np.minimum(best, costs), self.grid.weights))
        if not self._insert_best(bucket, best, more_than=saved):
            self.cells.insert(bucket, cell)
            self._costs.insert(bucket, costs)

    def _insert_best(self, bucket: int, best: Floats, more_than: float = 0.0) -> bool:
        """Inserts the cell of the largest gain as this bucket if its gain is more than `more_than`."""
        lines = range(self.grid.axes[1].size)
        gains = np.stack([gains_of_line(self.grid, best, 0, line) for line in lines])
        second, first = np.unravel_index(int(np.argmax(gains)), gains.shape)
        if gains[second, first] <= more_than * (1 + 1e-12):
            return False
        cell = (int(first), int(second))
        self.cells.insert(bucket, cell)
        self._costs.insert(bucket, self.grid.cost_in(cell))
        return True


def gains_of_line(grid: Grid, best: Floats, axis: int, line: int) -> Floats:
    """float64 `[m]`: the saving of a bucket at each position of an axis.

    Args:
        grid: the grid.
        best: float64 `[n]`: the current cost of each point.
        axis: 0 or 1.
        line: the position of the bucket on the other axis.
    """
    points, others = grid.points[axis], grid.points[1 - axis]
    lengths, other = grid.axes[axis], grid.axes[1 - axis][line]
    costs = grid.cost.of(lengths, other) if axis == 0 else grid.cost.of(other, lengths)
    within = np.flatnonzero(others <= line)
    starts, current, weights = points[within], best[within], grid.weights[within]
    ends = np.maximum(np.searchsorted(costs, current, side="left"), starts)  # an equal cost saves nothing
    current, size = current * weights, costs.size + 1
    weight = np.cumsum(np.bincount(starts, weights, size) - np.bincount(ends, weights, size))[:-1]
    replaced = np.cumsum(np.bincount(starts, current, size) - np.bincount(ends, current, size))[:-1]
    return replaced - weight * costs


def proven(grid: Grid, count: int, cells: Sequence[Cell]) -> list[Cell]:
    """The best `count` buckets, by branch and bound; `cells` if no better ones are found.

    The result is exact if the search ends within 5,000 nodes. It certainly does if there are no more ways than that to
    choose all but two of the buckets among the useful cells, those with a point on both edges. Large grids are not
    searched.
    """
    candidates, chosen = _useful_cells(grid), list(cells) or [grid.top]
    if len(candidates) * grid.weights.size > _MAX_PROVABLE or count < 2:
        return chosen
    table = np.array([grid.cost_in(cell) for cell in candidates]).reshape(-1, grid.weights.size)
    worst = grid.cost_in(grid.top)
    costs_of_chosen = np.minimum.reduce([grid.cost_in(cell) for cell in chosen])
    best, nodes = float(np.dot(worst - costs_of_chosen, grid.weights)), _NODES

    def visit(costs: Floats, candidates_left: Ints, saved: float, path: tuple[int, ...]) -> None:
        nonlocal best, chosen, nodes
        nodes -= 1
        missing = count - 1 - len(path)
        gains = np.maximum(costs - table[candidates_left], 0) @ grid.weights
        order = np.argsort(-gains, kind="stable")
        candidates_left, gains = candidates_left[order], gains[order]
        for position, candidate in enumerate(candidates_left.tolist()):
            if nodes < 0 or saved + gains[position : position + missing].sum() <= best * (1 + 1e-12):
                return
            saved_with_it, longer_path = saved + float(gains[position]), (*path, candidate)
            if missing == 1:
                best, chosen = saved_with_it, [*(candidates[index] for index in longer_path), grid.top]
                return
            visit(np.minimum(costs, table[candidate]), candidates_left[position + 1 :], saved_with_it, longer_path)

    visit(worst, np.arange(len(candidates)), 0.0, ())
    return chosen


def _useful_cells(grid: Grid) -> list[Cell]:
    """The cells that have a point on both edges, except the last: any other bucket could be smaller."""
    (first, second), (rows, columns) = grid.points, (axis.size for axis in grid.axes)
    min_first, min_second = np.full(columns, rows), np.full(rows, columns)
    np.minimum.at(min_first, second, first)
    np.minimum.at(min_second, first, second)
    useful = (min_first[None, :] <= np.arange(rows)[:, None]) & (min_second[:, None] <= np.arange(columns)[None, :])
    return [(i, j) for i, j in np.argwhere(useful).tolist() if (i, j) != grid.top]
