"""The whole page, computed only from the manifest and the rejects: identical data gives identical bytes."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.manifest import Manifest
from lengthwise.printable_text import visible_lines
from lengthwise.reject_reasons import Reject
from lengthwise.report.data_set_names import MAX_NAME_LENGTH
from lengthwise.report.drift_comparison import compare_for_report
from lengthwise.report.drift_limits import DriftLimits
from lengthwise.report.feature_cards import feature_cards
from lengthwise.report.length_charts import length_chart
from lengthwise.report.number_text import count_text, percent_text, plural, short_count, shortened, size_text
from lengthwise.report.padding_tables import bucket_rows, count_chart, group_rows, plan_rows
from lengthwise.report.pair_charts import pair_chart
from lengthwise.report.reject_examples import raw_text, reason_rows
from lengthwise.report.reproduction import reproduction_recipe
from lengthwise.report.shard_sizes import shard_chart, shard_rows

if TYPE_CHECKING:
    from jinja2 import Environment


def render_report(
    manifest: Manifest,
    rejects_examples: Iterable[Reject] = (),
    compare: Manifest | None = None,
    *,
    fault: str = "",
    name: str = "",
    compare_name: str = "",
) -> str:
    """The report as one self-contained HTML page: no scripts, no network.

    Args:
        manifest: of the data set; the vocabulary files in its columns must be readable (`load_manifest` ensures it).
        rejects_examples: some of the rejects, see `reject_examples.first_examples`.
        compare: another data set to compare this one with.
        fault: the exceeded limit, if the data set was not published; else empty.
        name: the name of the data set; may be empty.
        compare_name: the name of the other data set.
    """
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            manifest=manifest,
            fault=fault,
            name=shortened(name, MAX_NAME_LENGTH),
            counts=manifest.counts,
            rejected=sum(manifest.counts.rejected.values()),
            length_chart=length_chart(manifest),
            totals=manifest.totals,
            buckets=bucket_rows(manifest),
            plans=plan_rows(manifest),
            padded_groups=group_rows(manifest),
            count_chart=count_chart(manifest),
            pair_chart=pair_chart(manifest),
            all_boundaries=", ".join(map(bounds_text, manifest.buckets)),
            reasons=reason_rows(manifest.counts, rejects_examples),
            features=feature_cards(manifest),
            shard_rows=shard_rows(manifest),
            shard_chart=shard_chart(manifest),
            recipe=reproduction_recipe(manifest),
            comparison=None if compare is None else compare_for_report(manifest, compare, name, compare_name),
            default_limits=DriftLimits(),
        )
    )


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lengthwise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters.update(
        count=count_text,
        short_count=short_count,
        share=percent_text,
        size=size_text,
        plural=plural,
        shortened=shortened,
        raw_text=raw_text,
    )
    return environment


def _visible(value: Any) -> Any:
    """The printed value of an expression: strings from data without invisible characters; markup as it is."""
    return visible_lines(value) if type(value) is str else value
