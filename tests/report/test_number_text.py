"""Numbers as text, and positions on axes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lengthwise.printable_text import visible_lines
from lengthwise.report.chart_axes import Axis, counting_axis
from lengthwise.report.number_text import (
    NO_NUMBER,
    count_text,
    decimal_text,
    percent_text,
    plural,
    short_count,
    shortened,
    size_text,
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (count_text(1234567), "1,234,567"),
        (short_count(0), "0"),
        (short_count(999), "999"),
        (short_count(1500), "1.5k"),
        (short_count(12_345_678), "12.3M"),
        (size_text(0), "0 B"),
        (size_text(1536), "1.5 KiB"),
        (size_text(64 * 2**20), "64 MiB"),
        (percent_text(0), "0%"),
        (percent_text(1), "100%"),
        (percent_text(0.1234), "12.3%"),
        (percent_text(0.0123), "1.23%"),
        (percent_text(1e-9), "<0.01%"),
        (percent_text(float("nan")), NO_NUMBER),
        (decimal_text(3.0), "3"),
        (decimal_text(0.123456), "0.1235"),
        (decimal_text(-12345.678), "-12,345.7"),
        (plural(1, "shard"), "1 shard"),
        (plural(2000, "shard"), "2,000 shards"),
        (shortened("abc", 2), "ab… (1 more characters)"),
    ],
)
def test_numbers_as_text(shown, expected) -> None:
    assert shown == expected


@given(st.text())
def test_strings_of_the_data_are_visible_and_can_be_written(text) -> None:
    shown = visible_lines(text)
    shown.encode()
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert visible_lines(shown) == shown


finite = st.floats(-1e12, 1e12)


@given(finite, finite, st.booleans(), finite)
def test_positions_are_on_the_axis(first, second, log, value) -> None:
    axis = Axis(min(first, second), max(first, second), log)
    assert 0 <= axis.place(value) <= 100
    ticks = axis.ticks()
    assert len(ticks) <= 12
    assert all(0 <= tick.at <= 100 for tick in ticks)
    assert all(after.at - before.at >= 9 for before, after in pairwise(ticks))


@given(st.floats(1e-6, 1e15))
def test_a_counting_axis_contains_its_counts(highest) -> None:
    axis = counting_axis(highest)
    assert axis.low == 0
    assert highest <= axis.high * (1 + 1e-9)
    assert axis.high <= highest * 2.5
