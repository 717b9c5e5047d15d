"""The written values of each feature, ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    ContextColumn,
    HashColumn,
    IdentityColumn,
    SequenceFeature,
    VocabularyColumn,
    context_features,
    feature_of,
    is_context,
    raw_context,
    sequence_features,
)
from lengthwise.columns.column_queries import feature_keys_of
from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report.chart_axes import percent_of
from lengthwise.report.chart_values import Chart
from lengthwise.report.number_histograms import histogram_chart
from lengthwise.report.number_text import count_text, decimal_text, percent_text, plural, shortened
from lengthwise.report.timestamps import Timestamps, value_text

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
        facts: (name, value) pairs.
        chart: the histogram of a numeric feature.
        top: the most frequent ids or strings.
        note: what is not shown, and why.
    """

    key: str
    kind: str
    names: str
    facts: tuple[tuple[str, str], ...]
    chart: Chart | None
    top: tuple[TopRow, ...]
    note: str


Feature = SequenceFeature | ContextColumn


def features_by_key(manifest: Manifest) -> dict[str, tuple[Feature, bool]]:
    """Each feature of the data set with the column that reads it, and whether it is the weights of that column."""
    features: dict[str, tuple[Feature, bool]] = {}
    for context in context_features(manifest.columns):
        features[context.key] = (context, False)
    for feature in (*sequence_features(manifest.columns), *raw_context(manifest.columns)):
        features[feature.key] = (feature, False)
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            features[weight_key] = (feature, True)
    return features


def feature_cards(manifest: Manifest) -> list[FeatureCard]:
    """One card per feature, sequences first, then sorted by key."""
    features = features_by_key(manifest)
    keys = [key for key in features if key in manifest.statistics]
    keys.sort(key=lambda key: (is_context(features[key][0]), key))
    return [_card(index, key, *features[key], manifest) for index, key in enumerate(keys)]


def id_label(feature: Feature, value: str) -> str:
    """The entry of an id in a vocabulary, or its OOV bucket; other ids and strings as they are."""
    if not isinstance(feature, VocabularyColumn) or not value.lstrip("-").isdecimal():
        return value
    number = int(value)
    if 0 <= number < feature.size:
        return str(feature.vocabulary[number])
    return f"(OOV bucket {number - feature.size})" if number >= feature.size else "(missing)"


def is_categorical(feature: Feature, weights: bool) -> bool:
    """Whether the values are ids."""
    return not weights and hasattr(feature, "num_buckets")


def describe_kind(feature: Feature, weights: bool) -> str:
    """The feature in a few words: `sequence · vocabulary of 1,596 + 3 OOV buckets`, `context · float32`."""
    place = "context" if is_context(feature) else "sequence"
    return f"{place} · {_describe_values(feature, weights)}"


def _describe_values(feature: Feature, weights: bool) -> str:
    if weights:
        return f"weights of {feature.key}"
    if isinstance(feature, VocabularyColumn):
        oov = f" + {plural(feature.num_oov_buckets, 'OOV bucket')}" if feature.num_oov_buckets else ""
        return f"vocabulary of {feature.size:,}{oov}"
    if isinstance(feature, HashColumn):
        return f"hashed into {feature.num_buckets:,} ids"
    if isinstance(feature, IdentityColumn):
        return f"ids below {feature.num_buckets:,}"
    if isinstance(feature, BytesColumn):
        return "bytes: the numbers are the sizes of steps, in bytes"
    return f"{feature.dtype}{_shape(feature.shape)}"


def _card(index: int, key: str, feature: Feature, weights: bool, manifest: Manifest) -> FeatureCard:
    statistics = manifest.statistics[key]
    categorical = is_categorical(feature, weights)
    repaired = manifest.counts.repaired.get(key, 0)
    names = [column.name for column in manifest.columns if _reads(column, key)]
    return FeatureCard(
        key=key,
        kind=describe_kind(feature, weights),
        names=", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else ""),
        facts=tuple(
            {**_facts(key, feature, categorical, statistics, repaired), **_counted_vocabulary(key, manifest)}.items()
        ),
        chart=histogram_chart(f"feature-{index}", key, statistics, whole=is_whole(feature, weights)),
        top=tuple(_top(feature, statistics)),
        note=_note(feature, categorical, statistics),
    )


def _reads(column: AnyColumn, key: str) -> bool:
    return key in feature_keys_of(feature_of(column))


def is_whole(feature: Feature, weights: bool) -> bool:
    """Whether the numbers are integers."""
    return not weights and (isinstance(feature, BytesColumn) or str(getattr(feature, "dtype", "")).startswith("int"))


_SHARES = ("0.05", "0.5", "0.95")


def _facts(
    key: str, feature: Feature, categorical: bool, statistics: ColumnStatistics, repaired: int
) -> Mapping[str, str]:
    values = statistics.values
    facts = {"values": count_text(values), "missing": _rate(statistics.missing, values)}
    if isinstance(feature, VocabularyColumn) and categorical:
        facts["missing or out of vocabulary"] = _rate(repaired, values)
    elif repaired:
        facts["missing or out of range"] = _rate(repaired, values)
    if categorical and statistics.distinct is not None:
        ids = feature.num_buckets  # type: ignore[union-attr]
        facts["distinct ids"] = f"{statistics.distinct:,} of {ids:,} ({percent_text(statistics.distinct / ids)})"
    elif statistics.distinct is not None:
        facts["distinct strings"] = count_text(statistics.distinct)
    low, high = statistics.min, statistics.max
    times = None if categorical else Timestamps.of(key, low, high)
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


def _top(feature: Feature, statistics: ColumnStatistics) -> list[TopRow]:
    highest = max((count for _, count in statistics.top), default=0)
    return [
        TopRow(
            value=shortened(id_label(feature, value), 80) or "(empty)",
            count=count,
            share=percent_text(count / statistics.values if statistics.values else 0.0),
            width=percent_of(count, highest),
        )
        for value, count in statistics.top[:MOST_TOP]
    ]


def _note(feature: Feature, categorical: bool, statistics: ColumnStatistics) -> str:
    uncounted = not statistics.top and statistics.counted > 0
    if categorical and uncounted:
        return "More than a million possible ids: they were not counted one by one."
    if isinstance(feature, ContextColumn) and feature.dtype == "string" and uncounted:
        return "More than 10,000 distinct strings: they were not counted one by one."
    if len(statistics.top) <= MOST_TOP:
        return ""
    total = "" if statistics.distinct is None else f" of {statistics.distinct:,}"
    return f"The {MOST_TOP} most frequent{total}."


def _shape(shape: tuple[int, ...]) -> str:
    return "" if shape in ((), (1,)) else f" of shape {list(shape)}"
