"""The statistics of one feature in a data set, and how many independent draws they represent."""

import math
from dataclasses import dataclass

from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report.chance_bounds import draws_of_steps
from lengthwise.report.common_bins import histogram_of
from lengthwise.report.written_features import WrittenFeature


@dataclass(frozen=True, slots=True)
class FeatureSample:
    """A feature of a data set.

    Attributes:
        feature: its name, and the column that reads it.
        statistics: of its values.
        repaired_rate: the share of values outside the vocabulary or range.
        draws: the number of independent values with the same information as its values, including missing ones.
        independent: the number of independent sequences.
        most_values: the maximum number of its values in one sequence.
    """

    feature: WrittenFeature
    statistics: ColumnStatistics
    repaired_rate: float
    draws: float
    independent: float
    most_values: int

    @classmethod
    def of(cls, manifest: Manifest, feature: WrittenFeature) -> "FeatureSample":
        """A feature of a data set."""
        statistics = manifest.statistics.get(feature.key, ColumnStatistics(values=0))
        lengths, independent = manifest.histogram(), cls.sequences(manifest)
        if feature.in_context or not lengths.total:
            positions, draws_per_sequence, longest = lengths.total, 1.0, 1
        else:
            positions, draws_per_sequence, longest = lengths.steps, draws_of_steps(lengths) / lengths.total, lengths.max
        return cls(
            feature=feature,
            statistics=statistics,
            repaired_rate=manifest.counts.repaired.get(feature.key, 0) / max(1, statistics.values),
            draws=independent * draws_per_sequence,
            independent=independent,
            most_values=longest * max(1, math.ceil(statistics.values / max(1, positions))),
        )

    @staticmethod
    def sequences(manifest: Manifest) -> float:
        """The number of independent sequences of a data set: the windows of one record resemble each other."""
        return float(min(manifest.histogram().total, manifest.counts.written))

    @property
    def missing_rate(self) -> float:
        """The share of missing values."""
        return self.statistics.missing / max(1, self.statistics.values)

    @property
    def counted_draws(self) -> float:
        """The draws of the values that are not missing."""
        return self.draws * self.statistics.counted / max(1, self.statistics.values)

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest number, of a feature that has a histogram."""
        edges = histogram_of(self.statistics).edges
        return float(edges[0]), float(edges[-1])

    def sequences_beyond(self, low: float, high: float) -> tuple[int, int]:
        """The minimum number of sequences with a number below `low`, and with one above `high`."""
        histogram = histogram_of(self.statistics)
        below = histogram.counts[histogram.edges[1:] < low].sum()
        above = histogram.counts[histogram.edges[:-1] > high].sum()
        return math.ceil(below / self.most_values), math.ceil(above / self.most_values)
