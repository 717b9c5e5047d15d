"""How many records have which lengths of the first two groups: counted by each worker, added up, and planned from.

Lengths of up to 128 steps are counted as they are, longer ones rounded up to 7 leading binary digits, by at most 1.6%:
so there are a few ten thousand pairs at most, however many records.
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
_SHOWN_BITS = 5  # in a manifest
_WAITING = 2**16  # rows


class PairCounter:
    """Counts the rows of a piece; of one group, nothing.

    Args:
        columns: those of rows that have the lengths of each group.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = tuple(columns)[:2]
        self._waiting: list[np.ndarray] = []
        self._found: list[Triples] = []

    def add(self, rows: pa.RecordBatch) -> None:
        """Counts rows."""
        if len(self._columns) == 2 and rows.num_rows:
            self._waiting.append(np.stack([lengths_of(rows, column) for column in self._columns], axis=1))
            if sum(map(len, self._waiting)) >= _WAITING:
                self._found = [self.triples]
                self._waiting = []

    @property
    def triples(self) -> Triples:
        """What was counted so far."""
        waiting = [np.zeros((0, 2), np.int64), *self._waiting]
        new = PairHistogram.from_lengths(np.concatenate(waiting)).rounded(_BITS).triples
        return PairHistogram.sum([*self._found, new]).triples


def add_up_pairs(counted: Iterable[Triples], longest: Sequence[int]) -> PairHistogram:
    """All records together.

    Args:
        counted: by some workers.
        longest: the longest sequence of both groups: it alone is no length that was rounded up.
    """
    found = PairHistogram.sum(counted)
    return PairHistogram.from_lengths(np.minimum(found.lengths, longest[:2]), found.counts)


def shown(histogram: PairHistogram | LengthHistogram) -> Triples:
    """What a manifest keeps of pairs: coarser, as there is one for each part of a data set; of one length, nothing."""
    if isinstance(histogram, LengthHistogram):
        return ()
    rounded = histogram.rounded(_SHOWN_BITS)
    return PairHistogram.from_lengths(np.minimum(rounded.lengths, histogram.max), rounded.counts).triples


def plan_job_pairs(config: JobConfig, histogram: PairHistogram) -> PairPlan:
    """The plan that the configuration asks for; where there is nothing to plan from, one bucket."""
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
