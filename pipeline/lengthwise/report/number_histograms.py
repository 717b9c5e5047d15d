"""The histogram of a numeric feature as a chart: integers at whole numbers, timestamps at dates."""

import math
from collections.abc import Sequence
from itertools import pairwise

from lengthwise.manifest import ColumnStatistics
from lengthwise.report.chart_axes import Axis, counting_axis
from lengthwise.report.chart_values import Chart, ChartTable, stacked_bars
from lengthwise.report.common_bins import whole_numbers
from lengthwise.report.number_text import count_range_text, count_text, decimal_text, short_count, shortened
from lengthwise.report.timestamps import Timestamps, value_text


def histogram_chart(name: str, key: str, statistics: ColumnStatistics, *, whole: bool) -> Chart | None:
    """The histogram of a numeric feature; None without one.

    Args:
        name: the chart's id.
        key: the feature's name.
        statistics: of the feature.
        whole: whether its numbers are integers.
    """
    low, high, bins = statistics.min, statistics.max, statistics.histogram
    if low is None or high is None or not bins:
        return None
    whole = whole and math.isfinite(high - low)
    times = Timestamps.of(key, low, high)
    text = value_text(times)
    numbers = whole_numbers(statistics, known=whole)
    sizes: list[int] = []  # the number of integers in each bin, if it is not 1
    if numbers is not None and times is None:  # one bar per number
        values = range(int(low), int(high) + 1)
        edges = [*(value - 0.5 for value in values), high + 0.5]
        bins = tuple(numbers.get(value, 0) for value in values)
        labels = list(map(decimal_text, values))
    elif high == low:  # one value: one bar in the middle
        edges, bins, labels = [low - 0.5, low + 0.5], (sum(bins),), [text(low)]
    else:
        edges = [low + (high - low) * index / len(bins) for index in range(len(bins) + 1)]
        if whole and times is None:
            labels, sizes = _integer_bins(edges)
        else:
            labels = [_label(times, first, last) for first, last in pairwise(edges)]
    x = Axis(edges[0], max(edges[-1], high))
    uneven = bool(sizes) and max(sizes) > 1.05 * min(sizes)
    heights = [count / size for count, size in zip(bins, sizes, strict=True)] if uneven else list(map(float, bins))
    y = counting_axis(max(heights))
    return Chart(
        id=name,
        title=f"Values of {shortened(key, 60)}",
        description=f"{sum(bins):,} values from {text(low)} to {text(high)}, "
        f"most in {labels[heights.index(max(heights))]}.",
        x_title="value" if times is None else "date, in UTC",
        y_title="values per whole number" if uneven else "values",
        x_ticks=x.ticks(5, whole=whole or numbers is not None) if times is None else times.ticks(x),
        y_ticks=y.ticks(2, short_count),
        bars=stacked_bars(
            x,
            y,
            pairwise(edges),
            ([height] for height in heights),
            ([f"{label}: {n:,}"] for label, n in zip(labels, bins, strict=True)),
        ),
        table=ChartTable(("Values", "Count"), tuple(zip(labels, map(count_text, bins), strict=True))),
        small=True,
    )


def _label(times: Timestamps | None, first: float, last: float) -> str:
    if times is None:
        return f"{decimal_text(first)} to {decimal_text(last)}"
    hours = times.text(first) == times.text(last)
    return f"{times.text(first, hours=hours)} to {times.text(last, hours=hours)}"


def _integer_bins(edges: Sequence[float]) -> tuple[list[str], list[int]]:
    """The integers of each bin as text, and how many they are: a range may not divide evenly into the bins."""
    ends = [math.ceil(edge) for edge in edges]
    ends[-1] += 1
    pairs = [(first, max(first + 1, last)) for first, last in pairwise(ends)]
    return [count_range_text(first, last - 1) for first, last in pairs], [last - first for first, last in pairs]
