"""Two data sets compared: which columns moved, and how far. Plain values; `compare.html.j2` shows them.

A difference is flagged if it is larger than its limit (see `drift_limits`) and larger than chance explains.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lengthwise.manifest import Manifest
from lengthwise.report.chance_bounds import distribution_bound, extremes_probability, pooled_share, share_bound
from lengthwise.report.common_bins import CommonBins, common_bins, histogram_of
from lengthwise.report.distances import (
    TopCounts,
    cumulative_distance,
    jensen_shannon,
    l_infinity,
    min_cumulative_distance,
)
from lengthwise.report.drift_limits import LENGTHS, DriftLimits, FeatureLimits
from lengthwise.report.feature_samples import FeatureSample
from lengthwise.report.length_charts import Binning
from lengthwise.report.number_text import percent_text, shortened
from lengthwise.report.timestamps import Timestamps, value_text
from lengthwise.report.written_features import written_features

MOST_CATEGORIES = 8

_TESTS = 5  # per feature: distribution, two rates, both ends of the range
_TESTS_OF_LENGTHS = 2


@dataclass(frozen=True, slots=True)
class CategoryShares:
    """A category's share here and there, each as (minimum, maximum); equal if it is one of the most frequent."""

    name: str
    here: tuple[float, float]
    there: tuple[float, float]

    @property
    def apart(self) -> float:
        """The minimum difference of the shares."""
        return max(0.0, self.here[0] - self.there[1], self.there[0] - self.here[1])


@dataclass(frozen=True, slots=True)
class Drift:
    """The change of one feature from the other data set to this one.

    Attributes:
        key: the feature's name; `sequence_length` for the lengths.
        kind: a description of the feature.
        measure: the name of the distance; empty if there is none.
        distance: the distance; None if there is nothing to compare.
        at_most: the upper bound of the distance if not all counts are known; else None.
        exact: whether the distance was computed without approximation.
        flags: descriptions of what moved; empty if nothing did.
        bins: the histograms in common bins, this data set's first.
        categories: the categories that differ most.
        whole: whether the numbers are integers.
    """

    key: str
    kind: str
    measure: str = ""
    distance: float | None = None
    at_most: float | None = None
    exact: bool = True
    flags: tuple[str, ...] = ()
    bins: CommonBins | None = None
    categories: tuple[CategoryShares, ...] = ()
    whole: bool = False

    def to_dict(self) -> dict[str, object]:
        """The JSON-ready fields, without the histograms and shares."""
        names = ("key", "kind", "measure", "distance", "at_most", "exact", "flags")
        return {name: getattr(self, name) for name in names}


def comparison_json(drifts: Iterable[Drift], limits: DriftLimits) -> dict[str, object]:
    """A comparison, JSON-ready: `moved`, the keys of the features that moved; `limits`; `features`, all features."""
    drifts = list(drifts)
    moved = [drift.key for drift in flagged(drifts)]
    return {"moved": moved, "limits": limits.model_dump(), "features": [drift.to_dict() for drift in drifts]}


def compare_manifests(this: Manifest, other: Manifest, limits: DriftLimits | None = None) -> list[Drift]:
    """Compares every feature of either data set, and the lengths; features that moved come first.

    Distances are of the written values of all splits together. Missing and out-of-vocabulary rates, ranges and kinds
    are compared as well. Sequences count as independent of each other, the values of one sequence do not.

    Args:
        this: the manifest of a data set.
        other: the manifest of the data set to compare it with.
        limits: how far features may differ, and how often two samples of one source may be flagged; None for the
            defaults. The level of false alarms is divided evenly among all tests.

    Raises:
        ConfigError: the limits name a feature that neither data set has.
    """
    limits = limits or DriftLimits()
    features, other_features = written_features(this), written_features(other)
    keys = sorted({*features, *other_features})
    limits.check_names(keys)
    level = limits.false_alarms / (_TESTS_OF_LENGTHS + _TESTS * len(features.keys() & other_features.keys()))
    drifts = [_drift_of_lengths(this, other, _Test(level, limits.of(LENGTHS)))]
    for key in keys:
        if key not in other_features:
            drifts.append(Drift(key, features[key].kind, flags=("only in this data set",)))
        elif key not in features:
            drifts.append(Drift(key, other_features[key].kind, flags=("only in the other data set",)))
        else:
            samples = FeatureSample.of(this, features[key]), FeatureSample.of(other, other_features[key])
            drifts.append(_drift_of_feature(*samples, _Test(level, limits.of(key))))
    drifts = [replace(drift, flags=()) if limits.of(drift.key).ignore else drift for drift in drifts]
    return sorted(drifts, key=lambda drift: (not drift.flags, -(drift.distance or 0.0), drift.key))


@dataclass(frozen=True, slots=True)
class _Test:
    """What a difference must exceed to be flagged: chance, at this probability of a false alarm, and the limits."""

    level: float
    limits: FeatureLimits


def _drift_of_lengths(this: Manifest, other: Manifest, test: _Test) -> Drift:
    kind = "sequence · number of steps"
    lengths, other_lengths = this.histogram(), other.histogram()
    if lengths.total == 0 or other_lengths.total == 0:
        return Drift(LENGTHS, kind, "Jensen-Shannon", flags=("one data set has no sequences",))
    binning = Binning.of(lengths.merge(other_lengths), bars=24)
    first, second = binning.counts(lengths).astype(np.float64), binning.counts(other_lengths).astype(np.float64)
    bins = CommonBins(binning.edges.astype(np.float64), first, second, exact=True)
    draws = FeatureSample.sequences(this), FeatureSample.sequences(other)
    chance = distribution_bound(*draws, test.level)
    distance, flags = _distance(bins, cumulative_distance(first, second), chance, test.limits)
    beyond = int(lengths.counts[lengths.lengths > other_lengths.max].sum()) * draws[0] / lengths.total
    if beyond and extremes_probability(beyond, *draws) <= test.level:
        flags.append(f"longest sequence {other_lengths.max:,} → {lengths.max:,} steps")
    return Drift(LENGTHS, kind, "Jensen-Shannon", distance, flags=tuple(flags), bins=bins)


