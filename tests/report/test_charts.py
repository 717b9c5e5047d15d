"""Charts: integers at whole numbers, timestamps at dates, lengths in equal bins; and names of data sets."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lengthwise.buckets import LengthHistogram
from lengthwise.report import name_of, render_report
from lengthwise.report.chart_axes import Axis
from lengthwise.report.data_set_names import names_of
from lengthwise.report.length_charts import Binning, length_chart
from lengthwise.report.number_histograms import histogram_chart
from lengthwise.report.timestamps import Timestamps
from report.manifests import manifest, number_statistics
from report.pages import parse


@given(st.integers(0, 500), st.integers(0, 3000), st.integers(1, 60))
def test_lengths_have_bins_of_equal_width_or_ever_wider_ones(low, span, bars) -> None:
    histogram = LengthHistogram.from_counts({low: 1, low + span: 1})
    binning = Binning.of(histogram, bars)
    widths = np.diff(binning.edges)
    assert len(widths) <= bars
    assert (np.diff(widths) >= 0).all() if binning.log else (widths == widths[0]).all()
    assert binning.edges[0] == low
    assert low + span < binning.edges[-1] <= low + span + widths[-1]
    assert binning.counts(histogram).sum() == histogram.total


@pytest.mark.parametrize("longest", [60, 75, 900])
def test_lengths_that_are_equally_frequent_have_no_peak(longest) -> None:
    density = {length: (100 if longest < 900 else 100_000 // (length + 1)) for length in range(1, longest + 1)}
    chart = length_chart(manifest(lengths={"train": density}, boundaries=(longest,)))
    heights = np.array([bar.height for bar in chart.bars[:-1]])  # the last bin may reach beyond the longest
    assert heights.max() <= 1.35 * np.median(heights)


@pytest.mark.parametrize(
    ("values", "whole", "ticks", "peak"),
    [
        (np.repeat([1, 2, 3, 4, 5], [5, 5, 5, 20, 5]), False, ["1", "2", "3", "4", "5"], "most in 4"),
        (np.arange(0, 25).repeat(3), True, ["0", "5", "10", "15", "20"], "most in 0"),
        (np.arange(0, 41).repeat(3), True, ["0", "10", "20", "30", "40"], "most in 0"),
        (np.array([7, 7, 7]), True, ["7"], "most in 7"),
        (np.array([0, 1, 1]), True, ["0", "1"], "most in 1"),
    ],
)
def test_integers_have_whole_numbers_on_the_axis_and_no_false_peaks(values, whole, ticks, peak) -> None:
    chart = histogram_chart("c", "n", number_statistics(values), whole=whole)
    assert [tick.text for tick in chart.x_ticks if 0 <= tick.at <= 100 and not tick.text.startswith("-")] == ticks
    assert peak in chart.description
    assert sum(int(row[1].replace(",", "")) for row in chart.table.rows) == len(values)
    if len(set(np.unique(values, return_counts=True)[1])) == 1:
        heights = {round(bar.height, 1) for bar in chart.bars}
        assert max(heights) - min(heights) <= 0.2


def _seconds(*date: int) -> float:
    return datetime(*date, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("key", "low", "high", "per_second"),
    [
        ("timestamp", _seconds(1998, 1, 1), _seconds(1998, 5, 1), 1),
        ("event_time_ms", 1e3 * _seconds(2026, 1, 1), 1e3 * _seconds(2026, 5, 1), 1000),
        ("created_at", 1e6 * _seconds(2026, 1, 1), 1e6 * _seconds(2026, 5, 1), 10**6),
        ("signup.date", 1e9 * _seconds(2026, 1, 1), 1e9 * _seconds(2026, 5, 1), 10**9),
        ("ts", _seconds(2026, 1, 1), _seconds(2026, 1, 1), 1),
        ("item", _seconds(2026, 1, 1), _seconds(2026, 5, 1), None),  # ids may be as large
        ("updated", _seconds(2026, 1, 1), _seconds(2026, 5, 1), None),
        ("time_spent", 0.0, 1e9, None),
        ("timestamp", None, None, None),
    ],
)
def test_timestamps_are_recognised_by_name_and_size(key, low, high, per_second) -> None:
    times = Timestamps.of(key, low, high)
    assert (times and times.per_second) == per_second


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ((2015, 3, 1), (2025, 3, 1), ["2016", "2017", "2018"]),
        ((2026, 1, 15), (2026, 11, 20), ["2026-02", "2026-05"]),
        ((2026, 11, 1), (2026, 11, 27), ["2026-11-06", "2026-11-13"]),
        ((2026, 11, 1), (2026, 11, 2), ["11-01 06:00", "11-01 12:00"]),
    ],
)
def test_dates_are_at_round_times(low, high, expected) -> None:
    axis = Axis(_seconds(*low), _seconds(*high))
    ticks = Timestamps(1).ticks(axis)
    assert {tick.text for tick in ticks} & set(expected)
    assert 2 <= len(ticks) <= 12
    for tick in ticks:
        shape = {4: "%Y", 7: "%Y-%m", 10: "%Y-%m-%d", 11: "%m-%d %H:%M"}[len(tick.text)]
        moment = datetime.strptime(tick.text, shape).replace(tzinfo=UTC)
        moment = moment.replace(year=low[0]) if shape.startswith("%m") else moment
        assert axis.place(moment.timestamp()) == pytest.approx(tick.at, abs=0.01)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("a/prepared", "prepared"), ("a/prepared/", "prepared"), ("gs://bucket/x", "x"), ("/", "/"),
     ("pipeline/prepared_examples/5", "prepared_examples/5")],
)  # fmt: skip
def test_a_data_set_has_the_name_of_its_folder(folder, name) -> None:
    assert name_of(folder) == name


@pytest.mark.parametrize(
    ("folders", "names"),
    [(("a/now", "b/before"), ("now", "before")), (("x/1/out", "x/2/out"), ("1/out", "2/out")),
     (("out", "out"), ("out", "out")), (("s3://b/out", "gs://c/out"), ("b/out", "c/out"))],
)  # fmt: skip
def test_two_data_sets_have_distinct_names(folders, names) -> None:
    assert names_of(*folders) == names


def test_the_titles_name_the_data_sets() -> None:
    alone, both = (
        render_report(manifest(), name="clicks"),
        render_report(manifest(), (), manifest(), name="clicks", compare_name="clicks-last-week"),
    )
    assert "<title>clicks: 4 sequences in 1 bucket · lengthwise</title>" in alone
    assert "<title>clicks against clicks-last-week: 4 sequences" in both
    text = parse(both).text
    assert "No column moved against clicks-last-week." in text
    assert "The other" not in text
