"""Optimal plans for a number of buckets, and how many buckets are enough."""

from collections.abc import Sequence

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.batch_rows import empty_rows, rows_per_batch
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Candidates, Cost, power_of
from lengthwise.buckets.dynamic_programme import Programme, solve
from lengthwise.buckets.length_histogram import LengthHistogram, exact_dot

BATCH_STEPS = 8192
"""The default budget of padded steps per batch at which remainders are counted."""

COUNT_HINT = "Leave it out to let the data determine it."

BUDGET_HINT = "It is the maximum number of padded steps per batch, such as 8192."

KNEE_AT = 32
"""The maximum number of buckets of the knee. Compiling more shapes than this costs more than they save."""

KNEE_WITHIN = 0.10
"""How much more waste than the minimum the knee accepts. A larger value gives fewer buckets and more padding.

Padding falls about as 1 / buckets, so this gives about 30 buckets for many sequences of many lengths. A share of the
saving over one bucket is not suitable: a few long sequences make that saving so large that 5 buckets reach 95% of it
while they still add half a padded step per real step.
"""


def plan_optimal(
    histogram: LengthHistogram,
    count: int,
    *,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
) -> BucketPlan:
    """The cheapest plan of at most `count` buckets; exact (see `dynamic_programme`).

    Args:
        histogram: The lengths to plan for.
        count: The number of buckets, at least 1.
        cost: `"linear"` minimises padded steps, `"quadratic"` the sum of their squares (attention).
        multiple_of: Every boundary is a multiple of this.
        max_length: The last boundary is this, rounded up to `multiple_of`. None: the longest length, rounded up.
            Longer sequences count as truncated to that boundary (as in `BucketPlan.padded_steps`). They fill it
            without padding in any plan, so the optimal plan is the same if they are rejected.

    Returns:
        At most `count` buckets: fewer if there are fewer distinct rounded-up lengths. Memory: 4 bytes x count x
        distinct lengths.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    count = checked_int("count", count, COUNT_HINT)
    programme, _ = _solve(histogram, count, cost, multiple_of, max_length)
    return BucketPlan(programme.boundaries(count))


def knee(
    histogram: LengthHistogram,
    *,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
    batch_steps: int = BATCH_STEPS,
) -> int:
    """The smallest number of buckets whose waste is within 10% of the minimum over 1 to 32 buckets.

    Waste is the computation beyond the real steps (their squares under quadratic cost): padding, which decreases with
    the number of buckets, and the empty part of each bucket's last batch, which increases (`remainders`). Large data
    sets get about 30 buckets, and data sets of one or two batches get one or two.

    Args:
        histogram: The lengths of all sequences, not of a sample.
        cost: As in `plan_optimal`.
        multiple_of: As in `plan_optimal`.
        max_length: As in `plan_optimal`.
        batch_steps: The padded steps per batch with which the data will be read.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    batch_steps = checked_int("batch_steps", batch_steps, BUDGET_HINT)
    programme, least = _solve(histogram, KNEE_AT, cost, multiple_of, max_length)
    plans = [BucketPlan(programme.boundaries(count)) for count in range(1, len(programme.costs) + 1)]
    waste = [
        plan_cost - least + remainders(plan, histogram, cost=cost, batch_steps=batch_steps)
        for plan_cost, plan in zip(programme.costs, plans, strict=True)
    ]
    return first_within_knee(waste) + 1


def first_within_knee(waste: Sequence[float]) -> int:
    """The position of the first waste that is within 10% of the minimum."""
    limit = (1 + KNEE_WITHIN) * min(waste)
    return next(position for position, amount in enumerate(waste) if amount <= limit)


def remainders(plan: BucketPlan, histogram: LengthHistogram, *, cost: Cost, batch_steps: int) -> int:
    """The cost of the empty rows in the last batch of each bucket, if it is computed as a full batch.

    Args:
        plan: The buckets; over-long sequences count as truncated.
        histogram: The lengths.
        cost: An empty row of a bucket of b steps costs b, or b squared.
        batch_steps: The maximum number of padded steps per batch.
    """
    total, power = 0, power_of(cost)
    for boundary, sequences in zip(plan.boundaries, plan.sequences(histogram), strict=True):
        total += empty_rows(rows_per_batch(batch_steps, boundary), sequences) * boundary**power
    return total


def padding_by_count(
    histogram: LengthHistogram,
    max_count: int = KNEE_AT,
    *,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
) -> tuple[tuple[int, float], ...]:
    """The padding share of the optimal plan for each number of buckets, from one run of the programme.

    Args:
        histogram: The lengths to plan for.
        max_count: The maximum number of buckets to try.
        cost: As in `plan_optimal`. The share is of steps under both costs: under `"quadratic"` it may rise in places.
        multiple_of: As in `plan_optimal`.
        max_length: As in `plan_optimal`.

    Returns:
        `((1, share), (2, share), ...)`, up to `max_count` or to the number of distinct rounded-up lengths.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    max_count = checked_int("max_count", max_count, "The report uses 32.")
    programme, _ = _solve(histogram, max_count, cost, multiple_of, max_length)
    counts = range(1, len(programme.costs) + 1)
    return tuple((count, BucketPlan(programme.boundaries(count)).padding_share(histogram)) for count in counts)


def _solve(
    histogram: LengthHistogram, max_count: int, cost: Cost, multiple_of: int, max_length: int | None
) -> tuple[Programme, int]:
    """The solved programme, and the cost of the sequences without any padding."""
    power = power_of(cost)
    candidates = Candidates.of(histogram, multiple_of=multiple_of, max_length=max_length)
    least = exact_dot(histogram.lengths.clip(max=candidates.top) ** power, histogram.counts)
    return solve(candidates, power, max_count), least
