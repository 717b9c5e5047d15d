"""Wrong arguments: each message says what was expected, what was received and what to do."""

import subprocess
import sys

import numpy as np
import pytest

import lengthwise.buckets
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
    price_multiples,
)
from lengthwise.errors import ConfigError

SOME = LengthHistogram.from_lengths([1, 2, 3])
EMPTY = LengthHistogram.from_lengths([])

WRONG = [
    (lambda: BucketPlan(()), "boundaries: expected at least one, received none."),
    (lambda: BucketPlan(8), "boundaries: expected a list of numbers, received 8."),
    (lambda: BucketPlan((0, 4)), "boundaries[0]: expected a whole number from 1 to 2147483647, received 0."),
    (lambda: BucketPlan((4, 4.5)), "boundaries[1]: expected a whole number from 1 to 2147483647, received 4.5."),
    (lambda: BucketPlan((4, True)), "boundaries[1]: expected a whole number from 1 to 2147483647, received True."),
    (lambda: BucketPlan((2**31,)), "received 2147483648. Boundaries are inclusive maximum lengths in steps"),
    (lambda: BucketPlan((4, 4)), "expected strictly increasing numbers, received 4 before 4 at position 1. Sort them"),
    (lambda: BucketPlan("48"), "boundaries[0]: expected a whole number from 1 to 2147483647, received '4'."),
    (lambda: BucketPlan((4,)).assign(np.array([1, -2])), "lengths: expected values from 0 to 2147483647, received -2."),
    (
        lambda: BucketPlan((4,)).assign(np.array([1.0])),
        "lengths: expected a one-dimensional array of integers, received",
    ),
    (
        lambda: BucketPlan((4,)).assign(np.array([[1]])),
        "received dtype int64 of shape (1, 1). Pass the number of steps",
    ),
    (lambda: LengthHistogram.from_lengths([2**31]), "received 2147483648. A length is a number of steps"),
    (
        lambda: LengthHistogram.from_counts({-1: 2}),
        "length: expected a whole number from 0 to 2147483647, received -1.",
    ),
    (lambda: LengthHistogram.from_counts({1: -2}), "count of length 1: expected a whole number from 0 to"),
    (lambda: LengthHistogram.from_counts({"3": 2}), "received '3'. Pass {length in steps: number of sequences}."),
    (lambda: LengthHistogram(np.array([2, 1]), np.array([1, 1])), "expected strictly increasing lengths with counts"),
    (lambda: LengthHistogram(np.array([1]), np.array([0])), "received lengths [1] with counts [0]."),
    (lambda: LengthHistogram(np.array([1]), np.array([1, 2])), "expected one integer count for each of 1 lengths"),
    (lambda: LengthHistogram(np.array([1]), np.array([0.5])), "received counts of dtype float64 and shape (1,)."),
    (
        lambda: LengthHistogram.from_dict({"lengths": [1]}),
        "expected the keys 'lengths' and 'counts', received ['lengths']",
    ),
    (lambda: SOME.quantile(99), "q: expected a number from 0 to 1, received 99. The 99th percentile is 0.99."),
    (lambda: plan(SOME, count=0), "count: expected a whole number from 1 to 2147483647, received 0. Leave it out"),
    (lambda: plan(SOME, count=2.5), "count: expected a whole number from 1 to 2147483647, received 2.5."),
    (lambda: plan(SOME, cost="cubic"), "cost: expected 'linear' (padded steps) or 'quadratic' (padded steps squared"),
    (lambda: plan(SOME, cost=["linear"]), "received ['linear']. Name one of the two."),
    (lambda: plan(SOME, multiple_of=0), "multiple_of: expected a whole number from 1 to 2147483647, received 0."),
    (lambda: plan(SOME, multiple_of="8"), "multiple_of: expected 'auto' or a whole number of steps, received '8'."),
    (lambda: plan(SOME, batch_steps=0), "batch_steps: expected a whole number from 1 to 2147483647, received 0."),
    (lambda: plan(SOME, count=2, max_length=1.5), "max_length: expected a whole number from 1 to"),
    (lambda: plan(SOME, max_length=0), "max_length: expected a whole number from 1 to 2147483647, received 0."),
    (lambda: padding_by_count(SOME, 0), "max_count: expected a whole number from 1 to 2147483647, received 0."),
    (
        lambda: plan_quantile(SOME, 0),
        "count: expected a whole number from 1 to 2147483647, received 0. Give the number",
    ),
    (lambda: plan_geometric(SOME, None), "count: expected a whole number from 1 to 2147483647, received None."),
    (lambda: compare(SOME, cost=2), "cost: expected 'linear' (padded steps) or 'quadratic'"),
]


@pytest.mark.parametrize(("call", "text"), WRONG, ids=[text[:60] for _, text in WRONG])
def test_wrong_argument(call, text) -> None:
    with pytest.raises(ConfigError) as caught:
        call()
    assert text in str(caught.value)


PLANNERS = [
    plan,
    knee,
    compare,
    padding_by_count,
    plan_powers_of_two,
    plan_single,
    price_multiples,
    lambda histogram: plan_optimal(histogram, 4),
    lambda histogram: plan_quantile(histogram, 4),
    lambda histogram: plan_geometric(histogram, 4),
]


@pytest.mark.parametrize("planner", PLANNERS)
def test_an_empty_histogram_is_nothing_to_plan_from(planner) -> None:
    with pytest.raises(ConfigError, match=r"expected a histogram of at least one sequence, received an empty one\."):
        planner(EMPTY)


def test_public_names_are_sorted_and_real() -> None:
    names = lengthwise.buckets.__all__
    assert names == sorted(names)
    assert all(hasattr(lengthwise.buckets, name) for name in names)


def test_importing_it_is_light() -> None:
    code = (
        "import sys, lengthwise.buckets\n"
        "heavy = {'tensorflow', 'apache_beam', 'keras', 'tfx_bsl', 'pandas', 'scipy', 'pyarrow', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"
