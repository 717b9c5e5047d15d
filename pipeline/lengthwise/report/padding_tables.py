"""How much is padding: bucket by bucket, against the plans that others make, and by the number of buckets."""

from dataclasses import dataclass

from lengthwise.buckets import (
    Bounds,
    Cost,
    PairComparison,
    PlanComparison,
    common_multiple,
    compare,
    compare_pairs,
    padding_by_count,
)
from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.manifest import Manifest
from lengthwise.report import number_text
from lengthwise.report.chart_axes import Axis, counting_axis
from lengthwise.report.chart_values import Chart, ChartDot, ChartMark, ChartTable
from lengthwise.report.pair_charts import pair_histogram, pair_plan

MOST_COUNTED = 32  # buckets that the curve goes to, unless more were chosen
MOST_ROWS = 40
_MOST_CELLS = 20_000_000  # of the programme that plans: buckets x distinct lengths


@dataclass(frozen=True, slots=True)
class BucketRow:
    """A bucket, all splits together; `real` and `padding` are percent of the largest bucket's padded steps."""

    lengths: str
    sequences: int
    padded_steps: int
    share: str
    real: float
    padding: float


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan beside the chosen one; `width` is percent of the worst plan's padding share."""

    name: str
    buckets: int
    share: str
    per_real: str
    width: float
    chosen: bool


def bucket_rows(manifest: Manifest) -> list[BucketRow]:
    """Every bucket that has sequences, and what of it is padding; the smallest of very many buckets are left out."""
    sums = {bucket: one for bucket, one in enumerate(manifest.totals_by_bucket()) if one.sequences}
    most = max((one.padded_steps for one in sums.values()), default=0) or 1
    kept = sorted(sorted(sums, key=lambda bucket: (-sums[bucket].padded_steps, bucket))[:MOST_ROWS])
    first = 0 if any(0 in lengths for lengths in manifest.lengths.values()) else 1
    return [
        BucketRow(
            lengths=_range(manifest.buckets, bucket, first),
            sequences=sums[bucket].sequences,
            padded_steps=sums[bucket].padded_steps,
            share=number_text.share(sums[bucket].padding_share),
            real=round(100 * sums[bucket].steps / most, 3),
            padding=round(100 * (sums[bucket].padded_steps - sums[bucket].steps) / most, 3),
        )
        for bucket in kept
    ]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of sequences with a length of their own; `real` and `padding` are percent of the largest's steps."""

    name: str
    steps: int
    padded_steps: int
    share: str
    real: float
    padding: float


def group_rows(manifest: Manifest) -> list[GroupRow]:
    """What of each group is padding, the leading group first; none where there is one group."""
    if not manifest.groups:
        return []
    sums = manifest.totals_by_group
    most = max(one.padded_steps for one in sums.values()) or 1
    return [
        GroupRow(
            name=name or "(no name)",
            steps=one.steps,
            padded_steps=one.padded_steps,
            share=number_text.share(one.padding_share),
            real=round(100 * one.steps / most, 3),
            padding=round(100 * (one.padded_steps - one.steps) / most, 3),
        )
        for name, one in sums.items()
    ]


def plan_rows(manifest: Manifest) -> list[PlanRow]:
    """The chosen plan and the usual ones, on the lengths that were written; none where nothing was."""
    histogram = manifest.histogram()
    if histogram.total == 0:
        return []
    if len(manifest.buckets[0]) > 1:
        pairs = pair_histogram(manifest)
        compared = compare_pairs(pairs, chosen=pair_plan(manifest))
        return [_plan_row(plan, max(one.padding_share for one in compared) or 1.0) for plan in compared]
    chosen = manifest.plan
    count = min(chosen.num_buckets, max(1, _MOST_CELLS // len(histogram.lengths)))
    plans = compare(histogram, count=count, chosen=chosen, cost=_cost(manifest), multiple_of=_multiple_of(manifest))
    worst = max(plan.padding_share for plan in plans) or 1.0
    return [_plan_row(plan, worst) for plan in plans]


def count_chart(manifest: Manifest) -> Chart | None:
    """The padding of the optimal plan by its number of buckets, and where the chosen plan is."""
    histogram = manifest.histogram()
    if histogram.total == 0 or len(manifest.buckets[0]) > 1:
        return None
    chosen = manifest.plan
    most = max(MOST_COUNTED, min(chosen.num_buckets, 2 * MOST_COUNTED))
    curve = padding_by_count(
        histogram, most, cost=_cost(manifest), multiple_of=_multiple_of(manifest), max_length=chosen.max_length
    )
    share = chosen.padding_share(histogram)
    x, y = Axis(0.0, float(max(curve[-1][0], min(chosen.num_buckets, most)))), counting_axis(max(share, curve[0][1]))
    own = ChartDot(
        x.place(chosen.num_buckets),
        100 - y.place(share),
        f"chosen: {number_text.plural(chosen.num_buckets, 'bucket')}, {number_text.share(share)} padding",
        "tone-2",
    )
    return Chart(
        id="padding-by-count",
        title="Padding by the number of buckets",
        description=f"The chosen plan has {number_text.plural(chosen.num_buckets, 'bucket')} and "
        f"{number_text.share(share)} padding. " + _gains(dict(curve)),
        x_title="number of buckets, k",
        y_title="padding share",
        x_ticks=tuple(tick for tick in x.ticks(8) if "." not in tick.text),
        y_ticks=y.ticks(4, number_text.share),
        dots=tuple(
            ChartDot(x.place(k), round(100 - y.place(part), 3), f"k = {k}: {number_text.share(part)}")
            for k, part in curve
        ),
        marks=(ChartMark(own.x, f"chosen k = {chosen.num_buckets}", "chosen"),),
        chosen=own,
        legend=(("tone-0", "optimal plan of k buckets"), ("tone-2", "chosen plan")),
        table=ChartTable(
            ("Buckets", "Padding of the optimal plan"), tuple((str(k), number_text.share(part)) for k, part in curve)
        ),
    )


def _gains(curve: dict[int, float]) -> str:
    shown = [k for k in (1, 2, 4, 8, 16, 32) if k in curve]
    return "Optimal plans: " + ", ".join(f"{number_text.share(curve[k])} with {k}" for k in shown) + "."


def _plan_row(plan: PlanComparison | PairComparison, worst: float) -> PlanRow:
    name = "pad to the longest" if plan.name == "one bucket" else plan.name
    return PlanRow(
        name=name,
        buckets=plan.num_buckets,
        share=number_text.share(plan.padding_share),
        per_real=number_text.NONE if plan.padded_per_real is None else f"{plan.padded_per_real:.3f}",
        width=round(100 * plan.padding_share / worst, 3),
        chosen=plan.name == "chosen",
    )


def _range(bounds: Bounds, bucket: int, shortest: int) -> str:
    if len(bounds[bucket]) > 1:
        return f"up to {bounds_text(bounds[bucket])}"
    first = bounds[bucket - 1][0] + 1 if bucket else shortest
    return number_text.between(first, bounds[bucket][0])


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
