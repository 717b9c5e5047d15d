"""Buckets over one length or two in one form: the maximum steps of each, `((8,), (16,))` or `((8, 4), (16, 9))`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.pair_plan import PairPlan

Bounds = tuple[tuple[int, ...], ...]


def plan_of(bounds: Bounds) -> BucketPlan | PairPlan:
    """The plan whose buckets have these maximum numbers of steps.

    Raises:
        ConfigError: They are not a valid plan.
    """
    if bounds and len(bounds[0]) == 2:
        return PairPlan(tuple((first, second) for first, second in bounds))
    return BucketPlan(tuple(boundary for (boundary,) in bounds))


def bounds_of(plan: BucketPlan | PairPlan) -> Bounds:
    """The maximum steps of each bucket of a plan."""
    if isinstance(plan, PairPlan):
        return plan.boundaries
    return tuple((boundary,) for boundary in plan.boundaries)


def assign(plan: BucketPlan | PairPlan, lengths: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int32]:
    """The bucket of each record, int32 `[n]`; see `BucketPlan.assign`.

    Args:
        plan: Over one length, or over two.
        lengths: int64 `[n]` for each group, the leading one first; groups that the plan does not use are ignored.
    """
    return plan.assign(np.stack(lengths[:2], axis=1) if isinstance(plan, PairPlan) else lengths[0])
