"""Buckets over one length or two, in one form: the most steps of each, `((8,), (16,))` or `((8, 4), (16, 9))`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.pair_plan import PairPlan

Bounds = tuple[tuple[int, ...], ...]


def plan_of(bounds: Bounds) -> BucketPlan | PairPlan:
    """The plan whose buckets hold so many steps.

    Raises:
        ConfigError: They make no plan.
    """
    if bounds and len(bounds[0]) == 2:
        return PairPlan(tuple((first, second) for first, second in bounds))
    return BucketPlan(tuple(boundary for (boundary,) in bounds))


def bounds_of(plan: BucketPlan | PairPlan) -> Bounds:
    """The most steps of each bucket of a plan."""
    return plan.boundaries if isinstance(plan, PairPlan) else tuple((boundary,) for boundary in plan.boundaries)


def assign(plan: BucketPlan | PairPlan, lengths: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int32]:
    """The bucket of each record, int32 `[n]`; see `BucketPlan.assign`.

    Args:
        plan: Over one length, or over two.
        lengths: int64 `[n]`, of each group, the leading one first; more than the plan asks for do not count.
    """
    return plan.assign(np.stack(lengths[:2], axis=1) if isinstance(plan, PairPlan) else lengths[0])
