"""The histogram of a numeric feature as a chart: integers at whole numbers, timestamps at dates."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lengthwise.manifest import ColumnStatistics
from lengthwise.report import number_text
from lengthwise.report.chart_axes import Axis, Tick, counting_axis
from lengthwise.report.chart_values import Chart, ChartBar, ChartTable, column
from lengthwise.report.common_bins import whole_numbers
from lengthwise.report.timestamps import Timestamps


def histogram_chart(name: str, key: str, statistics: ColumnStatistics, *, whole: bool) -> Chart | None:
    """The histogram of a numeric feature; None where there is none.

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
    counted = whole_numbers(statistics, known=whole)
    if counted is not None and times is None:  # a bar for each number
        edges = [low - 0.5 + place for place in range(int(high - low) + 2)]
        bins = tuple(counted.get(int(low) + place, 0) for place in range(int(high - low) + 1))
        spans, sizes = [number_text.number(low + place) for place in range(len(bins))], [1] * len(bins)
    elif high == low:  # one value: one bar in the middle
        edges, bins, spans, sizes = [low - 0.5, low + 0.5], (sum(bins),), [_shown(times, low)], [1]
    else:
        edges = [low + (high - low) * place / len(bins) for place in range(len(bins) + 1)]
        spans, sizes = _integers(edges) if whole and times is None else ([*_spans(times, edges)], [1] * len(bins))
    room = 0.5 if high == low else 0.0
    x = Axis(min(edges[0], low - room), max(edges[-1], high + room))
    uneven = max(sizes) > 1.05 * min(sizes)
    heights = [count / size if uneven else float(count) for count, size in zip(bins, sizes, strict=True)]
    y = counting_axis(max(heights))
    return Chart(
        id=name,
        title=f"Values of {number_text.shorten(key, 60)}",
        description=f"{sum(bins):,} values from {_shown(times, low)} to {_shown(times, high)}, "
        f"most in {spans[heights.index(max(heights))]}.",
        x_title="value" if times is None else "date, in UTC",
        y_title="values per whole number" if uneven else "values",
        x_ticks=_ticks(x, times, whole=whole or counted is not None),
        y_ticks=y.ticks(2, number_text.short_count),
        bars=tuple(_bars(x, y, edges, heights, [f"{span}: {n:,}" for span, n in zip(spans, bins, strict=True)])),
        table=ChartTable(("Values", "Count"), tuple(zip(spans, map(number_text.count, bins), strict=True))),
        small=True,
    )


def _bars(x: Axis, y: Axis, edges: Sequence[float], heights: Sequence[float], notes: Sequence[str]) -> list[ChartBar]:
    places = zip(pairwise(edges), heights, notes, strict=True)
    return [bar for span, height, note in places for bar in column(x, y, span, [height], [note])]


def _ticks(x: Axis, times: Timestamps | None, *, whole: bool) -> tuple[Tick, ...]:
    return times.ticks(x) if times is not None else x.ticks(5, whole=whole)


def _shown(times: Timestamps | None, value: float) -> str:
    return number_text.number(value) if times is None else times.text(value)


def _spans(times: Timestamps | None, edges: Sequence[float]) -> Iterator[str]:
    for first, last in pairwise(edges):
        if times is None:
            yield f"{number_text.number(first)} to {number_text.number(last)}"
        else:
            hours = times.text(first) == times.text(last)
            yield f"{times.text(first, hours=hours)} to {times.text(last, hours=hours)}"


def _integers(edges: Sequence[float]) -> tuple[list[str], list[int]]:
    """Which integers each bin holds, and how many: those of a range do not divide evenly into the bins."""
    ends = [math.ceil(edge) for edge in edges]
    ends[-1] += 1
    pairs = [(first, max(first + 1, last)) for first, last in pairwise(ends)]
    return [number_text.between(first, last - 1) for first, last in pairs], [last - first for first, last in pairs]
