"""The chart of the sequence lengths with the bucket boundaries."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.buckets import LengthHistogram
from lengthwise.manifest import Manifest
from lengthwise.report.chart_axes import Axis, Tick, counting_axis, thinned
from lengthwise.report.chart_values import Chart, ChartBar, ChartMark, ChartTable, stacked_bars
from lengthwise.report.number_text import count_range_text, count_text, plural, short_count

BARS = 48
_TONES = 4  # colours: if there are more splits, the smallest share the last one
_SKEW = 5  # the axis is logarithmic if the longest sequence has more than this many times the median length


@dataclass(frozen=True, slots=True)
class Binning:
    """Bins of whole lengths: bin `i` contains the lengths from `edges[i]` up to, but not including, `edges[i + 1]`.

    On a linear axis all bins contain the same number of distinct lengths. On a logarithmic axis no bin is narrower than
    the one before, and `heights` corrects for their widths.
    """

    edges: npt.NDArray[np.int64]
    log: bool

    @classmethod
    def of(cls, histogram: LengthHistogram, bars: int = BARS) -> "Binning":
        """Bins for the lengths of a histogram: equally wide, or in log2(1 + length) if the histogram is skewed."""
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

    def bin_of(self, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64 `[n]`: the bin of each length; -1 and the number of bins for lengths outside the bins."""
        return np.searchsorted(self.edges, lengths, side="right") - 1

    def counts(self, histogram: LengthHistogram) -> npt.NDArray[np.int64]:
        """The number of sequences in each bin; those outside the bins are not counted."""
        bins = len(self.edges) - 1
        counts = np.zeros(bins + 2, np.int64)
        np.add.at(counts, self.bin_of(histogram.lengths) + 1, histogram.counts)
        return counts[1:-1]

    def heights(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The heights of bars for counts `[..., bins]`: the counts, or per doubling of the length on a log axis."""
        return counts / np.diff(np.log2(1.0 + self.edges)) if self.log else counts.astype(np.float64)

    def span(self, bin_: int) -> tuple[float, float]:
        """The start and the end of a bin on the axis."""
        return float(self.edges[bin_]) - 0.5, float(self.edges[bin_ + 1]) - 0.5

    def label(self, bin_: int) -> str:
        """The lengths of a bin."""
        return count_range_text(int(self.edges[bin_]), int(self.edges[bin_ + 1]) - 1)

    @property
    def axis(self) -> Axis:
        return Axis(float(self.edges[0]) - (0.0 if self.log else 0.5), float(self.edges[-1]) - 0.5, self.log)


def length_chart(manifest: Manifest) -> Chart | None:
    """The lengths of the written sequences, by split, and the boundaries; None if nothing was written."""
    histogram = manifest.histogram()
    if histogram.total == 0:
        return None
    binning = Binning.of(histogram)
    by_split = split_histograms(manifest)
    counts = np.stack([binning.counts(of_split) for of_split in by_split.values()])
    heights = binning.heights(counts)
    y = counting_axis(float(heights.sum(axis=0).max()))
    return Chart(
        id="lengths",
        title="Length of the sequences",
        description=_describe(histogram, manifest.boundaries),
        x_title=f"length in steps{', logarithmic' if binning.log else ''}",
        y_title=_y_title(binning),
        x_ticks=binning.axis.ticks(whole=True),
        y_ticks=y.ticks(4, short_count),
        bars=_bars(binning, y, counts, heights, tuple(by_split)),
        marks=boundary_marks(tuple(sorted(set(manifest.boundaries))), binning.axis),
        legend=(*((f"tone-{i}", name) for i, name in enumerate(by_split)), ("mark", "bucket boundary")),
        table=_table(binning, by_split, counts),
    )


def split_histograms(manifest: Manifest) -> Mapping[str, LengthHistogram]:
    """The lengths of each split, the largest split first; if there are many, the smallest are merged."""
    histograms = [(name, manifest.histogram(name)) for name in manifest.splits]
    histograms.sort(key=lambda split: (-split[1].total, split[0]))
    if len(histograms) <= _TONES:
        return dict(histograms)
    largest, others = histograms[: _TONES - 1], histograms[_TONES - 1 :]
    merged = LengthHistogram.sum(histogram for _, histogram in others)
    return {**dict(largest), f"{len(others)} other splits": merged}


def boundary_marks(boundaries: tuple[int, ...], axis: Axis) -> tuple[ChartMark, ...]:
    """A line at each boundary on the axis, with labels that do not overlap."""
    on_axis = [boundary for boundary in boundaries if boundary <= axis.high]
    labels = {axis.place(boundary + 0.5): count_text(boundary) for boundary in on_axis}
    labelled = {tick.at for tick in thinned(Tick(at, label) for at, label in labels.items())}
    return tuple(ChartMark(at, label if at in labelled else "") for at, label in labels.items())


def _y_title(binning: Binning) -> str:
    if binning.log:
        return "sequences per doubling of the length"
    width = int(binning.edges[1] - binning.edges[0])
    return "sequences" if width == 1 else f"sequences per {width:,} lengths"


def _bars(
    binning: Binning,
    y: Axis,
    counts: npt.NDArray[np.int64],
    heights: npt.NDArray[np.float64],
    names: tuple[str, ...],
) -> tuple[ChartBar, ...]:
    notes = [
        [f"{binning.label(index)} steps, {name}: {count:,}" for name, count in zip(names, of_bin, strict=True)]
        for index, of_bin in enumerate(counts.T.tolist())
    ]
    return stacked_bars(binning.axis, y, map(binning.span, range(len(notes))), heights.T.tolist(), notes)


def _describe(histogram: LengthHistogram, boundaries: tuple[int, ...]) -> str:
    return (
        f"{plural(histogram.total, 'sequence')} of {histogram.min:,} to {histogram.max:,} steps: half have at most "
        f"{histogram.quantile(0.5):,}, 99% at most {histogram.quantile(0.99):,}. {plural(len(boundaries), 'bucket')}."
    )


def _table(binning: Binning, by_split: Mapping[str, LengthHistogram], counts: npt.NDArray[np.int64]) -> ChartTable:
    rows = tuple(
        (binning.label(index), *map(count_text, counts[:, index].tolist())) for index in range(counts.shape[1])
    )
    return ChartTable(("Steps", *(f"Sequences in {name}" for name in by_split)), rows)
