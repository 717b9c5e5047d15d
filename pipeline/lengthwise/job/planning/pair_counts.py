"""Counts records by the lengths of their first two groups, sums the counts of all workers, and plans buckets from them.

Lengths of up to 128 steps are counted exactly, longer ones are rounded up to 7 leading binary digits, by at most 1.6%.
The number of distinct pairs is at most some ten thousand, for any number of records.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lengthwise.buckets import LengthHistogram, PairCost, PairHistogram, PairPlan, Triples, plan_pairs
from lengthwise.columns import groups
from lengthwise.config import JobConfig
from lengthwise.records.rows.row_features import lengths_of

_BITS = 7
_MANIFEST_BITS = 5
_MAX_WAITING_ROWS = 2**16


class PairCounter:
    """Counts the rows of a piece by their pair of lengths; with a single group, it counts nothing.

    Args:
        columns: the columns of rows that contain the lengths of each group.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = tuple(columns)[:2]
        self._waiting: list[np.ndarray] = []
        self._counted: list[Triples] = []

    def add(self, rows: pa.RecordBatch) -> None:
        """Counts rows."""
        if len(self._columns) == 2 and rows.num_rows:
            self._waiting.append(np.stack([lengths_of(rows, column) for column in self._columns], axis=1))
            if sum(map(len, self._waiting)) >= _MAX_WAITING_ROWS:
                self._counted = [self.triples]
                self._waiting = []

    @property
    def triples(self) -> Triples:
        """The counts so far."""
        waiting = [np.zeros((0, 2), np.int64), *self._waiting]
        new = PairHistogram.from_lengths(np.concatenate(waiting)).rounded(_BITS).triples
        return PairHistogram.sum([*self._counted, new]).triples


def sum_pairs(counted: Iterable[Triples], longest: Sequence[int]) -> PairHistogram:
    """The histogram of all records.

    Args:
        counted: the counts of each worker.
        longest: the longest sequence of both groups: no length is rounded up beyond it.
    """
    total = PairHistogram.sum(counted)
    return PairHistogram.from_lengths(np.minimum(total.lengths, longest[:2]), total.counts)


def pairs_of_manifest(histogram: PairHistogram | LengthHistogram) -> Triples:
    """The pairs that a manifest contains: rounded further, as each part of a data set has one; none for one group."""
    if isinstance(histogram, LengthHistogram):
        return ()
    rounded = histogram.rounded(_MANIFEST_BITS)
    return PairHistogram.from_lengths(np.minimum(rounded.lengths, histogram.max), rounded.counts).triples


def plan_job_pairs(config: JobConfig, histogram: PairHistogram) -> PairPlan:
    """The plan that the configuration requests; without records, one bucket."""
    planning = pair_planning(config)
    if histogram.total == 0:
        first, second = (longest or 1 for longest in planning["max_lengths"])
        return PairPlan(((first, second),))
    return plan_pairs(histogram, **planning)


def pair_planning(config: JobConfig) -> dict[str, Any]:
    """The arguments of `plan_pairs`."""
    first, second = groups(config.columns)[:2]
    buckets = config.buckets
    weights = (buckets.group_weights.get(first, 1), buckets.group_weights.get(second, 1))
    return {
        "count": buckets.count,
        "cost": PairCost(weights, buckets.product_weight, buckets.cost),
        "multiple_of": buckets.multiple_of,
        "max_lengths": (buckets.max_length, config.sequences.of(second).max_length),
        "batch_steps": buckets.batch_steps,
    }
