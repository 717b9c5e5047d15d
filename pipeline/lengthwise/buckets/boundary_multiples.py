"""`plan`: how many buckets there are, and which number their boundaries are multiples of, follows the lengths.

Matrix units and attention kernels want lengths that divide evenly: cuDNN's fused attention refuses odd ones.
"""

from dataclasses import dataclass
from typing import Any, Literal

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Cost, round_up
from lengthwise.buckets.length_histogram import LengthHistogram
from lengthwise.buckets.optimal_plan import BATCH_STEPS, BUDGET_HINT, knee, plan_optimal
from lengthwise.errors import ConfigError

AUTO: Literal["auto"] = "auto"

MULTIPLES = (64, 32, 16, 8, 4, 2, 1)
"""What `auto` chooses from."""

PERCENT_MORE = 2
"""How many percent of padded steps `auto` lets a multiple add to those of boundaries of any length."""

Multiple = int | Literal["auto"]


@dataclass(frozen=True, slots=True)
class MultiplePrice:
    """What it costs that every boundary is a multiple of a number.

    Attributes:
        multiple_of: The number.
        plan: The plan with it.
        padded_steps: All steps after padding.
        added: The share of padded steps that it adds to those of boundaries of any length.
    """

    multiple_of: int
    plan: BucketPlan
    padded_steps: int
    added: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "multiple_of": self.multiple_of,
            "buckets": self.plan.num_buckets,
            "boundaries": list(self.plan.boundaries),
            "padded_steps": self.padded_steps,
            "added": self.added,
        }


def plan(
    histogram: LengthHistogram,
    *,
    count: int | None = None,
    cost: Cost = "linear",
    multiple_of: Multiple = AUTO,
    max_length: int | None = None,
    batch_steps: int = BATCH_STEPS,
) -> BucketPlan:
    """The optimal plan: of `count` buckets, or of as many as `knee` finds enough.

    Args:
        histogram: The lengths to plan for, of all sequences.
        count: The number of buckets, at least 1; None takes the knee.
        cost: As in `plan_optimal`.
        multiple_of: Every boundary is a multiple of this; `"auto"` takes the largest that adds at most 2% of padded
            steps, of those of `price_multiples`.
        max_length: As in `plan_optimal`.
        batch_steps: As in `knee`.

    Returns:
        At most `count` buckets: fewer when there are fewer distinct rounded-up lengths.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    buckets, multiple = settle(
        histogram, count=count, cost=cost, multiple_of=multiple_of, max_length=max_length, batch_steps=batch_steps
    )
    return plan_optimal(histogram, buckets, cost=cost, multiple_of=multiple, max_length=max_length)


def settle(
    histogram: LengthHistogram,
    *,
    count: int | None,
    cost: Cost,
    multiple_of: Multiple,
    max_length: int | None,
    batch_steps: int,
) -> tuple[int, int]:
    """The number of buckets and the multiple of `plan`, whose arguments and errors these are."""
    if isinstance(multiple_of, str) and multiple_of != AUTO:
        raise ConfigError(f"multiple_of: expected 'auto' or a whole number of steps, received {multiple_of!r}.")
    rounding = 1 if isinstance(multiple_of, str) else multiple_of
    if count is None:
        count = knee(histogram, cost=cost, multiple_of=rounding, max_length=max_length, batch_steps=batch_steps)
    if isinstance(multiple_of, str):
        prices = price_multiples(histogram, count=count, cost=cost, max_length=max_length, batch_steps=batch_steps)
        rounding = affordable(prices).multiple_of
    return count, rounding


def price_multiples(
    histogram: LengthHistogram,
    *,
    count: int | None = None,
    cost: Cost = "linear",
    max_length: int | None = None,
    batch_steps: int = BATCH_STEPS,
) -> tuple[MultiplePrice, ...]:
    """The plan with each multiple of 64, 32, 16, 8, 4, 2 and 1, and what it costs.

    All have the same number of buckets, at most: `count`, or the knee of boundaries of any length. Left out are
    multiples that do not divide `max_length`, if it is given: the last boundary is that length; and those by which the
    longest sequence would no longer fit a batch.

    Arguments and errors are those of `plan`.
    """
    if count is None:
        count = knee(histogram, cost=cost, max_length=max_length, batch_steps=batch_steps)
    top = histogram.max
    if max_length is not None:
        top = checked_int("max_length", max_length, "Leave it out to cover the longest sequence.")
    budget = checked_int("batch_steps", batch_steps, BUDGET_HINT)
    fitting = [
        multiple
        for multiple in MULTIPLES
        if (max_length is None or top % multiple == 0) and (top > budget or round_up(top, multiple) <= budget)
    ]
    plans = [
        plan_optimal(histogram, count, cost=cost, multiple_of=multiple, max_length=max_length) for multiple in fitting
    ]
    steps = [one.padded_steps(histogram) for one in plans]
    return tuple(
        MultiplePrice(multiple, one, padded, padded / steps[-1] - 1)
        for multiple, one, padded in zip(fitting, plans, steps, strict=True)
    )


def affordable(prices: tuple[MultiplePrice, ...]) -> MultiplePrice:
    """Of prices, the largest multiple first, the first that adds at most 2% of padded steps."""
    most = (100 + PERCENT_MORE) * prices[-1].padded_steps
    return next(price for price in prices if 100 * price.padded_steps <= most)


def common_multiple(boundaries: tuple[int, ...]) -> int:
    """The largest of the multiples of `auto` that divides all boundaries."""
    return next(multiple for multiple in MULTIPLES if not any(boundary % multiple for boundary in boundaries))
