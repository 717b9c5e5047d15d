"""The page, put together. A function of the manifest and the rejects alone: equal data gives equal bytes."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.manifest import Manifest
from lengthwise.printable_text import visible_lines
from lengthwise.reject_reasons import Reject
from lengthwise.report import number_text
from lengthwise.report.data_set_names import LONGEST
from lengthwise.report.drift_comparison import comparison
from lengthwise.report.drift_limits import DriftLimits
from lengthwise.report.feature_cards import feature_cards
from lengthwise.report.length_charts import length_chart
from lengthwise.report.padding_tables import bucket_rows, count_chart, group_rows, plan_rows
from lengthwise.report.pair_charts import pair_chart
from lengthwise.report.reject_examples import reason_rows
from lengthwise.report.reproduction import recipe
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
        manifest: of the data set; vocabulary files in its columns must be readable (`load_manifest` sees to that).
        rejects_examples: some of the rejects, see `rejects.first_examples`.
        compare: another data set, to be shown beside this one.
        fault: the limit that the data broke, so that nothing was published; empty where all is well.
        name: what people call the data set; empty where nobody knows.
        compare_name: what they call the other one.
    """
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            manifest=manifest,
            fault=fault,
            name=number_text.shorten(name, LONGEST),
            counts=manifest.counts,
            rejected=sum(manifest.counts.rejected.values()),
            lengths=manifest.histogram(),
            length_chart=length_chart(manifest),
            totals=manifest.totals,
            buckets=bucket_rows(manifest),
            plans=plan_rows(manifest),
            groups=group_rows(manifest),
            count_chart=count_chart(manifest),
            pair_chart=pair_chart(manifest),
            all_boundaries=", ".join(map(bounds_text, manifest.buckets)),
            reasons=reason_rows(manifest.counts, rejects_examples),
            features=feature_cards(manifest),
            shard_rows=shard_rows(manifest),
            shard_chart=shard_chart(manifest),
            recipe=recipe(manifest),
            comparison=None if compare is None else comparison(manifest, compare, name, compare_name),
            false_alarms=DriftLimits().false_alarms,
            text=number_text,
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
        count=number_text.count, share=number_text.share, size=number_text.size, plural=number_text.plural
    )
    return environment


def _visible(value: Any) -> Any:
    """What an expression prints: foreign text without invisible characters; markup as it is."""
    return visible_lines(value) if type(value) is str else value
