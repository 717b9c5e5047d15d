"""The comparison of two data sets, ready to be shown side by side."""

import math
from dataclasses import dataclass
from itertools import pairwise

from lengthwise.manifest import Manifest
from lengthwise.report.chart_axes import Axis, Tick, counting_axis, percent_of, thinned
from lengthwise.report.chart_values import Chart, ChartBar, ChartTable
from lengthwise.report.common_bins import CommonBins
from lengthwise.report.data_set_names import MAX_NAME_LENGTH
from lengthwise.report.drift import Drift, compare_manifests, flagged, share_bounds_text
from lengthwise.report.drift_limits import LENGTHS
from lengthwise.report.number_text import (
    NO_NUMBER,
    count_range_text,
    count_text,
    decimal_text,
    percent_text,
    shortened,
    size_text,
)
from lengthwise.report.timestamps import Timestamps, value_text


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category's shares; widths are percentages of the largest share shown."""

    name: str
    share: str
    other_share: str
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
    """The contents of the section.

    Attributes:
        name: the name of this data set.
        other_name: the name of the other data set.
        numbers: (name, this, other): numbers of the whole data sets.
        rows: one row per feature, those that moved first.
        moved: the number of features that moved.
    """

    name: str
    other_name: str
    numbers: tuple[tuple[str, str, str], ...]
    rows: tuple[DriftRow, ...]
    moved: int


def compare_for_report(this: Manifest, other: Manifest, name: str = "", other_name: str = "") -> Comparison:
    """Compares two data sets; the names are empty if they have none."""
    drifts = compare_manifests(this, other)
    names = shortened(name, MAX_NAME_LENGTH) or "this data set", shortened(other_name, MAX_NAME_LENGTH) or "the other"
    rows = tuple(_row(index, drift, names) for index, drift in enumerate(drifts))
    pairs = zip(_numbers(this), _numbers(other), strict=True)
    numbers = tuple((label, text, other_text) for (label, text), (_, other_text) in pairs)
    return Comparison(*names, numbers, rows, len(flagged(drifts)))


def _numbers(manifest: Manifest) -> list[tuple[str, str]]:
    counts, lengths = manifest.counts, manifest.histogram()
    rejected = sum(counts.rejected.values())
    return [
        ("records read", count_text(counts.read)),
        ("rejected", f"{rejected:,} ({percent_text(rejected / counts.read if counts.read else 0.0)})"),
        ("sequences", count_text(lengths.total)),
        ("steps", count_text(lengths.steps)),
        ("median length", count_text(lengths.quantile(0.5))),
        ("longest", count_text(lengths.max)),
        ("buckets", count_text(len(manifest.boundaries))),
        ("padding", percent_text(manifest.totals.padding_share)),
        ("shards", count_text(len(manifest.shards))),
        ("size", size_text(sum(shard.bytes for shard in manifest.shards))),
        ("fingerprint", manifest.fingerprint[:12]),
    ]


def _row(index: int, drift: Drift, names: tuple[str, str]) -> DriftRow:
    largest = max((max(category.here[0], category.there[0]) for category in drift.categories), default=0.0)
    categories = tuple(
        CategoryRow(
            name=shortened(category.name, 80) or "(empty)",
            share=share_bounds_text(category.here),
            other_share=share_bounds_text(category.there),
            width=percent_of(category.here[0], largest),
            other_width=percent_of(category.there[0], largest),
        )
        for category in drift.categories
    )
    return DriftRow(drift, _distance_text(drift), _chart(f"drift-{index}", drift, names), categories)


def _distance_text(drift: Drift) -> str:
    if drift.distance is None:
        return NO_NUMBER
    text = f"{drift.distance:.3f}" if drift.exact else f"≈ {drift.distance:.3f}"
    return text if drift.at_most is None else f"{text} (at most {drift.at_most:.3f})"


def _chart(name: str, drift: Drift, names: tuple[str, str]) -> Chart | None:
    bins = drift.bins
    if bins is None:
        return None
    shares, other_shares = bins.first / bins.first.sum(), bins.second / bins.second.sum()
    x, y = Axis(0.0, float(len(shares))), counting_axis(float(max(shares.max(), other_shares.max())))
    columns = (_bin_labels(drift, bins), map(percent_text, shares), map(percent_text, other_shares))
    rows = list(zip(*columns, strict=True))
    return Chart(
        id=name,
        title=f"{shortened(drift.key, 60)} in both data sets",
        description=f"Jensen-Shannon distance {drift.distance:.3f}."
        + ("" if drift.exact else " Approximate: the ranges differ, so counts were spread over common bins."),
        x_title=_x_title(drift, bins),
        y_title="share",
        x_ticks=_ticks(drift, bins, x),
        y_ticks=y.ticks(2, percent_text),
        bars=tuple(_bar_pairs(shares.tolist(), other_shares.tolist(), x, y, rows)),
        legend=(("tone-0", names[0]), ("tone-1", names[1])),
        table=ChartTable(("Values", *names), tuple(rows)),
        small=True,
    )


def _x_title(drift: Drift, bins: CommonBins) -> str:
    if drift.key == LENGTHS:
        return "length in steps"
    return "value" if Timestamps.of(drift.key, bins.edges[0], bins.edges[-1]) is None else "date, in UTC"


def _bar_pairs(
    shares: list[float], other_shares: list[float], x: Axis, y: Axis, rows: list[tuple[str, str, str]]
) -> list[ChartBar]:
    bars = []
    for index, pair in enumerate(zip(shares, other_shares, strict=True)):
        for side, share in enumerate(pair):
            if share > 0:
                height = max(y.place(share), 0.6)
                left = x.place(index + 0.08 + 0.42 * side)
                note = f"{rows[index][0]}: {rows[index][1 + side]}"
                bars.append(ChartBar(left, round(100 - height, 3), x.place(0.42), height, f"tone-{side}", note))
    return bars


def _is_bin_per_number(bins: CommonBins) -> bool:
    """Whether each bin is one whole number."""
    return bool(bins.exact and (bins.edges % 1 == 0.5).all() and bins.edges[1] - bins.edges[0] == 1)


def _bin_labels(drift: Drift, bins: CommonBins) -> list[str]:
    edges = bins.edges.tolist()
    if drift.key == LENGTHS:
        return [count_range_text(int(first), int(last) - 1) for first, last in pairwise(edges)]
    if _is_bin_per_number(bins):
        return [decimal_text(edge + 0.5) for edge in edges[:-1]]
    text = value_text(Timestamps.of(drift.key, edges[0], edges[-1]))
    return [f"{text(first)} to {text(last)}" for first, last in pairwise(edges)]


def _ticks(drift: Drift, bins: CommonBins, x: Axis) -> tuple[Tick, ...]:
    edges = bins.edges.tolist()
    if drift.key != LENGTHS and _is_bin_per_number(bins):
        return thinned(Tick(x.place(index + 0.5), decimal_text(edge + 0.5)) for index, edge in enumerate(edges[:-1]))
    times = None if drift.key == LENGTHS else Timestamps.of(drift.key, edges[0], edges[-1])
    if drift.whole and times is None:
        edges = [float(math.ceil(edge)) for edge in edges]
    text = value_text(times)
    return thinned((Tick(x.place(index), text(edge)) for index, edge in enumerate(edges)), 18.0)
