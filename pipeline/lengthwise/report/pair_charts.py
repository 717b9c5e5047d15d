"""The lengths of two groups against each other, with the buckets on it."""

import numpy as np

from lengthwise.buckets import PairHistogram, PairPlan
from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.columns import groups
from lengthwise.manifest import Manifest
from lengthwise.report import number_text
from lengthwise.report.chart_values import Chart, ChartBar, ChartTable
from lengthwise.report.length_charts import Binning

_BINS = 32
_TONES = 6
_MOST_ROWS = 200  # of the table


def pair_histogram(manifest: Manifest) -> PairHistogram:
    """How many records have which lengths of the first two groups, all splits together; longer ones rounded up."""
    return PairHistogram.sum([manifest.pairs])


def pair_plan(manifest: Manifest) -> PairPlan:
    """The buckets of a data set that has pairs."""
    return PairPlan(tuple((first, second) for first, second in manifest.buckets))


def pair_chart(manifest: Manifest) -> Chart | None:
    """A heat map of the two lengths, and a frame for each bucket; None where buckets have one length, or no record."""
    histogram = pair_histogram(manifest)
    if histogram.total == 0 or len(manifest.buckets[0]) == 1:
        return None
    plan = pair_plan(manifest)
    first, second = (group or "no group" for group in groups(manifest.columns)[:2])
    x, y = (Binning.of(histogram.of(place), _BINS) for place in (0, 1))
    cells = _cells(histogram, x, y)
    most = max(cells.values())
    held = np.bincount(plan.assign(histogram.lengths), histogram.counts, plan.num_buckets + 1)
    return Chart(
        id="pairs",
        title=f"Lengths of {first} and {second}",
        description=f"{number_text.plural(histogram.total, 'record')}: the darker, the more. Each frame is a "
        "bucket: it holds what is within its right and its top edge, unless a smaller one does. "
        f"{number_text.plural(plan.num_buckets, 'bucket')}, the largest of {bounds_text(plan.max_lengths)} steps.",
        x_title=f"steps of {first}{', logarithmic' if x.log else ''}",
        y_title=f"steps of {second}{', logarithmic' if y.log else ''}",
        x_ticks=x.axis.ticks(whole=True),
        y_ticks=y.axis.ticks(whole=True),
        bars=tuple(_cell(x, y, place, count, most) for place, count in cells.items()),
        boxes=tuple(_box(x, y, pair, int(count)) for pair, count in zip(plan.boundaries, held.tolist(), strict=False)),
        legend=(("heat-1", "few records"), ("heat-5", "many"), ("box", "bucket")),
        table=ChartTable(
            (f"Steps of {first}", f"Steps of {second}", "Records"),
            tuple(
                (x.label(i), y.label(j), number_text.count(count))
                for (i, j), count in sorted(cells.items(), key=lambda item: (-item[1], item[0]))[:_MOST_ROWS]
            ),
        ),
    )


def _cells(histogram: PairHistogram, x: Binning, y: Binning) -> dict[tuple[int, int], int]:
    """How many records there are in each cell that has some."""
    axes = zip((x, y), histogram.lengths.T, strict=True)
    places = [np.searchsorted(binning.edges, lengths, side="right") - 1 for binning, lengths in axes]
    keys, where = np.unique(places[0] * len(y.edges) + places[1], return_inverse=True)
    counts = np.bincount(where, histogram.counts).astype(np.int64)
    return {divmod(key, len(y.edges)): count for key, count in zip(keys.tolist(), counts.tolist(), strict=True)}


def _cell(x: Binning, y: Binning, place: tuple[int, int], count: int, most: int) -> ChartBar:
    spans = [(float(b.edges[at]) - 0.5, float(b.edges[at + 1]) - 0.5) for b, at in zip((x, y), place, strict=True)]
    (left, right), (bottom, top) = ([b.axis.place(one) for one in span] for b, span in zip((x, y), spans, strict=True))
    tone = min(int(_TONES * np.log1p(count) / np.log1p(most)), _TONES - 1)
    note = f"{x.label(place[0])} and {y.label(place[1])} steps: {number_text.plural(count, 'record')}"
    return ChartBar(left, round(100 - top, 3), round(right - left, 3), round(top - bottom, 3), f"heat-{tone}", note)


def _box(x: Binning, y: Binning, pair: tuple[int, int], count: int) -> ChartBar:
    right, top = (binning.axis.place(length + 0.5) for binning, length in zip((x, y), pair, strict=True))
    note = f"bucket of up to {bounds_text(pair)} steps: {number_text.plural(count, 'record')}"
    return ChartBar(0.0, round(100 - top, 3), right, top, "box", note)
