"""Boundaries that are quantiles of the training split: found when all is counted, or taken from an earlier data set."""

from collections.abc import Callable, Mapping
from typing import Any

from lengthwise.columns import AnyColumn, BucketizedColumn, Quantiles
from lengthwise.columns.column_base import Spec
from lengthwise.manifest import Manifest
from lengthwise.records.statistics.column_statistics import Partial
from lengthwise.records.statistics.training_numbers import quantile_boundaries


def found_boundaries(column: AnyColumn, statistics: Mapping[str, Partial]) -> Any:
    """The column with numbers for boundaries; as it is, where there is no number to take quantiles of."""

    def find(bucketized: BucketizedColumn, asked: Quantiles) -> tuple[float, ...] | Quantiles:
        part = statistics.get(bucketized.key)
        if asked.numbers is not None or part is None or part.training is None:
            return asked.numbers or asked
        return quantile_boundaries(part.training, asked.quantiles) or asked

    return _with_boundaries(column, find)


def boundaries_of(column: AnyColumn, other: AnyColumn) -> Any:
    """The column, whose quantiles are those that were found for the `other`."""
    known = _bucketized(other)

    def take(_: BucketizedColumn, asked: Quantiles) -> Quantiles:
        return asked if known is None else asked.model_copy(update={"numbers": known.limits})

    return _with_boundaries(column, take)


def without_numbers(manifest: Manifest) -> list[str]:
    """The keys of the columns in whose training split no number was found to take quantiles of."""
    found = map(_bucketized, manifest.columns)
    return [one.key for one in found if one is not None and isinstance(one.boundaries, Quantiles)]


def as_asked(content: Any) -> Any:
    """A described configuration, without the numbers that were filled in."""
    if isinstance(content, list):
        return list(map(as_asked, content))
    if not isinstance(content, dict):
        return content
    return {
        name: {"quantiles": value["quantiles"]}
        if name == "boundaries" and isinstance(value, dict) and "quantiles" in value
        else as_asked(value)
        for name, value in content.items()
    }


def _bucketized(column: Any) -> BucketizedColumn | None:
    found = getattr(column, "categorical_column", column)
    return found if isinstance(found, BucketizedColumn) else None


def _with_boundaries(spec: Any, find: Callable[[BucketizedColumn, Quantiles], tuple[float, ...] | Quantiles]) -> Any:
    changes = {name: _with_boundaries(value, find) for name, value in spec if isinstance(value, Spec)}
    if isinstance(spec, BucketizedColumn) and isinstance(spec.boundaries, Quantiles):
        changes["boundaries"] = find(spec, spec.boundaries)
    return spec.model_copy(update=changes) if changes else spec