def _drift_of_feature(this: FeatureSample, other: FeatureSample, test: _Test) -> Drift:
    key, kind, old_kind = this.feature.key, this.feature.kind, other.feature.kind
    flags = [f"was {old_kind}"] if kind != old_kind else []
    flags += _flags_of_rates(this, other, test)
    if (this.feature.num_ids is None) != (other.feature.num_ids is None):
        return Drift(key, kind, flags=tuple(flags))
    if this.statistics.top or other.statistics.top:
        return _drift_of_categories(flags, this, other, test)
    whole = this.feature.is_whole and other.feature.is_whole
    bins = common_bins(this.statistics, other.statistics, whole=whole)
    if bins is None:
        return Drift(key, kind, "Jensen-Shannon", flags=tuple(flags))
    if bins.exact:
        difference = cumulative_distance(bins.first, bins.second)
    else:
        difference = min_cumulative_distance(histogram_of(this.statistics), histogram_of(other.statistics))
    chance = distribution_bound(this.counted_draws, other.counted_draws, test.level)
    distance, moved = _distance(bins, difference, chance, test.limits)
    flags += moved + _flags_of_range(this, other, test)
    return Drift(key, kind, "Jensen-Shannon", distance, exact=bins.exact, flags=tuple(flags), bins=bins, whole=whole)


def _distance(bins: CommonBins, difference: float, chance: float, limits: FeatureLimits) -> tuple[float, list[str]]:
    """The distance, and a flag if it is above its limit and the cumulative shares differ more than by chance."""
    distance = jensen_shannon(bins.first, bins.second)
    if distance <= limits.distance or difference <= chance:
        return distance, []
    proof = f"cumulative shares differ by {percent_text(difference)}, chance explains {percent_text(chance)}"
    return distance, [f"distribution moved: Jensen-Shannon distance {distance:.3f}; {proof}"]


def _drift_of_categories(flags: list[str], this: FeatureSample, other: FeatureSample, test: _Test) -> Drift:
    counts, other_counts = _top_counts(this), _top_counts(other)
    low, high = l_infinity(counts, other_counts)
    names = {*counts.counts, *other_counts.counts}
    shares = [CategoryShares(name, counts.bounds(name), other_counts.bounds(name)) for name in names]
    shares.sort(key=lambda category: (-category.apart, -category.here[1], category.name))
    draws = this.counted_draws, other.counted_draws
    for category in shares:
        pooled = pooled_share(category.here[1], draws[0], category.there[1], draws[1])
        if category.apart > max(test.limits.share, share_bound(pooled, *draws, test.level)):
            moved = f"{share_bounds_text(category.there)} → {share_bounds_text(category.here)}"
            flags = [*flags, f"share of {shortened(category.name, 40)} moved: {moved}"]
            break
    return Drift(
        this.feature.key,
        this.feature.kind,
        "L-infinity",
        low,
        at_most=high if high > low + 1e-9 else None,
        flags=tuple(flags),
        categories=tuple(shares[:MOST_CATEGORIES]),
    )


def _top_counts(sample: FeatureSample) -> TopCounts:
    """By the entries of the ids, so that vocabularies in a different order can be compared."""
    counts = Counter[str]()
    for value, count in sample.statistics.top:
        counts[sample.feature.entry_text(value)] += count  # long strings are cut in the manifest and may then be equal
    total = max(sample.statistics.counted, 0)
    return TopCounts(counts, total, complete=counts.total() >= total)


def _flags_of_rates(this: FeatureSample, other: FeatureSample, test: _Test) -> list[str]:
    flags = []
    for name, now, before in (
        ("missing", this.missing_rate, other.missing_rate),
        ("outside the vocabulary or range", this.repaired_rate, other.repaired_rate),
    ):
        chance = share_bound(pooled_share(now, this.draws, before, other.draws), this.draws, other.draws, test.level)
        if abs(now - before) > max(test.limits.rate, chance):
            flags.append(f"{name}: {percent_text(before)} → {percent_text(now)}")
    return flags


def _flags_of_range(this: FeatureSample, other: FeatureSample, test: _Test) -> list[str]:
    """A flag if the range grew by more than its limit, and more sequences are beyond the old range than by chance."""
    (low, high), (old_low, old_high) = this.range, other.range
    growth = test.limits.growth * (old_high - old_low)
    grown = low < old_low - growth, high > old_high + growth
    beyond = this.sequences_beyond(old_low, old_high)
    chances = [extremes_probability(count, this.independent, other.independent) for count in beyond]
    if not any(grew and chance <= test.level for grew, chance in zip(grown, chances, strict=True)):
        return []
    text = value_text(Timestamps.of(this.feature.key, min(low, old_low), max(high, old_high)))
    return [f"range grew: {text(old_low)} to {text(old_high)} → {text(low)} to {text(high)}"]


def share_bounds_text(bounds: tuple[float, float]) -> str:
    """A known share, or its upper bound."""
    return percent_text(bounds[0]) if bounds[0] == bounds[1] else f"≤ {percent_text(bounds[1])}"


def flagged(drifts: Iterable[Drift]) -> list[Drift]:
    """The features that moved."""
    return [drift for drift in drifts if drift.flags]
