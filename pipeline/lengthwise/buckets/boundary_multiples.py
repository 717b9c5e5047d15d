"""`plan`: chooses the number of buckets, and the number that all boundaries are multiples of, from the lengths.

Matrix units and attention kernels work best on lengths that divide evenly: cuDNN's fused attention refuses odd ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Cost, round_up_to_multiple
from lengthwise.buckets.length_histogram import LengthHistogram
from lengthwise.buckets.optimal_plan import BATCH_STEPS, BUDGET_HINT, knee, plan_optimal
from lengthwise.errors import ConfigError

AUTO: Literal["auto"] = "auto"

MULTIPLES = (64, 32, 16, 8, 4, 2, 1)
"""The multiples that `auto` chooses from."""

PERCENT_MORE = 2
"""The maximum percentage of padded steps that a multiple chosen by `auto` adds to those of boundaries of any length."""

Multiple = int | Literal["auto"]


@dataclass(frozen=True, slots=True)
class MultiplePrice:
    """The cost of making every boundary a multiple of a number.

    Attributes:
        multiple_of: The number.
        plan: The plan with this multiple.
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
    """The optimal plan of `count` buckets, or of the number of buckets that `knee` returns.

    Args:
        histogram: The lengths of all sequences.
        count: The number of buckets, at least 1; None for the knee.
        cost: As in `plan_optimal`.
        multiple_of: Every boundary is a multiple of this; `"auto"` is the largest number that adds at most 2% of padded
            steps, of those in `price_multiples`.
        max_length: As in `plan_optimal`.
        batch_steps: As in `knee`.

    Returns:
        At most `count` buckets: fewer if there are fewer distinct rounded-up lengths.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    buckets, multiple = resolve_count_and_multiple(
        histogram, count=count, cost=cost, multiple_of=multiple_of, max_length=max_length, batch_steps=batch_steps
    )
    return plan_optimal(histogram, buckets, cost=cost, multiple_of=multiple, max_length=max_length)


def resolve_count_and_multiple(
    histogram: LengthHistogram,
    *,
    count: int | None,
    cost: Cost,
    multiple_of: Multiple,
    max_length: int | None,
    batch_steps: int,
) -> tuple[int, int]:
    """The number of buckets and the multiple that `plan` uses; arguments and errors are those of `plan`."""
    given = given_multiple(multiple_of)
    rounding = 1 if given is None else given
    if count is None:
        count = knee(histogram, cost=cost, multiple_of=rounding, max_length=max_length, batch_steps=batch_steps)
    if given is not None:
        return count, given
    prices = price_multiples(histogram, count=count, cost=cost, max_length=max_length, batch_steps=batch_steps)
    return count, affordable(prices).multiple_of


def given_multiple(multiple_of: Multiple) -> int | None:
    """The multiple; None for `"auto"`.

    Raises:
        ConfigError: It is a string other than `"auto"`.
    """
    if not isinstance(multiple_of, str):
        return multiple_of
    if multiple_of != AUTO:
        raise ConfigError(f"multiple_of: expected 'auto' or a whole number of steps, received {multiple_of!r}.")
    return None


def price_multiples(
    histogram: LengthHistogram,
    *,
    count: int | None = None,
    cost: Cost = "linear",
    max_length: int | None = None,
    batch_steps: int = BATCH_STEPS,
) -> tuple[MultiplePrice, ...]:
    """The plan and its cost for each of the multiples 64, 32, 16, 8, 4, 2 and 1.

    All plans have the same maximum number of buckets: `count`, or the knee of boundaries of any length. Two kinds of
    multiples are omitted: those that do not divide a given `max_length`, since the last boundary is that length; and
    those that round the longest sequence up so far that it no longer fits a batch.

    Arguments and errors are those of `plan`.
    """
    if count is None:
        count = knee(histogram, cost=cost, max_length=max_length, batch_steps=batch_steps)
    longest = histogram.max
    if max_length is not None:
        longest = checked_int("max_length", max_length, "Leave it out to cover the longest sequence.")
    budget = checked_int("batch_steps", batch_steps, BUDGET_HINT)
    prices: list[tuple[int, BucketPlan, int]] = []
    for multiple in multiples_dividing([max_length]):
        if longest > budget or round_up_to_multiple(longest, multiple) <= budget:
            buckets = plan_optimal(histogram, count, cost=cost, multiple_of=multiple, max_length=max_length)
            prices.append((multiple, buckets, buckets.padded_steps(histogram)))
    fewest_steps = prices[-1][2]
    return tuple(
        MultiplePrice(multiple, buckets, steps, steps / fewest_steps - 1) for multiple, buckets, steps in prices
    )


def affordable(prices: tuple[MultiplePrice, ...]) -> MultiplePrice:
    """The first of the prices that adds at most 2% of padded steps; the prices start with the largest multiple."""
    return next(price for price in prices if is_affordable(price.padded_steps, prices[-1].padded_steps))


def is_affordable(cost: float, cost_of_any_length: float) -> bool:
    """Whether the cost is at most 2% higher than that of boundaries of any length."""
    return 100 * cost <= (100 + PERCENT_MORE) * cost_of_any_length


def multiples_dividing(lengths: Iterable[int | None]) -> list[int]:
    """The multiples of `auto` that divide all given lengths, the largest first. None divides evenly by any number."""
    given = [length for length in lengths if length is not None]
    return [multiple for multiple in MULTIPLES if not any(length % multiple for length in given)]


def common_multiple(boundaries: tuple[int, ...]) -> int:
    """The largest of the multiples of `auto` that divides all boundaries."""
    return multiples_dividing(boundaries)[0]
