"""What the written values of each feature look like."""

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
from lengthwise.manifest import ColumnStatistics, Manifest
from lengthwise.report import number_text
from lengthwise.report.chart_values import Chart
from lengthwise.report.number_histograms import histogram_chart
from lengthwise.report.timestamps import Timestamps

MOST_TOP = 12
MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class TopRow:
    """One of the most frequent values; `width` is percent of the most frequent."""

    value: str
    count: int
    share: str
    width: float


@dataclass(frozen=True, slots=True)
class FeatureCard:
    """A feature, its rule and its numbers, ready to be shown.

    Attributes:
        key: the feature's name.
        kind: what it is, in words.
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
    """Each feature of the data set with the rule that reads it, and whether it is that rule's weights."""
    found: dict[str, tuple[Feature, bool]] = {one.key: (one, False) for one in context_features(manifest.columns)}
    for feature in (*sequence_features(manifest.columns), *raw_context(manifest.columns)):
        found[feature.key] = (feature, False)
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            found[weight_key] = (feature, True)
    return found


def feature_cards(manifest: Manifest) -> list[FeatureCard]:
    """One card a feature, sequences first, each kind sorted by key."""
    features = features_by_key(manifest)
    known = [key for key in features if key in manifest.statistics]
    order = sorted(known, key=lambda key: (is_context(features[key][0]), key))
    return [_card(place, key, *features[key], manifest) for place, key in enumerate(order)]


def id_label(feature: Feature, value: str) -> str:
    """What an id stands for: the vocabulary's entry, an OOV bucket, or the id itself; strings are themselves."""
    if not isinstance(feature, VocabularyColumn) or not value.lstrip("-").isdecimal():
        return value
    number = int(value)
    if 0 <= number < feature.size:
        return str(feature.vocabulary[number])
    return f"(OOV bucket {number - feature.size})" if number >= feature.size else "(missing)"


def is_categorical(feature: Feature, weights: bool) -> bool:
    """Whether its values are ids."""
    return not weights and hasattr(feature, "num_buckets")


def describe_kind(feature: Feature, weights: bool) -> str:
    """The feature in a few words: `sequence · vocabulary of 1,596 + 3 OOV buckets`, `context · float32`."""
    place = "context" if is_context(feature) else "sequence"
    return f"{place} · {_describe_values(feature, weights)}"


def _describe_values(feature: Feature, weights: bool) -> str:
    if weights:
        return f"weights of {feature.key}"
    if isinstance(feature, VocabularyColumn):
        oov = f" + {number_text.plural(feature.num_oov_buckets, 'OOV bucket')}" if feature.num_oov_buckets else ""
        return f"vocabulary of {feature.size:,}{oov}"
    if isinstance(feature, HashColumn):
        return f"hashed into {feature.num_buckets:,} ids"
    if isinstance(feature, IdentityColumn):
        return f"ids below {feature.num_buckets:,}"
    if isinstance(feature, BytesColumn):
        return "bytes: the numbers are the sizes of steps, in bytes"
    return f"{feature.dtype}{_shape(feature.shape)}"


def _card(place: int, key: str, feature: Feature, weights: bool, manifest: Manifest) -> FeatureCard:
    statistics = manifest.statistics[key]
    categorical = is_categorical(feature, weights)
    repaired = manifest.counts.repaired.get(key, 0)
    names = [column.name for column in manifest.columns if _reads(column, key)]
    return FeatureCard(
        key=key,
        kind=describe_kind(feature, weights),
        names=", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else ""),
        facts=tuple({**_facts(key, feature, categorical, statistics, repaired), **_counted(key, manifest)}.items()),
        chart=histogram_chart(f"feature-{place}", key, statistics, whole=is_whole(feature, weights)),
        top=tuple(_top(feature, statistics)),
        note=_note(feature, categorical, statistics),
    )


def _reads(column: AnyColumn, key: str) -> bool:
    feature = feature_of(column)
    return key in (getattr(feature, name, None) for name in ("key", "weight_key", "count_key"))


def is_whole(feature: Feature, weights: bool) -> bool:
    """Whether its numbers are integers."""
    return not weights and (isinstance(feature, BytesColumn) or str(getattr(feature, "dtype", "")).startswith("int"))


_SHARES = ("0.05", "0.5", "0.95")


def _facts(
    key: str, feature: Feature, categorical: bool, statistics: ColumnStatistics, repaired: int
) -> Mapping[str, str]:
    values = statistics.values
    facts = {"values": number_text.count(values), "missing": _rate(statistics.missing, values)}
    if isinstance(feature, VocabularyColumn) and categorical:
        facts["missing or out of vocabulary"] = _rate(repaired, values)
    elif repaired:
        facts["missing or out of range"] = _rate(repaired, values)
    if categorical and statistics.distinct is not None:
        ids = feature.num_buckets  # type: ignore[union-attr]
        facts["distinct ids"] = f"{statistics.distinct:,} of {ids:,} ({number_text.share(statistics.distinct / ids)})"
    elif statistics.distinct is not None:
        facts["distinct strings"] = number_text.count(statistics.distinct)
    low, high = statistics.min, statistics.max
    times = None if categorical else Timestamps.of(key, low, high)
    show = number_text.number if times is None else times.text
    if low is not None and high is not None:
        facts["range"] = f"{show(low)} to {show(high)}"
    if statistics.mean is not None and statistics.std is not None:
        spread = number_text.number(statistics.std) if times is None else times.duration(statistics.std)
        facts["mean ± std"] = f"{show(statistics.mean)} ± {spread}"
    if statistics.training is not None and len(statistics.training.counts) == 1:
        low, middle, high = (statistics.training.quantiles[share][0] for share in _SHARES)
        facts["in training: 5%, median, 95%"] = f"{show(low)}, {show(middle)}, {show(high)}"
    return facts


def _counted(key: str, manifest: Manifest) -> dict[str, str]:
    """What the vocabulary has of the data that it was made of."""
    told = manifest.vocabularies.get(key)
    if told is None:
        return {}
    values = f"{number_text.count(told.entries)} of {number_text.plural(told.distinct, 'value')}"
    return {
        "vocabulary counted in training": f"{values}, {number_text.share(told.covered / max(1, told.values))} of all"
    }


def _rate(part: int, whole: int) -> str:
    return f"{part:,} ({number_text.share(part / whole)})" if part and whole else number_text.count(part)


def _top(feature: Feature, statistics: ColumnStatistics) -> list[TopRow]:
    most = max((count for _, count in statistics.top), default=0) or 1
    return [
        TopRow(
            value=number_text.shorten(id_label(feature, value), 80) or "(empty)",
            count=count,
            share=number_text.share(count / statistics.values if statistics.values else 0.0),
            width=round(100 * count / most, 3),
        )
        for value, count in statistics.top[:MOST_TOP]
    ]


def _note(feature: Feature, categorical: bool, statistics: ColumnStatistics) -> str:
    uncounted = not statistics.top and statistics.counted > 0
    if categorical and uncounted:
        return "More than a million possible ids: they were not counted one by one."
    if isinstance(feature, ContextColumn) and feature.dtype == "string" and uncounted:
        return "More than 10,000 distinct strings: they were not counted one by one."
    if len(statistics.top) > MOST_TOP and statistics.distinct is not None:
        return f"The {MOST_TOP} most frequent of {statistics.distinct:,}."
    return f"The {MOST_TOP} most frequent." if len(statistics.top) > MOST_TOP else ""


def _shape(shape: tuple[int, ...]) -> str:
    return "" if shape in ((), (1,)) else f" of shape {list(shape)}"
