"""How two data sets are shown side by side."""

import math
from dataclasses import dataclass
from itertools import pairwise

from lengthwise.manifest import Manifest
from lengthwise.report import number_text
from lengthwise.report.chart_axes import Axis, Tick, counting_axis, thinned
from lengthwise.report.chart_values import Chart, ChartBar, ChartTable
from lengthwise.report.common_bins import CommonBins
from lengthwise.report.data_set_names import LONGEST
from lengthwise.report.drift import Drift, bounds_text, compare_manifests, flagged
from lengthwise.report.drift_limits import LENGTHS
from lengthwise.report.timestamps import Timestamps


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category's shares; widths are percent of the largest share shown."""

    name: str
    here: str
    there: str
    width: float
    other_width: float


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One feature: its distance, its flags, and its two distributions."""

    drift: Drift
    distance: str
    chart: Chart | None
    categories: tuple[CategoryRow, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that the section shows.

    Attributes:
        name: what people call this data set.
        other_name: what they call the other.
        numbers: (name, this, other) of the data sets as wholes.
        rows: a feature each, those that moved first.
        moved: how many moved.
    """

    name: str
    other_name: str
    numbers: tuple[tuple[str, str, str], ...]
    rows: tuple[DriftRow, ...]
    moved: int


def comparison(this: Manifest, other: Manifest, name: str = "", other_name: str = "") -> Comparison:
    """The two data sets, compared; the names are what people call them, if anyone does."""
    drifts = compare_manifests(this, other)
    names = (
        number_text.shorten(name, LONGEST) or "this data set",
        number_text.shorten(other_name, LONGEST) or "the other",
    )
    rows = tuple(_row(place, drift, names) for place, drift in enumerate(drifts))
    whole = tuple((name, mine, theirs) for (name, mine), (_, theirs) in zip(_whole(this), _whole(other), strict=True))
    return Comparison(*names, whole, rows, len(flagged(drifts)))


def _whole(manifest: Manifest) -> list[tuple[str, str]]:
    counts, lengths = manifest.counts, manifest.histogram()
    rejected = sum(counts.rejected.values())
    return [
        ("records read", number_text.count(counts.read)),
        ("rejected", f"{rejected:,} ({number_text.share(rejected / counts.read if counts.read else 0.0)})"),
        ("sequences", number_text.count(lengths.total)),
        ("steps", number_text.count(lengths.steps)),
        ("median length", number_text.count(lengths.quantile(0.5))),
        ("longest", number_text.count(lengths.max)),
        ("buckets", number_text.count(len(manifest.boundaries))),
        ("padding", number_text.share(manifest.totals.padding_share)),
        ("shards", number_text.count(len(manifest.shards))),
        ("size", number_text.size(sum(shard.bytes for shard in manifest.shards))),
        ("fingerprint", manifest.fingerprint[:12]),
    ]


def _row(place: int, drift: Drift, names: tuple[str, str]) -> DriftRow:
    distance = number_text.NONE if drift.distance is None else ("" if drift.exact else "≈ ") + f"{drift.distance:.3f}"
    if drift.at_most is not None:
        distance += f" (at most {drift.at_most:.3f})"
    most = max((max(one.here[0], one.there[0]) for one in drift.categories), default=0.0) or 1.0
    categories = tuple(
        CategoryRow(
            name=number_text.shorten(one.name, 80) or "(empty)",
            here=bounds_text(one.here),
            there=bounds_text(one.there),
            width=round(100 * one.here[0] / most, 3),
            other_width=round(100 * one.there[0] / most, 3),
        )
        for one in drift.categories
    )
    return DriftRow(drift, distance, _chart(f"drift-{place}", drift, names), categories)


def _chart(name: str, drift: Drift, names: tuple[str, str]) -> Chart | None:
    bins = drift.bins
    if bins is None:
        return None
    shares = [one / one.sum() for one in (bins.first, bins.second)]
    x, y = Axis(0.0, float(len(bins.first))), counting_axis(float(max(one.max() for one in shares)))
    spans = _spans(drift, bins)
    rows = [
        (spans[place], number_text.share(shares[0][place]), number_text.share(shares[1][place]))
        for place in range(len(spans))
    ]
    return Chart(
        id=name,
        title=f"{number_text.shorten(drift.key, 60)} in both data sets",
        description=f"Jensen-Shannon distance {drift.distance:.3f}."
        + ("" if drift.exact else " Approximate: the ranges differ, so counts were spread over common bins."),
        x_title=_x_title(drift, bins),
        y_title="share",
        x_ticks=_ticks(drift, bins, x),
        y_ticks=y.ticks(2, number_text.share),
        bars=tuple(_pairs(shares[0].tolist(), shares[1].tolist(), x, y, rows)),
        legend=(("tone-0", names[0]), ("tone-1", names[1])),
        table=ChartTable(("Values", *names), tuple(rows)),
        small=True,
    )


def _x_title(drift: Drift, bins: CommonBins) -> str:
    if drift.key == LENGTHS:
        return "length in steps"
    return "value" if Timestamps.of(drift.key, bins.edges[0], bins.edges[-1]) is None else "date, in UTC"


def _pairs(here: list[float], there: list[float], x: Axis, y: Axis, rows: list[tuple[str, str, str]]) -> list[ChartBar]:
    bars = []
    for place, pair in enumerate(zip(here, there, strict=True)):
        for side, height in enumerate(pair):
            if height > 0:
                drawn = max(y.place(height), 0.6)
                left = x.place(place + 0.08 + 0.42 * side)
                note = f"{rows[place][0]}: {rows[place][1 + side]}"
                bars.append(ChartBar(left, round(100 - drawn, 3), x.place(0.42), drawn, f"tone-{side}", note))
    return bars


def _whole_bins(bins: CommonBins) -> bool:
    """Whether each bin is one whole number."""
    return bool(bins.exact and (bins.edges % 1 == 0.5).all() and bins.edges[1] - bins.edges[0] == 1)


def _spans(drift: Drift, bins: CommonBins) -> list[str]:
    edges = bins.edges.tolist()
    if drift.key == LENGTHS:
        return [number_text.between(int(first), int(last) - 1) for first, last in pairwise(edges)]
    if _whole_bins(bins):
        return [number_text.number(edge + 0.5) for edge in edges[:-1]]
    times = Timestamps.of(drift.key, edges[0], edges[-1])
    show = number_text.number if times is None else times.text
    return [f"{show(first)} to {show(last)}" for first, last in pairwise(edges)]


def _ticks(drift: Drift, bins: CommonBins, x: Axis) -> tuple[Tick, ...]:
    edges = bins.edges.tolist()
    if drift.key != LENGTHS and _whole_bins(bins):
        return thinned(
            Tick(x.place(place + 0.5), number_text.number(edge + 0.5)) for place, edge in enumerate(edges[:-1])
        )
    times = None if drift.key == LENGTHS else Timestamps.of(drift.key, edges[0], edges[-1])
    show = number_text.number if times is None else times.text
    if drift.whole and times is None:
        edges = [float(math.ceil(edge)) for edge in edges]
    return thinned((Tick(x.place(place), show(edge)) for place, edge in enumerate(edges)), 18.0)
