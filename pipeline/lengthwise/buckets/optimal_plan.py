"""Optimal plans of a number of buckets, and how many buckets are enough."""

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Candidates, Cost, power_of
from lengthwise.buckets.dynamic_programme import Programme, solve
from lengthwise.buckets.length_histogram import LengthHistogram, exact_dot

BATCH_STEPS = 8192
"""The budget of padded steps a batch at which remainders are counted, where nothing else is said."""

BUDGET_HINT = "It is the most padded steps of a batch, such as 8192."

KNEE_AT = 32
"""The most buckets that the knee takes. More shapes than this cost more to compile than they save."""

KNEE_WITHIN = 0.10
"""How much more waste than the least the knee accepts. Larger: fewer buckets, more padding.

Padding falls about as 1 / buckets, so this gives about 30 where there are many sequences of many lengths. A share of
what is saved over one bucket would not do: a few long sequences make that saving so large that 5 buckets have 95% of
it, at half a padded step for a real one.
"""


def plan_optimal(
    histogram: LengthHistogram,
    count: int,
    *,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
) -> BucketPlan:
    """The plan of at most `count` buckets whose cost no other plan undercuts; exact (see `programme`).

    Args:
        histogram: The lengths to plan for.
        count: The number of buckets, at least 1.
        cost: `"linear"` minimises padded steps, `"quadratic"` the sum of their squares (attention).
        multiple_of: Every boundary is a multiple of this.
        max_length: The last boundary is this, rounded up to `multiple_of`. None: the longest length, rounded up.
            Longer sequences count as truncated to that boundary (as in `BucketPlan.padded_steps`). Since they fill it
            without padding, whatever the plan, the optimal plan is the same if they are rejected.

    Returns:
        At most `count` buckets: fewer when there are fewer distinct rounded-up lengths. Memory: 4 bytes x count x
        distinct lengths.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    count = checked_int("count", count, "Leave it out to let the data say it.")
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
    """The fewest buckets whose waste is within 10% of the least that up to 32 buckets reach.

    Waste is what is computed beyond the real steps (their squares under quadratic cost): padding, of which more buckets
    have less, and the empty part of each bucket's last batch, of which they have more (`remainders`). So large data get
    about 30 buckets, and data of a batch or two get one or two.

    Args:
        histogram: The lengths of all sequences, not of a sample of them.
        cost: As in `plan_optimal`.
        multiple_of: As in `plan_optimal`.
        max_length: As in `plan_optimal`.
        batch_steps: The padded steps of a batch at which the data will be read.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    batch_steps = checked_int("batch_steps", batch_steps, BUDGET_HINT)
    programme, least = _solve(histogram, KNEE_AT, cost, multiple_of, max_length)
    counts = range(1, len(programme.costs) + 1)
    plans = [BucketPlan(programme.boundaries(count)) for count in counts]
    waste = [
        spent - least + remainders(plan, histogram, cost=cost, batch_steps=batch_steps)
        for spent, plan in zip(programme.costs, plans, strict=True)
    ]
    return next(count for count, spent in zip(counts, waste, strict=True) if spent <= (1 + KNEE_WITHIN) * min(waste))


def remainders(plan: BucketPlan, histogram: LengthHistogram, *, cost: Cost = "linear", batch_steps: int) -> int:
    """What it costs that the last batch of each bucket is not full, if it is computed as a full one.

    It counts as half full, as it is on average (splits and epochs divide the sequences anew); of a bucket that has
    fewer sequences than half a batch, as full as they make it.

    Args:
        plan: The buckets; over-long sequences count as truncated.
        histogram: The lengths.
        cost: An empty row of a bucket of b steps costs b, or b squared.
        batch_steps: A batch has as many rows as fit it, at least one.
    """
    total, power = 0, power_of(cost)
    for boundary, sequences in zip(plan.boundaries, plan.sequences(histogram), strict=True):
        rows = max(batch_steps // boundary, 1)
        total += max(rows - sequences, rows // 2) * boundary**power
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
        max_count: The most buckets to try.
        cost: As in `plan_optimal`. The share is of steps under either cost: under `"quadratic"` it may rise in places.
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
    """The solved programme, and what the sequences would cost without any padding."""
    power = power_of(cost)
    candidates = Candidates.of(histogram, multiple_of=multiple_of, max_length=max_length)
    least = exact_dot(histogram.lengths.clip(max=candidates.top) ** power, histogram.counts)
    return solve(candidates, power, max_count), least
