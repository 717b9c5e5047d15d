"""How long the sequences are, with the bucket boundaries on it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.buckets import LengthHistogram
from lengthwise.manifest import Manifest
from lengthwise.report import number_text
from lengthwise.report.chart_axes import Axis, Tick, counting_axis, thinned
from lengthwise.report.chart_values import Chart, ChartBar, ChartMark, ChartTable, column

BARS = 48
_TONES = 4  # splits with a colour of their own; the others share the last
_SKEW = 5  # a longest sequence of more medians than this asks for a logarithmic axis


@dataclass(frozen=True, slots=True)
class Binning:
    """Bins of whole lengths: bin `i` holds the lengths from `edges[i]` up to, not including, `edges[i + 1]`.

    On a linear axis all bins hold the same number of lengths. On a logarithmic one they cannot: the bins are never
    narrower than the one before, and `heights` allows for their widths.
    """

    edges: npt.NDArray[np.int64]
    log: bool

    @classmethod
    def of(cls, histogram: LengthHistogram, bars: int = BARS) -> "Binning":
        """Bins for the lengths of a histogram: equally wide, or equally wide in log2(1 + length) where it is skewed."""
        low, high = histogram.min, histogram.max
        log = high > 64 and high > _SKEW * max(1, histogram.quantile(0.5))
        if not log:
            width = -(-(high + 1 - low) // bars)
            return cls(np.arange(low, high + width + 1, width), log)
        ratio = ((2.0 + high) / (1.0 + low)) ** (1 / bars)
        edges = [low]
        while edges[-1] <= high:
            edges.append(max(edges[-1] + 1, math.ceil((1 + edges[-1]) * ratio - 1e-9) - 1))
        return cls(np.array(edges), log)

    def counts(self, histogram: LengthHistogram) -> npt.NDArray[np.int64]:
        """How many sequences each bin has; those outside the bins count in none."""
        inside = (histogram.lengths >= self.edges[0]) & (histogram.lengths < self.edges[-1])
        place = np.searchsorted(self.edges, histogram.lengths[inside], side="right") - 1
        counts = np.zeros(len(self.edges) - 1, np.int64)
        np.add.at(counts, place, histogram.counts[inside])
        return counts

    def heights(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """What is drawn for counts `[..., bins]`: themselves, or per doubling of the length on a logarithmic axis."""
        return counts / np.diff(np.log2(1.0 + self.edges)) if self.log else counts.astype(np.float64)

    def label(self, place: int) -> str:
        """The lengths of a bin."""
        return number_text.between(int(self.edges[place]), int(self.edges[place + 1]) - 1)

    @property
    def axis(self) -> Axis:
        return Axis(float(self.edges[0]) - (0.0 if self.log else 0.5), float(self.edges[-1]) - 0.5, self.log)


def length_chart(manifest: Manifest) -> Chart | None:
    """The lengths that were written, by split, and the boundaries; None where nothing was written."""
    whole = manifest.histogram()
    if whole.total == 0:
        return None
    binning = Binning.of(whole)
    by_split = split_histograms(manifest)
    counts = np.stack([binning.counts(histogram) for histogram in by_split.values()])
    heights = binning.heights(counts)
    y = counting_axis(float(heights.sum(axis=0).max()))
    return Chart(
        id="lengths",
        title="Length of the sequences",
        description=_describe(whole, manifest.boundaries),
        x_title=f"length in steps{', logarithmic' if binning.log else ''}",
        y_title="sequences per doubling of the length" if binning.log else _unit(binning),
        x_ticks=_ticks(binning),
        y_ticks=y.ticks(4, number_text.short_count),
        bars=tuple(_bars(binning, y, counts, heights, tuple(by_split))),
        marks=boundary_marks(tuple(sorted(set(manifest.boundaries))), binning.axis),
        legend=(*((f"tone-{i}", name) for i, name in enumerate(by_split)), ("mark", "bucket boundary")),
        table=_table(binning, by_split, counts),
    )


def split_histograms(manifest: Manifest) -> Mapping[str, LengthHistogram]:
    """The lengths of each split, the largest first; the smallest of many splits are added up."""
    found = {name: manifest.histogram(name) for name in manifest.splits}
    names = sorted(found, key=lambda name: (-found[name].total, name))
    if len(names) <= _TONES:
        return {name: found[name] for name in names}
    rest = LengthHistogram.sum(found[name] for name in names[_TONES - 1 :])
    return {**{name: found[name] for name in names[: _TONES - 1]}, f"{len(names) - _TONES + 1} other splits": rest}


def boundary_marks(boundaries: tuple[int, ...], axis: Axis) -> tuple[ChartMark, ...]:
    """A line at each boundary on the axis, and labels as far as there is room for them."""
    shown = [boundary for boundary in boundaries if boundary <= axis.high]
    places = {axis.place(boundary + 0.5): number_text.count(boundary) for boundary in shown}
    labelled = {tick.at for tick in thinned(Tick(place, label) for place, label in places.items())}
    return tuple(ChartMark(place, label if place in labelled else "") for place, label in places.items())


def _ticks(binning: Binning) -> tuple[Tick, ...]:
    return binning.axis.ticks(whole=True)


def _unit(binning: Binning) -> str:
    width = int(binning.edges[1] - binning.edges[0])
    return "sequences" if width == 1 else f"sequences per {width:,} lengths"


def _bars(
    binning: Binning,
    y: Axis,
    counts: npt.NDArray[np.int64],
    heights: npt.NDArray[np.float64],
    names: tuple[str, ...],
) -> list[ChartBar]:
    bars = []
    for place in range(counts.shape[1]):
        span = (float(binning.edges[place]) - 0.5, float(binning.edges[place + 1]) - 0.5)
        steps = binning.label(place)
        notes = [f"{steps} steps, {name}: {n:,}" for name, n in zip(names, counts[:, place].tolist(), strict=True)]
        bars += column(binning.axis, y, span, heights[:, place].tolist(), notes)
    return bars


def _describe(whole: LengthHistogram, boundaries: tuple[int, ...]) -> str:
    middle, most = whole.quantile(0.5), whole.quantile(0.99)
    return (
        f"{number_text.plural(whole.total, 'sequence')} of {whole.min:,} to {whole.max:,} steps: half have at most "
        f"{middle:,}, 99% at most {most:,}. {number_text.plural(len(boundaries), 'bucket')}."
    )


def _table(binning: Binning, by_split: Mapping[str, LengthHistogram], counts: npt.NDArray[np.int64]) -> ChartTable:
    rows = tuple(
        (binning.label(place), *(number_text.count(n) for n in counts[:, place].tolist()))
        for place in range(counts.shape[1])
    )
    return ChartTable(("Steps", *(f"Sequences in {name}" for name in by_split)), rows)
