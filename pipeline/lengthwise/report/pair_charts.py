"""The chart of the lengths of two groups with the buckets."""

import numpy as np

from lengthwise.buckets import PairHistogram, PairPlan, plan_of
from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.buckets.length_histogram import sum_by_value
from lengthwise.columns import groups
from lengthwise.manifest import Manifest
from lengthwise.report.chart_values import Chart, ChartBar, ChartTable
from lengthwise.report.length_charts import Binning
from lengthwise.report.number_text import count_text, plural

_BINS = 32
_TONES = 6
_MOST_ROWS = 200  # of the table


def pair_histogram(manifest: Manifest) -> PairHistogram:
    """The pairs of lengths of the first two groups, all splits together; the manifest rounds longer ones up."""
    return PairHistogram.sum([manifest.pairs])


def pair_chart(manifest: Manifest) -> Chart | None:
    """A heat map of the two lengths, and a frame per bucket; None if buckets have one length, or without records."""
    histogram, plan = pair_histogram(manifest), plan_of(manifest.buckets)
    if histogram.total == 0 or not isinstance(plan, PairPlan):
        return None
    first, second = (group or "no group" for group in groups(manifest.columns)[:2])
    x, y = (Binning.of(histogram.of(group), _BINS) for group in (0, 1))
    cells = _cells(histogram, x, y)
    most = max(cells.values())
    by_bucket = np.bincount(plan.assign(histogram.lengths), histogram.counts, plan.num_buckets + 1)
    return Chart(
        id="pairs",
        title=f"Lengths of {first} and {second}",
        description=f"{plural(histogram.total, 'record')}: darker cells have more. Each frame is a bucket: it contains "
        "the records up to its right and its top edge that are in no smaller bucket. "
        f"{plural(plan.num_buckets, 'bucket')}, the largest of {bounds_text(plan.max_lengths)} steps.",
        x_title=f"steps of {first}{', logarithmic' if x.log else ''}",
        y_title=f"steps of {second}{', logarithmic' if y.log else ''}",
        x_ticks=x.axis.ticks(whole=True),
        y_ticks=y.axis.ticks(whole=True),
        bars=tuple(_cell(x, y, cell, count, most) for cell, count in cells.items()),
        boxes=tuple(
            _box(x, y, pair, int(count)) for pair, count in zip(plan.boundaries, by_bucket[:-1].tolist(), strict=True)
        ),
        legend=(("heat-1", "few records"), ("heat-5", "many"), ("box", "bucket")),
        table=ChartTable(
            (f"Steps of {first}", f"Steps of {second}", "Records"),
            tuple(
                (x.label(i), y.label(j), count_text(count))
                for (i, j), count in sorted(cells.items(), key=lambda item: (-item[1], item[0]))[:_MOST_ROWS]
            ),
        ),
    )


def _cells(histogram: PairHistogram, x: Binning, y: Binning) -> dict[tuple[int, int], int]:
    """The number of records in each cell that has records."""
    bins = x.bin_of(histogram.lengths[:, 0]) * len(y.edges) + y.bin_of(histogram.lengths[:, 1])
    keys, counts = sum_by_value(bins, histogram.counts)
    return {divmod(key, len(y.edges)): count for key, count in zip(keys.tolist(), counts.tolist(), strict=True)}


def _cell(x: Binning, y: Binning, cell: tuple[int, int], count: int, most: int) -> ChartBar:
    left, right = map(x.axis.place, x.span(cell[0]))
    bottom, top = map(y.axis.place, y.span(cell[1]))
    tone = min(int(_TONES * np.log1p(count) / np.log1p(most)), _TONES - 1)
    note = f"{x.label(cell[0])} and {y.label(cell[1])} steps: {plural(count, 'record')}"
    return ChartBar(left, round(100 - top, 3), round(right - left, 3), round(top - bottom, 3), f"heat-{tone}", note)


def _box(x: Binning, y: Binning, pair: tuple[int, int], count: int) -> ChartBar:
    right, top = x.axis.place(pair[0] + 0.5), y.axis.place(pair[1] + 0.5)
    note = f"bucket of up to {bounds_text(pair)} steps: {plural(count, 'record')}"
    return ChartBar(0.0, round(100 - top, 3), right, top, "box", note)
