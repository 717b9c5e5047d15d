"""How much is padding: by bucket, by group, compared with other plans, and by the number of buckets."""

from collections.abc import Sequence
from dataclasses import dataclass

from lengthwise.buckets import (
    Bounds,
    Cost,
    PairComparison,
    PairPlan,
    PlanComparison,
    common_multiple,
    compare,
    compare_pairs,
    padding_by_count,
    plan_of,
)
from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.manifest import Manifest, Totals
from lengthwise.report.chart_axes import Axis, counting_axis, percent_of
from lengthwise.report.chart_values import Chart, ChartDot, ChartMark, ChartTable
from lengthwise.report.number_text import NO_NUMBER, count_range_text, percent_text, plural
from lengthwise.report.pair_charts import pair_histogram

MOST_COUNTED = 32  # the maximum number of buckets of the curve, unless the chosen plan has more
MOST_ROWS = 40
_MOST_CELLS = 20_000_000  # of the planning programme: buckets x distinct lengths


@dataclass(frozen=True, slots=True)
class PaddingRow:
    """The padding of a bucket or a group, all splits together.

    Attributes:
        name: the lengths of the bucket, or the name of the group.
        count: the sequences of the bucket, or the real steps of the group.
        padded_steps: all steps after padding.
        share: the share of padding.
        real: the real steps as a percentage of the largest number of padded steps in the table.
        padding: the padding as a percentage of the same number.
    """

    name: str
    count: int
    padded_steps: int
    share: str
    real: float
    padding: float


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan; `width` is a percentage of the worst plan's padding share."""

    name: str
    buckets: int
    share: str
    per_real: str
    width: float
    chosen: bool


def bucket_rows(manifest: Manifest) -> list[PaddingRow]:
    """The padding of each bucket that has sequences; if there are very many buckets, without the smallest."""
    totals = {bucket: total for bucket, total in enumerate(manifest.totals_by_bucket()) if total.sequences}
    largest_first = sorted(totals, key=lambda bucket: (-totals[bucket].padded_steps, bucket))
    most = totals[largest_first[0]].padded_steps if totals else 0
    shortest = 0 if any(0 in lengths for lengths in manifest.lengths.values()) else 1
    rows = []
    for bucket in sorted(largest_first[:MOST_ROWS]):
        name = _lengths_text(manifest.buckets, bucket, shortest)
        rows.append(_padding_row(name, totals[bucket].sequences, totals[bucket], most))
    return rows


def group_rows(manifest: Manifest) -> list[PaddingRow]:
    """The padding of each group, the leading group first; empty if there is one group."""
    if not manifest.groups:
        return []
    totals = manifest.totals_by_group
    most = max(total.padded_steps for total in totals.values())
    return [_padding_row(name or "(no name)", total.steps, total, most) for name, total in totals.items()]


def _padding_row(name: str, count: int, total: Totals, most: int) -> PaddingRow:
    return PaddingRow(
        name=name,
        count=count,
        padded_steps=total.padded_steps,
        share=percent_text(total.padding_share),
        real=percent_of(total.steps, most),
        padding=percent_of(total.padded_steps - total.steps, most),
    )


