"""Two data sets side by side: which columns moved, and how far. Pure values; `compare.html.j2` shows them.

A difference is flagged where it is larger than its limit (see `limits`) and larger than what chance explains.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lengthwise.buckets import LengthHistogram
from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report import number_text
from lengthwise.report.chance_bounds import distribution_bound, extremes_probability, pooled, share_bound
from lengthwise.report.common_bins import CommonBins, common_bins, histogram_of
from lengthwise.report.distances import TopCounts, cumulative_apart, jensen_shannon, l_infinity, least_apart
from lengthwise.report.drift_limits import LENGTHS, DriftLimits, FeatureLimits
from lengthwise.report.feature_cards import Feature, describe_kind, features_by_key, id_label, is_categorical, is_whole
from lengthwise.report.feature_samples import FeatureSample
from lengthwise.report.length_charts import Binning
from lengthwise.report.timestamps import Timestamps

MOST_CATEGORIES = 8

_TESTS = 5  # of a feature: distribution, two rates, both ends of the range
_TESTS_OF_LENGTHS = 2


@dataclass(frozen=True, slots=True)
class CategoryShares:
    """A category's share here and there, each as (least, most): equal unless it is not among the most frequent."""

    name: str
    here: tuple[float, float]
    there: tuple[float, float]

    @property
    def apart(self) -> float:
        """By how much the shares differ at least."""
        return max(0.0, self.here[0] - self.there[1], self.there[0] - self.here[1])


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of one feature from the other data set to this one.

    Attributes:
        key: the feature's name; `sequence_length` for the lengths.
        kind: what it is, in words.
        measure: which distance.
        distance: it; None where there is nothing to compare.
        at_most: its upper bound, where not all counts are known; else None.
        exact: whether it was computed without approximation.
        flags: what moved, in words; empty where nothing did.
        bins: the histograms in common bins, this data set's first.
        categories: those that differ most.
        whole: whether its numbers are integers.
    """

    key: str
    kind: str
    measure: str
    distance: float | None
    at_most: float | None
    exact: bool
    flags: tuple[str, ...]
    bins: CommonBins | None = None
    categories: tuple["CategoryShares", ...] = ()
    whole: bool = False

    def to_dict(self) -> dict[str, object]:
        """What moved, as plain values: without the histograms and shares."""
        names = ("key", "kind", "measure", "distance", "at_most", "exact", "flags")
        return {name: getattr(self, name) for name in names}


def comparison_json(drifts: Iterable[Drift], limits: DriftLimits) -> dict[str, object]:
    """A comparison as plain values: `moved`, the keys of the features that did; `limits`; `features`, all of them."""
    drifts = list(drifts)
    moved = [drift.key for drift in drifts if drift.flags]
    return {"moved": moved, "limits": limits.model_dump(), "features": [drift.to_dict() for drift in drifts]}


def compare_manifests(this: Manifest, other: Manifest, limits: DriftLimits | None = None) -> list[Drift]:
    """Every feature of either data set and the lengths, those that moved first.

    Distances are of the written values, all splits together. Missing and out-of-vocabulary rates, ranges and kinds are
    compared as well. Sequences count as independent of each other, the values of one sequence do not.

    Args:
        this: the manifest of a data set.
        other: that of the data set to compare it with.
        limits: how far features may differ, and how often two samples of one source may be flagged; the defaults if
            left out. That level of false alarms is divided evenly among all that is tested.

    Raises:
        ConfigError: the limits name a feature that neither data set has.
    """
    limits = limits or DriftLimits()
    mine, theirs = features_by_key(this), features_by_key(other)
    limits.check_names({*mine, *theirs})
    level = limits.false_alarms / (_TESTS_OF_LENGTHS + _TESTS * len(mine.keys() & theirs.keys()))
    drifts = [_lengths(this, other, _Test(level, limits.of(LENGTHS)))]
    for key in sorted({*mine, *theirs}):
        if key not in theirs or key not in mine:
            where = "this" if key in mine else "the other"
            kind = describe_kind(*(mine if key in mine else theirs)[key])
            drifts.append(Drift(key, kind, "", None, None, True, (f"only in {where} data set",)))
            continue
        here, there = FeatureSample.of(this, key, *mine[key]), FeatureSample.of(other, key, *theirs[key])
        drifts.append(_feature(key, here, there, _Test(level, limits.of(key))))
    drifts = [replace(drift, flags=()) if limits.of(drift.key).ignore else drift for drift in drifts]
    return sorted(drifts, key=lambda drift: (not drift.flags, -(drift.distance or 0.0), drift.key))


@dataclass(frozen=True, slots=True)
class _Test:
    """What a difference must exceed: chance, with this probability at most of calling it one by mistake, and limits."""

    level: float
    limits: FeatureLimits


def _lengths(this: Manifest, other: Manifest, test: _Test) -> Drift:
    kind = "sequence · number of steps"
    mine, theirs = this.histogram(), other.histogram()
    if mine.total == 0 or theirs.total == 0:
        return Drift(LENGTHS, kind, "Jensen-Shannon", None, None, True, ("one data set has no sequences",))
    binning = Binning.of(mine.merge(theirs), bars=24)
    first, second = (binning.counts(one).astype(np.float64) for one in (mine, theirs))
    bins = CommonBins(binning.edges.astype(np.float64), first, second, exact=True)
    draws = FeatureSample.sequences(this), FeatureSample.sequences(other)
    chance = distribution_bound(*draws, test.level)
    distance, flags = _distance(bins, cumulative_apart(first, second), chance, test.limits)
    beyond = _more_than(mine, theirs.max) * draws[0] / mine.total
    if beyond and extremes_probability(beyond, *draws) <= test.level:
        flags.append(f"longest sequence {theirs.max:,} → {mine.max:,} steps")
    return Drift(LENGTHS, kind, "Jensen-Shannon", distance, None, True, tuple(flags), bins)


def _more_than(lengths: LengthHistogram, limit: int) -> int:
    return int(lengths.counts[lengths.lengths > limit].sum())


def _feature(key: str, here: FeatureSample, there: FeatureSample, test: _Test) -> Drift:
    kind = describe_kind(here.feature, here.weights)
    old_kind = describe_kind(there.feature, there.weights)
    flags = [f"was {old_kind}"] if kind != old_kind else []
    flags += _rates(here, there, test)
    if is_categorical(here.feature, here.weights) != is_categorical(there.feature, there.weights):
        return Drift(key, kind, "", None, None, True, tuple(flags))
    if here.statistics.top or there.statistics.top:
        return _categories(key, kind, flags, here, there, test)
    whole = is_whole(here.feature, here.weights) and is_whole(there.feature, there.weights)
    bins = common_bins(here.statistics, there.statistics, whole=whole)
    if bins is None:
        return Drift(key, kind, "Jensen-Shannon", None, None, True, tuple(flags))
    if bins.exact:
        apart = cumulative_apart(bins.first, bins.second)
    else:
        apart = least_apart(histogram_of(here.statistics), histogram_of(there.statistics))
    chance = distribution_bound(here.counted_draws, there.counted_draws, test.level)
    distance, moved = _distance(bins, apart, chance, test.limits)
    flags += moved + _range(key, here, there, test)
    return Drift(key, kind, "Jensen-Shannon", distance, None, bins.exact, tuple(flags), bins, whole=whole)


def _distance(bins: CommonBins, apart: float, chance: float, limits: FeatureLimits) -> tuple[float, list[str]]:
    """The distance, and the flag it earns where the cumulative shares are further apart than by chance."""
    distance = jensen_shannon(bins.first, bins.second)
    if distance <= limits.distance or apart <= chance:
        return distance, []
    proof = f"cumulative shares differ by {number_text.share(apart)}, chance explains {number_text.share(chance)}"
    return distance, [f"distribution moved: Jensen-Shannon distance {distance:.3f}; {proof}"]


def _categories(key: str, kind: str, flags: list[str], here: FeatureSample, there: FeatureSample, test: _Test) -> Drift:
    mine = _top_counts(here.feature, here.statistics)
    theirs = _top_counts(there.feature, there.statistics)
    low, high, _ = l_infinity(mine, theirs)
    shares = [CategoryShares(name, mine.bounds(name), theirs.bounds(name)) for name in {*mine.counts, *theirs.counts}]
    shares.sort(key=lambda one: (-one.apart, -one.here[1], one.name))
    draws = here.counted_draws, there.counted_draws
    for one in shares:
        chance = share_bound(pooled(one.here[1], draws[0], one.there[1], draws[1]), *draws, test.level)
        if one.apart > max(test.limits.share, chance):
            moved = f"{bounds_text(one.there)} → {bounds_text(one.here)}"
            flags = [*flags, f"share of {number_text.shorten(one.name, 40)} moved: {moved}"]
            break
    at_most = high if high > low + 1e-9 else None
    return Drift(key, kind, "L-infinity", low, at_most, True, tuple(flags), categories=tuple(shares[:MOST_CATEGORIES]))


def _top_counts(feature: Feature, statistics: ColumnStatistics) -> TopCounts:
    """By what ids stand for, so that vocabularies in another order compare."""
    counts = Counter[str]()
    for value, count in statistics.top:
        counts[id_label(feature, value)] += count  # long strings that begin alike are one
    total = max(statistics.counted, 0)
    return TopCounts(counts, total, complete=counts.total() >= total)


def _rates(here: FeatureSample, there: FeatureSample, test: _Test) -> list[str]:
    flags = []
    for what, now, before in (
        ("missing", here.missing_rate, there.missing_rate),
        ("outside the vocabulary or range", here.repaired_rate, there.repaired_rate),
    ):
        chance = share_bound(pooled(now, here.draws, before, there.draws), here.draws, there.draws, test.level)
        if abs(now - before) > max(test.limits.rate, chance):
            flags.append(f"{what}: {number_text.share(before)} → {number_text.share(now)}")
    return flags


def _range(key: str, here: FeatureSample, there: FeatureSample, test: _Test) -> list[str]:
    """A flag where the range grew by more than its limit, and more sequences are beyond the old one than by chance."""
    (low, high), (old_low, old_high) = here.range, there.range
    room = test.limits.growth * (old_high - old_low)
    grown = low < old_low - room, high > old_high + room
    beyond = here.sequences_beyond(old_low, old_high)
    chances = [extremes_probability(one, here.independent, there.independent) for one in beyond]
    if not any(grew and chance <= test.level for grew, chance in zip(grown, chances, strict=True)):
        return []
    times = Timestamps.of(key, min(low, old_low), max(high, old_high))
    show = number_text.number if times is None else times.text
    return [f"range grew: {show(old_low)} to {show(old_high)} → {show(low)} to {show(high)}"]


def bounds_text(bounds: tuple[float, float]) -> str:
    """A share that is known, or what it is at most."""
    return number_text.share(bounds[0]) if bounds[0] == bounds[1] else f"≤ {number_text.share(bounds[1])}"


def flagged(drifts: Iterable[Drift]) -> list[Drift]:
    """Those that moved."""
    return [drift for drift in drifts if drift.flags]
