"""Bucket pairs: against every choice of small inputs, against the exact optimum of large ones that have one length."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise.buckets import LengthHistogram, PairCost, PairHistogram, PairPlan, plan_optimal, plan_pairs
from lengthwise.errors import ConfigError

COSTS = st.builds(
    PairCost,
    weights=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    product=st.sampled_from([0.0, 0.25, 3.0]),
    cost=st.sampled_from(["linear", "quadratic"]),
)


def pairs(longest: int, most: int) -> st.SearchStrategy[PairHistogram]:
    triple = st.tuples(st.integers(0, longest), st.integers(0, longest), st.integers(1, 1000))
    return st.lists(triple, min_size=1, max_size=most).map(lambda triples: PairHistogram.sum([tuple(triples)]))


def least_cost(histogram: PairHistogram, count: int, cost: PairCost) -> float:
    """The best plan of at most `count` buckets whose last one contains all, by trying each."""
    axes = [sorted({max(length, 1) for length in column}) for column in histogram.lengths.T.tolist()]
    cells = np.array(list(product(*axes)))
    contained = (histogram.lengths[:, None] <= cells).all(axis=2)
    table = np.where(contained, cost.of(*cells.T), np.inf).T
    table = table[(table < np.inf).any(axis=1)]
    chosen = np.array(list(combinations(range(len(table) - 1), min(count, len(table)) - 1)), int)
    best = np.tile(table[-1], (len(chosen), 1))
    for column in chosen.T:
        best = np.minimum(best, table[column])
    return float((best @ histogram.counts).min())


@settings(max_examples=60)
@given(pairs(longest=7, most=12), st.integers(1, 4), COSTS)
def test_small_inputs_get_the_optimum(histogram: PairHistogram, count: int, cost: PairCost) -> None:
    plan = plan_pairs(histogram, count=count, cost=cost, multiple_of=1)
    assert plan.num_buckets <= count
    assert plan.max_lengths == tuple(max(length, 1) for length in histogram.max)
    assert plan.total_cost(histogram, cost) == pytest.approx(least_cost(histogram, count, cost), rel=1e-9)
    prices = cost.of(*np.array(plan.boundaries).T)
    assert (np.diff(prices) >= 0).all()  # so the first bucket that contains a record is the cheapest


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 4), COSTS, st.sampled_from([0.2, 1.0, 3.0]))
def test_large_inputs_come_within_5_percent_of_it(seed: int, count: int, cost: PairCost, spread: float) -> None:
    """Of 4,000 pairs on a lattice of 60 steps: the few lengths that matter are known, and no others need be tried."""
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.choice(np.arange(1, 11), (2, 6)), axis=1) * 60
    chosen = corners[np.arange(2), rng.integers(0, 6, (2000, 2))]
    counts = np.ceil(rng.lognormal(0, spread, len(chosen)) * 1000).astype(int)
    noise = rng.integers(0, 60, (2000, 2))  # it hides the lattice, and costs next to nothing
    histogram = PairHistogram.from_lengths(
        np.concatenate([chosen, chosen - noise]), np.concatenate([counts, np.ones_like(counts)])
    )
    lattice = PairHistogram.from_lengths(-(-histogram.lengths // 60) * 60, histogram.counts)
    plan = plan_pairs(histogram, count=count, cost=cost, multiple_of=1)
    assert plan.total_cost(histogram, cost) <= 1.05 * least_cost(lattice, count, cost)


@pytest.mark.parametrize("count", [2, 8, 32])
def test_two_equal_lengths_are_planned_as_one(count: int) -> None:
    lengths = np.random.default_rng(count).lognormal(6, 1, 100_000).astype(int)
    single = LengthHistogram.from_lengths(lengths)
    pair = PairHistogram.from_lengths(np.stack([lengths, lengths * 2], axis=1))
    best = 3 * plan_optimal(single, count).padded_steps(single)
    plan = plan_pairs(pair, count=count, multiple_of=1)
    assert best <= sum(plan.padded_steps(pair)) <= 1.01 * best


def test_multiples_limits_and_the_number_of_buckets_follow_the_data() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(1, 900, 200_000)
    large = PairHistogram.from_lengths(np.stack([first, first // 3 + rng.integers(0, 90, first.size)], 1))
    plan = plan_pairs(large)
    assert 8 <= plan.num_buckets <= 32
    assert all(length % 2 == 0 for pair in plan.boundaries for length in pair)
    assert plan_pairs(large, max_lengths=(1000, 500), multiple_of=1).max_lengths == (1000, 500)
    assert plan_pairs(large, count=5, multiple_of=32).max_lengths == (928, 416)
    assert plan_pairs(PairHistogram.from_lengths([[1, 2], [5, 9]])).num_buckets == 1  # not a batch's worth
    shares = [plan_pairs(large, count=count).padding_shares(large) for count in (1, 4, 16)]
    assert all(low < high for high, low in zip(map(sum, shares[:-1]), map(sum, shares[1:]), strict=True))
    cheap = plan_pairs(large, count=6, cost=PairCost((1, 100))).padding_shares(large)[1]
    assert cheap < plan_pairs(large, count=6, cost=PairCost((100, 1))).padding_shares(large)[1]


def test_a_record_belongs_to_the_first_bucket_that_contains_it() -> None:
    plan = PairPlan(((4, 8), (8, 4), (8, 8)))
    assert plan.assign([[4, 8], [5, 4], [5, 5], [0, 0], [9, 1], [1, 9]]).tolist() == [0, 1, 2, 0, 3, 3]
    histogram = PairHistogram.from_lengths([[4, 8], [5, 4], [5, 5], [3, 20]], [1, 2, 3, 1])
    assert plan.padded_steps(histogram) == (4 + 16 + 24 + 8, 8 + 8 + 24 + 8)
    assert plan.real_steps(histogram) == (4 + 10 + 15 + 3, 8 + 8 + 15 + 8)
    assert PairHistogram.sum([histogram.triples, histogram.triples]).counts.tolist() == [2, 2, 4, 6]
    assert histogram.of(1).to_dict() == {"lengths": [4, 5, 8, 20], "counts": [2, 3, 1, 1]}


@given(st.integers(0, 2**30), st.integers(1, 8))
def test_rounded_lengths_keep_their_leading_digits(length: int, bits: int) -> None:
    [[rounded, other]] = PairHistogram.from_lengths([[length, 1]]).rounded(bits).lengths.tolist()
    assert other == 1
    assert length <= rounded <= length * (1 + 2.0 ** (1 - bits))
    assert (rounded & (rounded - 1) == 0) or len(bin(rounded).rstrip("0")) - 2 <= bits


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PairPlan(()), "at least one pair"),
        (lambda: PairPlan((5,)), r"boundaries\[0\]: expected two lengths, received 5"),  # type: ignore[arg-type]
        (lambda: PairPlan(5), r"boundaries: expected a list of pairs, received 5"),  # type: ignore[arg-type]
        (lambda: PairPlan((5.5,)), r"boundaries\[0\]: expected two lengths, received 5.5"),  # type: ignore[arg-type]
        (lambda: PairPlan(((8, 8), (4, 4))), r"received \[8, 8\] before \[4, 4\]"),
        (
            lambda: PairPlan(((4, 9), (8, 8))),
            r"the last pair to contain all others, received \[4, 9\] before the last, \[8, 8\]",
        ),
        (lambda: PairPlan(tuple((n, 2000 - n) for n in range(1, 1026))), "at most 1024 pairs"),
        (lambda: PairPlan(((0, 4),)), r"boundaries\[0\]: expected a whole number from 1"),
        (lambda: PairCost((0, 1)), "weights: expected a whole number"),
        (lambda: PairCost((1, 2, 3)), r"weights: expected two numbers, received \(1, 2, 3\)"),  # type: ignore[arg-type]
        (lambda: PairCost(2), "weights: expected two numbers, received 2"),  # type: ignore[arg-type]
        (lambda: PairCost(product=-1.0), "product: expected a number of at least 0"),
        (lambda: PairHistogram.from_lengths([1, 2]), r"shape \[records, 2\]"),
        (lambda: PairHistogram.from_lengths([[1, -2]]), "received -2"),
        (lambda: PairHistogram.from_lengths([[1, 2]], [-1]), "counts: expected 1 numbers of at least 0"),
        (lambda: plan_pairs(PairHistogram.sum([])), "received an empty one"),
        (lambda: plan_pairs(PairHistogram.from_lengths([[1, 2]]), multiple_of="best"), "multiple_of"),  # type: ignore[arg-type]
    ],
)
def test_invalid_plans_are_refused(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]
