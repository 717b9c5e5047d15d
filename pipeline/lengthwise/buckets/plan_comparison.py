"""Plans side by side, as `lengthwise plan` prints and the report shows them."""

from dataclasses import dataclass
from typing import Any

from lengthwise.buckets.boundary_multiples import AUTO, Multiple, resolve_count_and_multiple
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Cost, power_of
from lengthwise.buckets.length_histogram import LengthHistogram
from lengthwise.buckets.optimal_plan import BATCH_STEPS, plan_optimal
from lengthwise.buckets.padding_shares import padded_steps_per_real, share_of_padding
from lengthwise.buckets.textbook_plans import plan_geometric, plan_powers_of_two, plan_quantile, plan_single


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """A plan and its effect on the sequences of a histogram. Over-long sequences count as truncated.

    Attributes:
        name: `"chosen"`, `"optimal"`, `"quantile"`, `"geometric"`, `"powers of two"` or `"one bucket"`.
        boundaries: Inclusive maximum lengths in steps.
        real_steps: Steps that are not padding.
        padded_steps: All steps after padding.
    """

    name: str
    boundaries: tuple[int, ...]
    real_steps: int
    padded_steps: int

    @property
    def num_buckets(self) -> int:
        """The number of buckets."""
        return len(self.boundaries)

    @property
    def padding_share(self) -> float:
        """The share of padding among all padded steps, from 0 to 1."""
        return share_of_padding(self.padded_steps, self.real_steps)

    @property
    def padded_per_real(self) -> float | None:
        """Padded steps per real step, at least 1; None without a real step."""
        return padded_steps_per_real(self.padded_steps, self.real_steps)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the derived numbers."""
        return {
            "name": self.name,
            "boundaries": list(self.boundaries),
            "real_steps": self.real_steps,
            "padded_steps": self.padded_steps,
            "padding_share": self.padding_share,
            "padded_per_real": self.padded_per_real,
        }


def compare(
    histogram: LengthHistogram,
    *,
    count: int | None = None,
    chosen: BucketPlan | None = None,
    cost: Cost = "linear",
    multiple_of: Multiple = AUTO,
    max_length: int | None = None,
    batch_steps: int = BATCH_STEPS,
) -> tuple[PlanComparison, ...]:
    """The optimal plan and the usual ones, all evaluated on the lengths that they were computed from.

    Args:
        histogram: The lengths to plan for and to evaluate on.
        count: The number of buckets; None for that of `chosen`, or without `chosen` for the knee.
        chosen: A plan to put first, such as the one in the configuration; the others then share its last boundary
            unless `max_length` is given.
        cost: What the optimal plan minimises. The results are steps under both costs.
        multiple_of: As in `plan`.
        max_length: As in `plan`.
        batch_steps: As in `plan`.

    Returns:
        In this order: chosen (if given), optimal, quantile, geometric, powers of two, one bucket.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    power_of(cost)
    if chosen is not None and max_length is None:
        max_length = chosen.max_length
    if count is None and chosen is not None:
        count = chosen.num_buckets
    count, multiple = resolve_count_and_multiple(
        histogram, count=count, cost=cost, multiple_of=multiple_of, max_length=max_length, batch_steps=batch_steps
    )
    rounding: dict[str, Any] = {"multiple_of": multiple, "max_length": max_length}
    plans = {
        "optimal": plan_optimal(histogram, count, cost=cost, **rounding),
        "quantile": plan_quantile(histogram, count, **rounding),
        "geometric": plan_geometric(histogram, count, **rounding),
        "powers of two": plan_powers_of_two(histogram, **rounding),
        "one bucket": plan_single(histogram, **rounding),
    }
    if chosen is not None:
        plans = {"chosen": chosen, **plans}
    return tuple(
        PlanComparison(name, plan.boundaries, plan.real_steps(histogram), plan.padded_steps(histogram))
        for name, plan in plans.items()
    )
