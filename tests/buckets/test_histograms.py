"""`LengthHistogram`: counting, adding up, and surviving pickling and JSON."""

import json
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lengthwise.buckets import LengthHistogram

lengths = st.lists(st.integers(0, 50) | st.integers(0, 2**31 - 1), max_size=60)


@given(lengths)
def test_counts_of_lengths(values) -> None:
    histogram = LengthHistogram.from_lengths(np.array(values, np.int64))
    assert dict(zip(histogram.lengths.tolist(), histogram.counts.tolist(), strict=True)) == Counter(values)
    assert histogram.lengths.tolist() == sorted(set(values))
    assert histogram.total == len(values)
    assert histogram.steps == sum(values)
    assert (histogram.min, histogram.max) == (min(values, default=0), max(values, default=0))
    assert LengthHistogram.from_counts(Counter(values)) == histogram


@given(lengths, lengths, lengths)
def test_the_sum_of_parts_is_the_histogram_of_all(a, b, c) -> None:
    parts = [LengthHistogram.from_lengths(part) for part in (a, b, c)]
    whole = LengthHistogram.from_lengths([*a, *b, *c])
    assert LengthHistogram.sum(parts) == whole
    assert parts[2].merge(parts[0]).merge(parts[1]) == whole
    assert hash(LengthHistogram.sum(parts)) == hash(whole)


@given(lengths)
def test_round_trips(values) -> None:
    histogram = LengthHistogram.from_lengths(values)
    again = pickle.loads(pickle.dumps(histogram))
    assert again == histogram
    assert not again.lengths.flags.writeable
    assert LengthHistogram.from_dict(json.loads(json.dumps(histogram.to_dict()))) == histogram


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.sampled_from([0, 0.25, 0.5, 0.9, 0.99, 1]))
def test_quantile_is_a_length_that_the_share_does_not_exceed(values, q) -> None:
    expected = int(np.quantile(values, q, method="inverted_cdf"))
    assert LengthHistogram.from_lengths(values).quantile(q) == expected


@given(lengths, st.integers(0, 60))
def test_at_most_leaves_longer_sequences_out(values, limit) -> None:
    kept = LengthHistogram.from_lengths([value for value in values if value <= limit])
    assert LengthHistogram.from_lengths(values).at_most(limit) == kept


def test_the_sum_of_nothing_is_empty() -> None:
    empty = LengthHistogram.sum([])
    assert (empty.total, empty.steps, empty.min, empty.max, empty.quantile(0.5)) == (0, 0, 0, 0, 0)
    assert empty == LengthHistogram.from_lengths([])
    assert empty.merge(empty) == LengthHistogram.from_counts({})


def test_steps_beyond_64_bits_are_exact() -> None:
    assert LengthHistogram.from_counts({2**31 - 1: 2**40}).steps == (2**31 - 1) * 2**40


def test_it_is_read_only_and_does_not_alias_its_arguments() -> None:
    given_lengths = np.array([1, 2])
    histogram = LengthHistogram(given_lengths, np.array([1, 1]))
    given_lengths[0] = 2
    assert histogram.lengths.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        histogram.counts[0] = 9
    assert histogram != "a histogram"
