"""Boundaries that are quantiles of the training split: computed at the end, or those of an earlier data set."""

from collections.abc import Callable, Mapping
from typing import Any

from lengthwise.columns import AnyColumn, BucketizedColumn, Quantiles
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import parts_of, with_changed_parts
from lengthwise.manifest import Manifest
from lengthwise.nested_mappings import with_changed_mappings
from lengthwise.records.statistics.partial_statistics import PartialStatistics
from lengthwise.records.statistics.training_numbers import quantile_boundaries


def found_boundaries(column: AnyColumn, statistics: Mapping[str, PartialStatistics]) -> AnyColumn:
    """The column with numbers for boundaries; unchanged if the training split has no numbers."""

    def find(bucketized: BucketizedColumn, requested: Quantiles) -> tuple[float, ...] | Quantiles:
        part = statistics.get(bucketized.key)
        if requested.numbers is not None or part is None or part.training is None:
            return requested.numbers or requested
        return quantile_boundaries(part.training, requested.quantiles) or requested

    return _with_boundaries(column, find)


def with_boundaries_of(column: AnyColumn, earlier: AnyColumn) -> AnyColumn:
    """The column with the quantiles that were computed for an `earlier` data set."""
    known = _bucketized(earlier)

    def take(_: BucketizedColumn, requested: Quantiles) -> Quantiles:
        return requested if known is None else requested.model_copy(update={"numbers": known.boundary_values})

    return _with_boundaries(column, take)


def keys_without_numbers(manifest: Manifest) -> list[str]:
    """The keys of the columns whose quantiles are unknown, as the training split has no numbers."""
    columns = [column for column in map(_bucketized, manifest.columns) if column is not None]
    return [column.key for column in columns if isinstance(column.boundaries, Quantiles)]


def without_computed_numbers(content: Any) -> Any:
    """A described configuration without the numbers that were computed for quantiles."""

    def change(mapping: dict[str, Any]) -> dict[str, Any]:
        requested = mapping.get("boundaries")
        if isinstance(requested, dict) and "quantiles" in requested:
            return mapping | {"boundaries": {"quantiles": requested["quantiles"]}}
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
