"""The written values of each feature, ready to be shown."""

from dataclasses import dataclass

from lengthwise.columns import AnyColumn, ContextColumn, VocabularyColumn, feature_of
from lengthwise.columns.column_queries import feature_keys_of
from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report.chart_axes import percent_of
from lengthwise.report.chart_values import Chart
from lengthwise.report.number_histograms import histogram_chart
from lengthwise.report.number_text import count_text, decimal_text, percent_text, plural, shortened
from lengthwise.report.timestamps import Timestamps, value_text
from lengthwise.report.written_features import WrittenFeature, written_features

MOST_TOP = 12
MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class TopRow:
    """One of the most frequent values; `width` is a percentage of the most frequent."""

    value: str
    count: int
    share: str
    width: float


@dataclass(frozen=True, slots=True)
class FeatureCard:
    """A feature and its statistics.

    Attributes:
        key: the feature's name.
        kind: a description of the feature.
        names: the columns that read it.
        facts: the values by name.
        chart: the histogram of a numeric feature.
        top: the most frequent ids or strings.
        note: what is not shown, and why.
    """

    key: str
    kind: str
    names: str
    facts: dict[str, str]
    chart: Chart | None
    top: tuple[TopRow, ...]
    note: str


def feature_cards(manifest: Manifest) -> list[FeatureCard]:
    """One card per feature, sequences first, then sorted by key."""
    features = [feature for key, feature in written_features(manifest).items() if key in manifest.statistics]
    features.sort(key=lambda feature: (feature.in_context, feature.key))
    return [_card(index, feature, manifest) for index, feature in enumerate(features)]


def _card(index: int, feature: WrittenFeature, manifest: Manifest) -> FeatureCard:
    key = feature.key
    statistics = manifest.statistics[key]
    repaired = manifest.counts.repaired.get(key, 0)
    names = [column.name for column in manifest.columns if _reads(column, key)]
    return FeatureCard(
        key=key,
        kind=feature.kind,
        names=", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else ""),
        facts=_facts(feature, statistics, repaired) | _counted_vocabulary(key, manifest),
        chart=histogram_chart(f"feature-{index}", key, statistics, whole=feature.is_whole),
        top=tuple(_top(feature, statistics)),
        note=_note(feature, statistics),
    )


def _reads(column: AnyColumn, key: str) -> bool:
    return key in feature_keys_of(feature_of(column))


_SHARES = ("0.05", "0.5", "0.95")


def _facts(feature: WrittenFeature, statistics: ColumnStatistics, repaired: int) -> dict[str, str]:
    values, ids = statistics.values, feature.num_ids
    facts = {"values": count_text(values), "missing": _rate(statistics.missing, values)}
    if ids is not None and isinstance(feature.column, VocabularyColumn):
        facts["missing or out of vocabulary"] = _rate(repaired, values)
    elif repaired:
        facts["missing or out of range"] = _rate(repaired, values)
    if ids is not None and statistics.distinct is not None:
        facts["distinct ids"] = f"{statistics.distinct:,} of {ids:,} ({percent_text(statistics.distinct / ids)})"
    elif statistics.distinct is not None:
        facts["distinct strings"] = count_text(statistics.distinct)
    low, high = statistics.min, statistics.max
    times = None if ids is not None else Timestamps.of(feature.key, low, high)
    text = value_text(times)
    if low is not None and high is not None:
        facts["range"] = f"{text(low)} to {text(high)}"
    if statistics.mean is not None and statistics.std is not None:
        deviation = decimal_text(statistics.std) if times is None else times.duration(statistics.std)
        facts["mean ± std"] = f"{text(statistics.mean)} ± {deviation}"
    if statistics.training is not None and len(statistics.training.counts) == 1:
        quantiles = [statistics.training.quantiles[share][0] for share in _SHARES]
        facts["in training: 5%, median, 95%"] = ", ".join(map(text, quantiles))
    return facts


def _counted_vocabulary(key: str, manifest: Manifest) -> dict[str, str]:
    """How much of the training split a counted vocabulary covers."""
    counted = manifest.vocabularies.get(key)
    if counted is None:
        return {}
    values = f"{count_text(counted.entries)} of {plural(counted.distinct, 'value')}"
    covered = percent_text(counted.covered / max(1, counted.values))
    return {"vocabulary counted in training": f"{values}, {covered} of all"}


def _rate(part: int, whole: int) -> str:
    return f"{part:,} ({percent_text(part / whole)})" if part and whole else count_text(part)


def _top(feature: WrittenFeature, statistics: ColumnStatistics) -> list[TopRow]:
    highest = max((count for _, count in statistics.top), default=0)
    return [
        TopRow(
            value=shortened(feature.entry_text(value), 80) or "(empty)",
            count=count,
            share=percent_text(count / statistics.values if statistics.values else 0.0),
            width=percent_of(count, highest),
        )
        for value, count in statistics.top[:MOST_TOP]
    ]


def _note(feature: WrittenFeature, statistics: ColumnStatistics) -> str:
    uncounted = not statistics.top and statistics.counted > 0
    if feature.num_ids is not None and uncounted:
        return "More than a million possible ids: they were not counted one by one."
    if isinstance(feature.column, ContextColumn) and feature.column.dtype == "string" and uncounted:
        return "More than 10,000 distinct strings: they were not counted one by one."
    if len(statistics.top) <= MOST_TOP:
        return ""
    total = "" if statistics.distinct is None else f" of {statistics.distinct:,}"
    return f"The {MOST_TOP} most frequent{total}."