def plan_rows(manifest: Manifest) -> list[PlanRow]:
    """The chosen plan and the usual ones, on the written lengths; empty if nothing was written."""
    histogram = manifest.histogram()
    if histogram.total == 0:
        return []
    plans: Sequence[PlanComparison | PairComparison]
    chosen = plan_of(manifest.buckets)
    if isinstance(chosen, PairPlan):
        plans = compare_pairs(pair_histogram(manifest), chosen=chosen)
    else:
        count = min(chosen.num_buckets, max(1, _MOST_CELLS // len(histogram.lengths)))
        plans = compare(histogram, count=count, chosen=chosen, cost=_cost(manifest), multiple_of=_multiple_of(manifest))
    worst = max(plan.padding_share for plan in plans)
    return [_plan_row(plan, worst) for plan in plans]


def count_chart(manifest: Manifest) -> Chart | None:
    """The padding of the optimal plan by its number of buckets, with the chosen plan; None if buckets are pairs."""
    histogram = manifest.histogram()
    chosen = plan_of(manifest.buckets)
    if histogram.total == 0 or isinstance(chosen, PairPlan):
        return None
    most = max(MOST_COUNTED, min(chosen.num_buckets, 2 * MOST_COUNTED))
    curve = padding_by_count(
        histogram, most, cost=_cost(manifest), multiple_of=_multiple_of(manifest), max_length=chosen.max_length
    )
    share = chosen.padding_share(histogram)
    x, y = Axis(0.0, float(max(curve[-1][0], min(chosen.num_buckets, most)))), counting_axis(max(share, curve[0][1]))
    chosen_dot = ChartDot(
        x.place(chosen.num_buckets),
        100 - y.place(share),
        f"chosen: {plural(chosen.num_buckets, 'bucket')}, {percent_text(share)} padding",
        "tone-2",
    )
    return Chart(
        id="padding-by-count",
        title="Padding by the number of buckets",
        description=f"The chosen plan has {plural(chosen.num_buckets, 'bucket')} and "
        f"{percent_text(share)} padding. " + _optimal_shares_text(dict(curve)),
        x_title="number of buckets, k",
        y_title="padding share",
        x_ticks=x.ticks(8, whole=True),
        y_ticks=y.ticks(4, percent_text),
        dots=tuple(
            ChartDot(x.place(k), round(100 - y.place(part), 3), f"k = {k}: {percent_text(part)}") for k, part in curve
        ),
        marks=(ChartMark(chosen_dot.x, f"chosen k = {chosen.num_buckets}", "chosen"),),
        chosen=chosen_dot,
        legend=(("tone-0", "optimal plan of k buckets"), ("tone-2", "chosen plan")),
        table=ChartTable(
            ("Buckets", "Padding of the optimal plan"), tuple((str(k), percent_text(part)) for k, part in curve)
        ),
    )


def _optimal_shares_text(curve: dict[int, float]) -> str:
    shares = [f"{percent_text(curve[k])} with {k}" for k in (1, 2, 4, 8, 16, 32) if k in curve]
    return f"Optimal plans: {', '.join(shares)}."


def _plan_row(plan: PlanComparison | PairComparison, worst: float) -> PlanRow:
    name = "pad to the longest" if plan.name == "one bucket" else plan.name
    return PlanRow(
        name=name,
        buckets=plan.num_buckets,
        share=percent_text(plan.padding_share),
        per_real=NO_NUMBER if plan.padded_per_real is None else f"{plan.padded_per_real:.3f}",
        width=percent_of(plan.padding_share, worst),
        chosen=plan.name == "chosen",
    )


def _lengths_text(bounds: Bounds, bucket: int, shortest: int) -> str:
    if len(bounds[bucket]) > 1:
        return f"up to {bounds_text(bounds[bucket])}"
    first = bounds[bucket - 1][0] + 1 if bucket else shortest
    return count_range_text(first, bounds[bucket][0])


def _cost(manifest: Manifest) -> Cost:
    return "quadratic" if _planned(manifest, "cost", "linear") == "quadratic" else "linear"


def _multiple_of(manifest: Manifest) -> int:
    multiple = _planned(manifest, "multiple_of", 1)
    if multiple == "auto" and _planned(manifest, "boundaries", None) is None:
        return common_multiple(manifest.boundaries)
    return multiple if isinstance(multiple, int) and manifest.boundaries[-1] % max(1, multiple) == 0 else 1


def _planned(manifest: Manifest, name: str, default: object) -> object:
    buckets = manifest.config.get("buckets")
    return buckets.get(name, default) if isinstance(buckets, dict) else default
