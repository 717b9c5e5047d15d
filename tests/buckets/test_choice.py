"""How many buckets are enough, unusual histograms, rounding, and the comparison of plans."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise.buckets import (
    BucketPlan,
    LengthHistogram,
    compare,
    knee,
    padding_by_count,
    plan,
    plan_geometric,
    plan_optimal,
    plan_powers_of_two,
    plan_quantile,
    plan_single,
)

CASES = [
    ("one sequence", [5], {}, (5,)),
    ("equal lengths", [7] * 100, {}, (7,)),
    ("more buckets than lengths", [7, 9], {"count": 8}, (7, 9)),
    ("all empty", [0, 0], {}, (1,)),
    ("all empty, multiple", [0, 0], {"multiple_of": 8}, (8,)),
    ("empty ones among others", [0, 0, 3], {}, (3,)),
    ("empty ones among others, batches of a row", [0, 0, 3], {"batch_steps": 3}, (1, 3)),
    ("a single outlier", [4] * 1000 + [100_000], {"count": 2}, (4, 100_000)),
    ("rounded up", [3, 9, 17], {"count": 3, "multiple_of": 8}, (8, 16, 24)),
    ("rounded together", [3, 4, 5], {"multiple_of": 8}, (8,)),
    ("clipped", [3, 3, 3, 90, 91, 92], {"count": 2, "max_length": 10}, (3, 10)),
    ("clipped, limit rounded up", [3, 3, 3, 90], {"count": 2, "max_length": 10, "multiple_of": 4}, (4, 12)),
    ("limit above all lengths", [3, 4], {"count": 2, "max_length": 10}, (4, 10)),
    ("limit above all lengths, one bucket", [3, 4], {"count": 1, "max_length": 10}, (10,)),
]


@pytest.mark.parametrize(("lengths", "options", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_plan_of(lengths, options, expected) -> None:
    assert plan(LengthHistogram.from_lengths(lengths), **options).boundaries == expected


USUAL_PLANS = [
    (plan_quantile, {"count": 4}, (2, 4, 6, 8)),
    (plan_quantile, {"count": 3}, (3, 6, 8)),
    (plan_quantile, {"count": 4, "multiple_of": 4}, (4, 8)),
    (plan_quantile, {"count": 2, "max_length": 3}, (3,)),
    (plan_geometric, {"count": 3}, (2, 4, 8)),
    (plan_geometric, {"count": 3, "max_length": 64}, (4, 16, 64)),
    (plan_powers_of_two, {}, (1, 2, 4, 8)),
    (plan_powers_of_two, {"max_length": 11}, (1, 2, 4, 8, 11)),
    (plan_powers_of_two, {"multiple_of": 3}, (3, 6, 9)),
    (plan_single, {}, (8,)),
    (plan_single, {"multiple_of": 16}, (16,)),
]


@pytest.mark.parametrize(("planner", "options", "expected"), USUAL_PLANS)
def test_usual_plans_of_the_lengths_one_to_eight(planner, options, expected) -> None:
    assert planner(LengthHistogram.from_lengths(range(1, 9)), **options).boundaries == expected


def test_powers_of_two_start_at_the_shortest_sequence() -> None:
    assert plan_powers_of_two(LengthHistogram.from_lengths([20, 100])).boundaries == (32, 64, 100)


@given(
    st.dictionaries(st.integers(0, 200), st.integers(1, 100), min_size=1),
    st.sampled_from(["linear", "quadratic"]),
    st.sampled_from([1, 50, 300, 8192]),
)
@settings(max_examples=50)
def test_the_knee_is_the_fewest_buckets_whose_waste_is_within_a_tenth_of_the_least(counts, cost, batch_steps) -> None:
    histogram = LengthHistogram.from_counts(counts)
    power = 1 if cost == "linear" else 2

    def waste(count: int) -> int:
        """Padding, and the empty half of each bucket's last batch, or more where a bucket has too few rows."""
        boundaries = plan_optimal(histogram, count, cost=cost).boundaries
        total = 0
        for boundary, before in zip(boundaries, (-1, *boundaries), strict=False):
            inside = [(length, n) for length, n in counts.items() if before < length <= boundary]
            rows = max(batch_steps // boundary, 1)
            empty = max(rows // 2, rows - sum(n for _, n in inside))
            total += empty * boundary**power + sum(n * (boundary**power - length**power) for length, n in inside)
        return total

    chosen = knee(histogram, cost=cost, batch_steps=batch_steps)
    least = min(map(waste, range(1, 33)))
    assert waste(chosen) <= 1.1 * least
    assert all(waste(fewer) > 1.1 * least for fewer in range(1, chosen))
    assert plan(histogram, cost=cost, multiple_of=1, batch_steps=batch_steps) == plan_optimal(
        histogram, chosen, cost=cost
    )


def test_a_few_records_get_a_few_buckets() -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(np.log(25), 0.9, 1_000_000).astype(int) + 1, 1, 512)
    knees = {size: knee(LengthHistogram.from_lengths(lengths[:size])) for size in (20, 140, 4000, 20_000, 1_000_000)}
    assert list(knees.values()) == sorted(knees.values())
    assert knees[20] == 1
    assert knees[140] <= 2  # a batch of 8,192 steps for each of 30 buckets would be 46 times the data
    assert 5 <= knees[4000] <= 9
    assert 28 <= knees[1_000_000] <= 32


def test_over_long_sequences_are_counted_in_the_last_bucket() -> None:
    histogram = LengthHistogram.from_counts({2: 5, 4: 1, 9: 3, 70: 2})
    assert BucketPlan((3, 8, 10)).sequences(histogram) == [5, 1, 5]
    assert BucketPlan((1, 2, 3)).sequences(histogram) == [0, 5, 6]


def test_a_sample_is_scaled_to_all_data() -> None:
    sample = LengthHistogram.from_counts({3: 1, 9: 40})
    assert sample.scaled(2.5) == LengthHistogram.from_counts({3: 2, 9: 100})
    assert sample.scaled(0.01) == LengthHistogram.from_counts({3: 1, 9: 1})


def test_quadratic_cost_spends_its_buckets_on_long_sequences() -> None:
    histogram = LengthHistogram(np.arange(1, 101), np.full(100, 10))
    linear, quadratic = plan(histogram, count=4), plan(histogram, count=4, cost="quadratic")
    assert quadratic.boundaries[0] > linear.boundaries[0]


@given(
    st.dictionaries(st.integers(0, 60), st.integers(1, 100), min_size=1),
    st.integers(1, 5),
    st.sampled_from([4, 8, 20, 40]),
)
def test_the_plan_is_the_same_whether_over_long_sequences_are_truncated_or_rejected(counts, count, limit) -> None:
    rejected = LengthHistogram.from_counts({1: 1, **counts}).at_most(limit)
    truncated = LengthHistogram.from_counts({1: 1, **counts})
    options = {"count": count, "multiple_of": 4, "max_length": limit}
    assert plan(rejected, **options) == plan(truncated, **options)


def test_the_curve_has_the_given_number_of_plans() -> None:
    histogram = LengthHistogram.from_lengths(range(1, 101))
    assert [count for count, _ in padding_by_count(histogram, 5)] == [1, 2, 3, 4, 5]
    assert padding_by_count(histogram, 200)[-1] == (100, 0.0)
    assert len(padding_by_count(histogram, cost="quadratic")) == 32


def test_comparison_names_every_plan_and_adds_up() -> None:
    histogram = LengthHistogram.from_lengths([1, 2, 2, 3, 5, 8, 13, 21, 34])
    rows = compare(histogram, count=3)
    assert [row.name for row in rows] == ["optimal", "quantile", "geometric", "powers of two", "one bucket"]
    for row in rows:
        row_plan = BucketPlan(row.boundaries)
        assert row.num_buckets == row_plan.num_buckets
        assert row.real_steps == histogram.steps
        assert row.padded_steps == row_plan.padded_steps(histogram)
        assert row.padding_share == row_plan.padding_share(histogram)
        assert row.padded_per_real == pytest.approx(1 / (1 - row.padding_share))
        assert json.loads(json.dumps(row.to_dict()))["boundaries"] == list(row.boundaries)
    assert min(row.padded_steps for row in rows if row.num_buckets <= 3) == rows[0].padded_steps


def test_comparison_without_a_count_takes_the_knee() -> None:
    histogram = LengthHistogram.from_lengths(np.random.default_rng(1).geometric(0.02, 5000))
    assert compare(histogram)[0].boundaries == plan(histogram).boundaries


def test_comparison_puts_a_chosen_plan_first_and_gives_the_others_its_size_and_end() -> None:
    histogram = LengthHistogram.from_lengths([1, 2, 2, 3, 5, 8, 13, 21, 34])
    rows = compare(histogram, chosen=BucketPlan((10, 20)))
    assert (rows[0].name, rows[0].boundaries) == ("chosen", (10, 20))
    assert {row.boundaries[-1] for row in rows} == {20}
    assert rows[1].num_buckets == 2
    assert {row.real_steps for row in rows} == {1 + 2 + 2 + 3 + 5 + 8 + 13 + 20 + 20}


def test_comparison_of_sequences_without_a_step() -> None:
    row = compare(LengthHistogram.from_lengths([0, 0]))[0]
    assert (row.padding_share, row.padded_per_real) == (1.0, None)
