"""Boundaries that are quantiles of the training split: found when all is counted, or taken from an earlier data set."""

from collections.abc import Callable, Mapping
from typing import Any

from lengthwise.columns import AnyColumn, BucketizedColumn, Quantiles
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import parts_of, with_changed_parts
from lengthwise.manifest import Manifest
from lengthwise.nested_mappings import with_changed_mappings
from lengthwise.records.statistics.column_statistics import Partial
from lengthwise.records.statistics.training_numbers import quantile_boundaries


def found_boundaries(column: AnyColumn, statistics: Mapping[str, Partial]) -> AnyColumn:
    """The column with numbers for boundaries; as it is, where there is no number to take quantiles of."""

    def find(bucketized: BucketizedColumn, asked: Quantiles) -> tuple[float, ...] | Quantiles:
        part = statistics.get(bucketized.key)
        if asked.numbers is not None or part is None or part.training is None:
            return asked.numbers or asked
        return quantile_boundaries(part.training, asked.quantiles) or asked

    return _with_boundaries(column, find)


def boundaries_of(column: AnyColumn, other: AnyColumn) -> AnyColumn:
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

    def change(mapping: dict[str, Any]) -> dict[str, Any]:
        asked = mapping.get("boundaries")
        if isinstance(asked, dict) and "quantiles" in asked:
            return mapping | {"boundaries": {"quantiles": asked["quantiles"]}}
        return mapping

    return with_changed_mappings(content, change)


def _bucketized(column: AnyColumn) -> BucketizedColumn | None:
    return next((part for part in parts_of(column) if isinstance(part, BucketizedColumn)), None)


def _with_boundaries(
    column: AnyColumn, find: Callable[[BucketizedColumn, Quantiles], tuple[float, ...] | Quantiles]
) -> AnyColumn:
    def change(part: Spec) -> dict[str, Any]:
        if isinstance(part, BucketizedColumn) and isinstance(part.boundaries, Quantiles):
            return {"boundaries": find(part, part.boundaries)}
        return {}

    return with_changed_parts(column, change)
