"""Optimal plans, and how many buckets are enough."""

from lengthwise.buckets.candidates import Candidates, Cost, power_of
from lengthwise.buckets.checks import checked_int
from lengthwise.buckets.histogram import LengthHistogram, exact_dot
from lengthwise.buckets.programme import Programme, solve
from lengthwise.buckets.values import BucketPlan

KNEE_AT = 32
"""The number of buckets that the knee compares with. More shapes than this cost more to compile than they save."""

KNEE_WITHIN = 0.10
"""How much more padding than at `KNEE_AT` the knee accepts. Larger: fewer buckets, more padding.

Padding falls about as 1 / buckets, so this gives about 30 where many lengths occur. A share of what is saved over one
bucket would not do: a few long sequences make that saving so large that 5 buckets have 95% of it, at half a padded step
for a real one.
"""

_COUNT_HINT = "Leave it out to take the knee."


def plan(
    histogram: LengthHistogram,
    *,
    count: int | None = None,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
) -> BucketPlan:
    """The optimal plan: of `count` buckets, or of as many as `knee` finds enough.

    Args:
        histogram: The lengths to plan for.
        count: The number of buckets, at least 1; None takes the knee.
        cost: `"linear"` minimises padded steps, `"quadratic"` the sum of their squares (attention).
        multiple_of: Every boundary is a multiple of this.
        max_length: The last boundary is this, rounded up to `multiple_of`. None: the longest length, rounded up.
            Longer sequences count as truncated to that boundary (as in `BucketPlan.padded_steps`). Since they fill it
            without padding, whatever the plan, the optimal plan and the knee are the same if they are rejected.

    Returns:
        At most `count` buckets: fewer when there are fewer distinct rounded-up lengths.

    Raises:
        ConfigError: The histogram is empty, or an argument is out of its range.
    """
    if count is not None:
        return plan_optimal(histogram, count, cost=cost, multiple_of=multiple_of, max_length=max_length)
    programme, least = _solve(histogram, KNEE_AT, cost, multiple_of, max_length)
    return BucketPlan(programme.boundaries(_knee(programme, least)))


def plan_optimal(
    histogram: LengthHistogram,
    count: int,
    *,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
) -> BucketPlan:
    """The plan of at most `count` buckets whose cost no other plan undercuts; exact (see `programme`).

    Arguments, result and errors are those of `plan`. Memory: 4 bytes x count x distinct lengths.
    """
    count = checked_int("count", count, _COUNT_HINT)
    programme, _ = _solve(histogram, count, cost, multiple_of, max_length)
    return BucketPlan(programme.boundaries(count))


def knee(
    histogram: LengthHistogram,
    *,
    cost: Cost = "linear",
    multiple_of: int = 1,
    max_length: int | None = None,
) -> int:
    """The fewest buckets whose padding is within 10% of the padding at 32 buckets.

    Padding is what the optimal plan costs above the real steps (their squares under quadratic cost); boundaries
    rounded to a multiple count what the rounding adds. Where 32 buckets hold every distinct length without padding,
    the knee is the number of distinct lengths. Arguments and errors are those of `plan`.
    """
    return _knee(*_solve(histogram, KNEE_AT, cost, multiple_of, max_length))


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
        cost: As in `plan`. The share is of steps under either cost, so under `"quadratic"` it may rise in places.
        multiple_of: As in `plan`.
        max_length: As in `plan`.

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


def _knee(programme: Programme, least: int) -> int:
    padding = [cost - least for cost in programme.costs]
    enough = (1 + KNEE_WITHIN) * padding[-1]
    return next(count for count, spent in enumerate(padding, start=1) if spent <= enough)
