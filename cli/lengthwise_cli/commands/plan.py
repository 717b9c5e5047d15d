"""`lengthwise plan`: which buckets, and what padding they would cost."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from lengthwise_cli import shared_options

if TYPE_CHECKING:
    from lengthwise.buckets import LengthHistogram, MultiplePrice, PairComparison, PairHistogram, PlanComparison
    from lengthwise.config import JobConfig

EPILOG = """\b
Example:
  lengthwise plan job.yaml
  lengthwise plan job.yaml --count 8 --json

To use the settings of a plan, copy them to CONFIG, under buckets."""


@click.command("plan", cls=shared_options.BeamCommand, epilog=EPILOG)
@shared_options.config_file
@shared_options.input_files
@click.option("--count", type=click.IntRange(min=1), help="Number of buckets.  [default: from CONFIG or the data]")
@shared_options.workers
@shared_options.overrides
@shared_options.quiet
@shared_options.as_json
def command(
    config: str,
    files: tuple[str, ...],
    count: int | None,
    workers: int | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Plan buckets from the lengths of the data.

    Compares the boundaries and padding of the exact optimum with those of the usual plans, and shows the cost of
    boundaries that are multiples of 64, 32 and so on. If columns have groups, buckets are pairs of lengths of the
    first two groups. All valid sequences are counted, or the share of them that buckets.sample sets.
    """
    from lengthwise.errors import DataLimitError
    from lengthwise_cli.progress_display import watching
    from lengthwise_cli.scratch_folders import scratch_folder
    from lengthwise_cli.terminal import say, say_json

    with watching(quiet=quiet or as_json) as progress, scratch_folder(shared_options.beam_options()) as folder:
        job = shared_options.load(config, files, settings, buckets_count=count)
        from lengthwise.job import measure_lengths

        lengths = measure_lengths(
            job, workers=workers, runner_options=shared_options.beam_options(), progress=progress, folder=folder
        )
    if lengths.total == 0:
        raise DataLimitError("no valid sequence was found to plan from; `lengthwise check` lists what is wrong")
    from lengthwise.buckets import PairHistogram

    if isinstance(lengths, PairHistogram):
        _show_pairs(job, lengths, as_json=as_json)
        return
    plans, prices = _compare(job, lengths)
    if as_json:
        multiples = [price.to_dict() for price in prices]
        say_json({"lengths": lengths.to_dict(), "plans": [plan.to_dict() for plan in plans], "multiples": multiples})
    else:
        _say(lengths, plans)
        _say_prices(job, prices)
        say(f"buckets: {{boundaries: [{', '.join(map(str, plans[0].boundaries))}]}}")


def _show_pairs(job: "JobConfig", lengths: "PairHistogram", *, as_json: bool) -> None:
    """Prints the lengths and the plans of records of two lengths."""
    from lengthwise.buckets import PairPlan, compare_pairs
    from lengthwise.buckets.boundary_text import boundaries_text
    from lengthwise.columns import groups
    from lengthwise.job.planning.length_measurement import planned_lengths
    from lengthwise.job.planning.pair_counts import pair_planning
    from lengthwise_cli.terminal import say, say_json, say_table

    chosen = PairPlan(job.buckets.pairs) if job.buckets.pairs else None
    plans = compare_pairs(planned_lengths(job, lengths), chosen=chosen, **pair_planning(job))
    if as_json:
        say_json({"pairs": lengths.triples, "plans": [plan.to_dict() for plan in plans]})
        return
    first, second = (group or "(no name)" for group in groups(job.columns)[:2])
    longest = f"{lengths.max[0]:,} steps of {first} and {lengths.max[1]:,} of {second}"
    say(f"{lengths.total:,} valid records of up to {longest}")
    rows = [_plan_row(plan, plan.padding_shares, boundaries_text(plan.boundaries, most=6)) for plan in plans]
    head = ["plan", ">buckets", f">padding {first}", f">{second}", ">padded/real", "boundaries"]
    say_table("Plans", head, rows)
    say(f"buckets: {{pairs: [{', '.join(str(list(pair)) for pair in plans[0].boundaries)}]}}")


def _compare(
    job: "JobConfig", lengths: "LengthHistogram"
) -> "tuple[tuple[PlanComparison, ...], tuple[MultiplePrice, ...]]":
    """Returns the plans and the prices of multiples; no prices if the boundaries are given."""
    from lengthwise.buckets import BucketPlan, compare, price_multiples
    from lengthwise.job.planning.length_measurement import planned_lengths

    chosen = BucketPlan(job.buckets.boundaries) if job.buckets.boundaries else None
    lengths, planning = planned_lengths(job, lengths), job.buckets.planning
    plans = compare(lengths, chosen=chosen, **planning)
    planning.pop("multiple_of")
    return plans, () if chosen else price_multiples(lengths, **planning)


def _say(lengths: "LengthHistogram", plans: "tuple[PlanComparison, ...]") -> None:
    from lengthwise.buckets.boundary_text import boundaries_text
    from lengthwise_cli.terminal import say, say_table

    say(f"{lengths.total:,} valid sequences of {lengths.lengths[0]:,} to {lengths.lengths[-1]:,} steps")
    rows = [_plan_row(plan, [plan.padding_share], boundaries_text(plan.boundaries)) for plan in plans]
    say_table("Plans", ["plan", ">buckets", ">padding", ">padded/real", "boundaries"], rows)


def _plan_row(plan: "PlanComparison | PairComparison", shares: Iterable[float], boundaries: str) -> tuple[object, ...]:
    from lengthwise_cli.terminal import share_text

    padded_per_real = "-" if plan.padded_per_real is None else f"{plan.padded_per_real:.3f}"
    return plan.name, plan.num_buckets, *map(share_text, shares), padded_per_real, boundaries


def _say_prices(job: "JobConfig", prices: "tuple[MultiplePrice, ...]") -> None:
    from lengthwise.buckets import affordable
    from lengthwise_cli.terminal import say_table

    if not prices:
        return
    multiple_of = job.buckets.multiple_of
    if multiple_of == "auto":
        multiple_of = affordable(prices).multiple_of
    rows = [
        (
            price.multiple_of,
            price.plan.num_buckets,
            f"{price.padded_steps:,}",
            f"{price.added:+.1%}",
            "taken" if price.multiple_of == multiple_of else "",
        )
        for price in prices
    ]
    say_table("Multiples", [">multiple_of", ">buckets", ">padded steps", ">added", ""], rows)
