"""Optimal plans against brute force over every possible set of boundaries, and against the textbook programme."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lengthwise.buckets import (
    BucketPlan,
    LengthHistogram,
    padding_by_count,
    plan_geometric,
    plan_optimal,
    plan_powers_of_two,
    plan_quantile,
    plan_single,
)

POWER = {"linear": 1, "quadratic": 2}
small_histograms = st.dictionaries(st.integers(0, 11), st.integers(1, 40), min_size=1, max_size=9)


def cost_of(boundaries: tuple[int, ...], counts: dict[int, int], power: int) -> int:
    """By the definition: every sequence costs its boundary to that power; over-long ones are truncated."""
    total = 0
    for length, count in counts.items():
        boundary = next((b for b in boundaries if length <= b), boundaries[-1])
        total += count * boundary**power
    return total


def cheapest(counts: dict[int, int], count: int, power: int, multiple_of: int, top: int) -> int:
    """Over all sets of at most `count` multiples that end at `top`."""
    below = range(multiple_of, top, multiple_of)
    sets = (chosen for k in range(min(count, len(below) + 1)) for chosen in combinations(below, k))
    return min(cost_of((*chosen, top), counts, power) for chosen in sets)


@given(
    counts=small_histograms,
    count=st.integers(1, 5),
    cost=st.sampled_from(["linear", "quadratic"]),
    multiple_of=st.integers(1, 4),
    max_length=st.none() | st.integers(1, 14),
)
@example(counts={0: 3}, count=2, cost="linear", multiple_of=1, max_length=None)
@example(counts={1: 1, 2: 1, 3: 1}, count=2, cost="linear", multiple_of=1, max_length=9)
@settings(max_examples=300)
def test_no_set_of_boundaries_costs_less(counts, count, cost, multiple_of, max_length) -> None:
    histogram = LengthHistogram.from_counts(counts)
    plan = plan_optimal(histogram, count, cost=cost, multiple_of=multiple_of, max_length=max_length)
    top = max_length or max(1, max(counts))
    top += -top % multiple_of
    assert plan.max_length == top
    assert plan.num_buckets <= count
    assert all(boundary % multiple_of == 0 for boundary in plan.boundaries)
    assert cost_of(plan.boundaries, counts, POWER[cost]) == cheapest(counts, count, POWER[cost], multiple_of, top)


def textbook_programme(lengths: np.ndarray, counts: np.ndarray, count: int, power: int) -> int:
    """The recurrence as written in textbooks, with its condition i < j, in Python integers."""
    q = [int(length) ** power for length in lengths]
    up_to = [0, *np.cumsum(counts).tolist()]
    best = [0] + [q[j] * up_to[j + 1] for j in range(len(q))]
    for _ in range(1, count):
        best = [0] + [min(best[i] + q[j] * (up_to[j + 1] - up_to[i]) for i in range(j + 1)) for j in range(len(q))]
    return best[-1]


COUNTS = {
    "equal": np.ones(130, np.int64),
    "random": np.random.default_rng(1).integers(1, 100, 130),
    "heavy tail": np.random.default_rng(2).lognormal(3, 3, 130).astype(np.int64) + 1,
    "one spike inside": np.where(np.arange(130) == 65, 10**6, 1),
    "blocks": np.where(np.arange(130) // 20 % 2 == 0, 1000, 1),
    "falling": 10**6 // (np.arange(130) + 1) ** 2 + 1,
}


@pytest.mark.parametrize("cost", ["linear", "quadratic"])
@pytest.mark.parametrize("shape", COUNTS)
@pytest.mark.parametrize("count", [2, 3, 7])
def test_equals_the_textbook_programme_on_more_lengths(shape: str, count: int, cost: str) -> None:
    lengths = np.cumsum(np.random.default_rng(7).integers(1, 30, 130))
    histogram = LengthHistogram(lengths, COUNTS[shape])
    plan = plan_optimal(histogram, count, cost=cost)
    counts = dict(zip(lengths.tolist(), histogram.counts.tolist(), strict=True))
    expected = textbook_programme(lengths, histogram.counts, count, POWER[cost])
    assert cost_of(plan.boundaries, counts, POWER[cost]) == expected


@pytest.mark.parametrize("cost", ["linear", "quadratic"])
def test_costs_beyond_64_bits_stay_exact(cost: str) -> None:
    rng = np.random.default_rng(3)
    lengths, counts = np.cumsum(rng.integers(1, 9, 200)), rng.integers(1, 1000, 200)
    scaled = LengthHistogram(lengths, counts * 2**44)
    plan = plan_optimal(LengthHistogram(lengths, counts), 9, cost=cost)
    assert plan_optimal(scaled, 9, cost=cost) == plan
    assert plan.padded_steps(scaled) == plan.padded_steps(LengthHistogram(lengths, counts)) * 2**44


def test_ties_take_the_smaller_boundary() -> None:
    histogram = LengthHistogram.from_lengths([1, 2, 3])
    assert BucketPlan((1, 3)).padded_steps(histogram) == BucketPlan((2, 3)).padded_steps(histogram)
    assert plan_optimal(histogram, 2).boundaries == (1, 3)


@given(counts=small_histograms, multiple_of=st.integers(1, 3), max_length=st.none() | st.integers(1, 14))
def test_more_buckets_never_pad_more(counts, multiple_of, max_length) -> None:
    histogram = LengthHistogram.from_counts(counts)
    curve = padding_by_count(histogram, multiple_of=multiple_of, max_length=max_length)
    assert [count for count, _ in curve] == list(range(1, len(curve) + 1))
    shares = [share for _, share in curve]
    assert shares == sorted(shares, reverse=True)
    for count, share in curve:
        plan = plan_optimal(histogram, count, multiple_of=multiple_of, max_length=max_length)
        assert plan.padding_share(histogram) == share


@given(counts=small_histograms, count=st.integers(1, 6), max_length=st.none() | st.integers(1, 14))
def test_no_usual_plan_pads_less_than_the_optimum(counts, count, max_length) -> None:
    histogram = LengthHistogram.from_counts(counts)
    optimum = plan_optimal(histogram, count, max_length=max_length).padded_steps(histogram)
    for usual in (
        plan_quantile(histogram, count, max_length=max_length),
        plan_geometric(histogram, count, max_length=max_length),
        plan_single(histogram, max_length=max_length),
    ):
        assert usual.num_buckets <= count
        assert usual.padded_steps(histogram) >= optimum
    powers = plan_powers_of_two(histogram, max_length=max_length)
    same = plan_optimal(histogram, powers.num_buckets, max_length=max_length)
    assert powers.padded_steps(histogram) >= same.padded_steps(histogram)


@pytest.mark.parametrize("cost", ["linear", "quadratic"])
def test_a_hundred_thousand_distinct_lengths(cost: str) -> None:
    lengths = np.arange(1, 100_001)
    histogram = LengthHistogram(lengths, np.random.default_rng(0).integers(1, 100, lengths.size))
    plan = plan_optimal(histogram, 32, cost=cost)
    assert plan.num_buckets == 32
    assert plan.max_length == 100_000
    assert plan.padding_share(histogram) < plan_geometric(histogram, 32).padding_share(histogram)
