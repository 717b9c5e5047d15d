"""Boundaries as multiples: the choice of `auto` and the cost of each multiple, compared with brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lengthwise.buckets import (
    LengthHistogram,
    affordable,
    common_multiple,
    compare,
    plan,
    plan_optimal,
    price_multiples,
)

CASES = [
    ("one length that is a multiple", [64] * 9, {}, (64,)),
    ("within 2%", [63] * 99, {}, (64,)),
    ("beyond 2%", [62] * 99, {}, (62,)),
    ("no multiple within 2%", [7, 9], {"count": 2}, (7, 9)),
    ("long lengths", [1999, 1000], {"count": 2, "batch_steps": 2048}, (1024, 2016)),
    (
        "the longest length, rounded up further, would not fit a batch",
        [1999, 1000],
        {"count": 2, "batch_steps": 2010},
        (1008, 2000),
    ),
    ("the longest length does not fit a batch", [1999, 1000], {"count": 2, "batch_steps": 100}, (1024, 2016)),
    ("the last boundary is the limit", [1999, 1000], {"count": 2, "max_length": 1500}, (1000, 1500)),
    ("an odd limit", [1999, 1000], {"count": 2, "max_length": 1501}, (1000, 1501)),
    ("a given multiple", [7, 9], {"count": 2, "multiple_of": 64}, (64,)),
    ("no steps", [0, 0], {}, (1,)),
]


@pytest.mark.parametrize(("lengths", "options", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_the_boundaries_of(lengths, options, expected) -> None:
    histogram = LengthHistogram.from_lengths(lengths)
    assert plan(histogram, **options).boundaries == expected
    assert compare(histogram, **options)[0].boundaries == expected


def fewest_steps(counts: dict[int, int], count: int, multiple: int, top: int) -> int:
    """Over all sets of at most `count` multiples that end at `top`."""
    below = range(multiple, top, multiple)
    sets = [(*chosen, top) for k in range(count) for chosen in combinations(below, k)]
    return min(
        sum(n * next((b for b in chosen if length <= b), top) for length, n in counts.items()) for chosen in sets
    )


@given(
    counts=st.dictionaries(st.integers(0, 30), st.integers(1, 40), min_size=1, max_size=9),
    count=st.integers(1, 3),
    max_length=st.none() | st.integers(1, 32),
)
@example(counts={4: 2, 8: 49}, count=2, max_length=None)  # exactly 2%
@settings(max_examples=100)
def test_auto_is_the_largest_multiple_within_2_percent_of_any_boundaries(counts, count, max_length) -> None:
    top = max_length or max(1, max(counts))
    multiples = [m for m in (64, 32, 16, 8, 4, 2, 1) if max_length is None or max_length % m == 0]
    steps = {multiple: fewest_steps(counts, count, multiple, top + -top % multiple) for multiple in multiples}
    histogram = LengthHistogram.from_counts(counts)
    prices = price_multiples(histogram, count=count, max_length=max_length)
    assert {price.multiple_of: price.padded_steps for price in prices} == steps
    expected = next(multiple for multiple in multiples if 100 * steps[multiple] <= 102 * steps[1])
    assert affordable(prices).multiple_of == expected
    chosen = plan(histogram, count=count, max_length=max_length)
    assert chosen == plan_optimal(histogram, count, multiple_of=expected, max_length=max_length)
    assert chosen.padded_steps(histogram) == steps[expected]


@pytest.mark.parametrize("cost", ["linear", "quadratic"])
def test_the_number_of_buckets_by_the_data_is_that_of_boundaries_of_any_length(cost) -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(np.log(25), 0.9, 20_000).astype(int) + 1, 1, 512)
    histogram = LengthHistogram.from_lengths(lengths)
    count = plan(histogram, cost=cost, multiple_of=1).num_buckets
    assert plan(histogram, cost=cost) == plan(histogram, cost=cost, count=count)
    assert common_multiple(plan(histogram, cost=cost).boundaries) >= 4


@pytest.mark.parametrize(("boundaries", "multiple"), [((64, 128), 64), ((8, 16, 24), 8), ((65, 241), 1), ((6,), 2)])
def test_the_common_multiple_of(boundaries, multiple) -> None:
    assert common_multiple(boundaries) == multiple
