"""Two data sets side by side: which columns moved, and how far. Pure values; `compare.html.j2` shows them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lengthwise.buckets import LengthHistogram
from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report import text
from lengthwise.report.distances import TopCounts, jensen_shannon, l_infinity, sampling_distance
from lengthwise.report.features import Feature, describe_kind, features_by_key, id_label, is_categorical
from lengthwise.report.lengths import Binning
from lengthwise.report.rebin import CommonBins, common_bins

JS_LIMIT = 0.1
"""A Jensen-Shannon distance above this is flagged, unless chance explains half of it."""

L_INFINITY_LIMIT = 0.05
"""A category whose share differs by more than this is flagged."""

MOST_CATEGORIES = 8

RATE_LIMIT = 0.02
"""A missing or out-of-vocabulary rate that differs by more than this is flagged."""


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


def compare_manifests(this: Manifest, other: Manifest) -> list[Drift]:
    """Every feature of either data set and the lengths, those that moved first.

    Distances are of the written values, all splits together. Missing and out-of-vocabulary rates, ranges and kinds are
    compared as well.
    """
    mine, theirs = features_by_key(this), features_by_key(other)
    drifts = [_lengths(this.histogram(), other.histogram())]
    for key in sorted({*mine, *theirs}):
        if key not in theirs or key not in mine:
            where = "this" if key in mine else "the other"
            kind = describe_kind(*(mine if key in mine else theirs)[key])
            drifts.append(Drift(key, kind, "", None, None, True, (f"only in {where} data set",)))
            continue
        drifts.append(_feature(key, mine[key], theirs[key], this, other))
    return sorted(drifts, key=lambda drift: (not drift.flags, -(drift.distance or 0.0), drift.key))


def _lengths(mine: LengthHistogram, theirs: LengthHistogram) -> Drift:
    kind = "sequence · number of steps"
    if mine.total == 0 or theirs.total == 0:
        return Drift("sequence_length", kind, "Jensen-Shannon", None, None, True, ("one data set has no sequences",))
    binning = Binning.of(mine.merge(theirs), bars=24)
    first, second = (binning.counts(one).astype(np.float64) for one in (mine, theirs))
    bins = CommonBins(binning.edges.astype(np.float64), first, second, exact=True)
    distance, flags = _distance(bins, mine.total, theirs.total)
    if mine.max > theirs.max:
        flags.append(f"longest sequence {theirs.max:,} → {mine.max:,} steps")
    return Drift("sequence_length", kind, "Jensen-Shannon", distance, None, True, tuple(flags), bins)


def _feature(
    key: str, mine: tuple[Feature, bool], theirs: tuple[Feature, bool], this: Manifest, other: Manifest
) -> Drift:
    kind, old_kind = describe_kind(*mine), describe_kind(*theirs)
    flags = [f"was {old_kind}"] if kind != old_kind else []
    empty = ColumnStatistics(values=0)
    here, there = this.statistics.get(key, empty), other.statistics.get(key, empty)
    flags += _rates(here, there, this.counts.repaired.get(key, 0), other.counts.repaired.get(key, 0))
    if is_categorical(*mine) != is_categorical(*theirs):
        return Drift(key, kind, "", None, None, True, tuple(flags))
    if here.top or there.top:
        return _categories(key, kind, flags, (mine[0], here), (theirs[0], there))
    bins = common_bins(here, there)
    if bins is None:
        return Drift(key, kind, "Jensen-Shannon", None, None, True, tuple(flags))
    sequences = this.histogram().total, other.histogram().total
    distance, moved = _distance(bins, min(sequences[0], here.counted), min(sequences[1], there.counted))
    flags += moved + _range(here, there)
    return Drift(key, kind, "Jensen-Shannon", distance, None, bins.exact, tuple(flags), bins)


def _distance(bins: CommonBins, first: int, second: int) -> tuple[float, list[str]]:
    """The distance, and the flag it earns: steps of one sequence are alike, so a sequence counts as one draw."""
    distance = jensen_shannon(bins.first, bins.second)
    used = int(np.count_nonzero(bins.first + bins.second))
    if distance <= max(JS_LIMIT, 2 * sampling_distance(used, first, second)):
        return distance, []
    return distance, [f"distribution moved: Jensen-Shannon distance {distance:.3f}"]


def _categories(
    key: str,
    kind: str,
    flags: list[str],
    here: tuple[Feature, ColumnStatistics],
    there: tuple[Feature, ColumnStatistics],
) -> Drift:
    mine, theirs = _top_counts(*here), _top_counts(*there)
    low, high, worst = l_infinity(mine, theirs)
    noise = 2 * (1 / max(1, mine.total) + 1 / max(1, theirs.total)) ** 0.5
    if low > max(L_INFINITY_LIMIT, noise):
        moved = f"{bounds_text(theirs.bounds(worst))} → {bounds_text(mine.bounds(worst))}"
        flags = [*flags, f"share of {text.shorten(worst, 40)} moved: {moved}"]
    shares = [CategoryShares(name, mine.bounds(name), theirs.bounds(name)) for name in {*mine.counts, *theirs.counts}]
    shares.sort(key=lambda one: (-one.apart, -one.here[1], one.name))
    at_most = high if high > low + 1e-9 else None
    return Drift(key, kind, "L-infinity", low, at_most, True, tuple(flags), categories=tuple(shares[:MOST_CATEGORIES]))


def _top_counts(feature: Feature, statistics: ColumnStatistics) -> TopCounts:
    """By what ids stand for, so that vocabularies in another order compare."""
    counts = Counter[str]()
    for value, count in statistics.top:
        counts[id_label(feature, value)] += count  # long strings that begin alike are one
    total = max(statistics.counted, 0)
    return TopCounts(counts, total, complete=counts.total() >= total)


def _rates(here: ColumnStatistics, there: ColumnStatistics, repaired: int, was_repaired: int) -> list[str]:
    flags = []
    for what, now, before in (
        ("missing", here.missing / max(1, here.values), there.missing / max(1, there.values)),
        ("outside the vocabulary or range", repaired / max(1, here.values), was_repaired / max(1, there.values)),
    ):
        if abs(now - before) > RATE_LIMIT:
            flags.append(f"{what}: {text.share(before)} → {text.share(now)}")
    return flags


def _range(here: ColumnStatistics, there: ColumnStatistics) -> list[str]:
    assert None not in (here.min, here.max, there.min, there.max)
    room = 0.1 * (there.max - there.min)  # type: ignore[operator]
    below, above = here.min < there.min - room, here.max > there.max + room  # type: ignore[operator]
    if not (below or above):
        return []
    spans = (f"{text.number(one.min)} to {text.number(one.max)}" for one in (there, here))
    return ["range grew: " + " → ".join(spans)]


def bounds_text(bounds: tuple[float, float]) -> str:
    """A share that is known, or what it is at most."""
    return text.share(bounds[0]) if bounds[0] == bounds[1] else f"≤ {text.share(bounds[1])}"


def flagged(drifts: Iterable[Drift]) -> list[Drift]:
    """Those that moved."""
    return [drift for drift in drifts if drift.flags]
