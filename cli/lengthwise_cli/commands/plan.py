"""`lengthwise plan`: which buckets, and what padding they would cost."""

from typing import TYPE_CHECKING

import click

from lengthwise_cli import options

if TYPE_CHECKING:
    from lengthwise.buckets import LengthHistogram, PlanComparison
    from lengthwise.config import JobConfig

EPILOG = """\b
Example:
  lengthwise plan job.yaml
  lengthwise plan job.yaml --count 8 --json

Put what you like into CONFIG, under buckets."""


@click.command("plan", cls=options.BeamCommand, epilog=EPILOG)
@options.config_file
@options.input_files
@click.option("--count", type=click.IntRange(min=1), help="How many buckets.  [default: CONFIG's, else the knee]")
@options.workers
@options.overrides
@options.quiet
@options.as_json
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

    Shows the boundaries and padding of the exact optimum beside those of the usual plans. All of the valid sequences
    count, or the share that buckets.sample says.
    """
    from lengthwise_cli.scratch import scratch_folder
    from lengthwise_cli.terminal import say_json
    from lengthwise_cli.watch import watching

    with watching(quiet=quiet or as_json) as progress, scratch_folder(options.beam_options()) as folder:
        job = options.load(config, files, settings, buckets_count=count)
        from lengthwise.job import measure_lengths

        lengths = measure_lengths(
            job, workers=workers, runner_options=options.beam_options(), progress=progress, folder=folder
        )
    plans = _compare(job, lengths)
    if as_json:
        say_json({"lengths": lengths.to_dict(), "plans": [plan.to_dict() for plan in plans]})
    else:
        _say(lengths, plans)


def _compare(job: "JobConfig", lengths: "LengthHistogram") -> "tuple[PlanComparison, ...]":
    from lengthwise.buckets import BucketPlan, compare
    from lengthwise.errors import DataLimitError

    if lengths.total == 0:
        raise DataLimitError("no valid sequence was found to plan from; `lengthwise check` lists what is wrong")
    chosen: BucketPlan | None = BucketPlan(job.buckets.boundaries) if job.buckets.boundaries else None
    return compare(
        lengths,
        count=job.buckets.count,
        chosen=chosen,
        cost=job.buckets.cost,
        multiple_of=job.buckets.multiple_of,
        max_length=job.buckets.max_length,
    )


def _say(lengths: "LengthHistogram", plans: "tuple[PlanComparison, ...]") -> None:
    from lengthwise.buckets.boundary_text import boundaries_text
    from lengthwise_cli.terminal import say, say_table, share_text

    say(f"{lengths.total:,} valid sequences of {lengths.lengths[0]:,} to {lengths.lengths[-1]:,} steps")
    rows = [
        (
            plan.name,
            plan.num_buckets,
            share_text(plan.padding_share),
            "-" if plan.padded_per_real is None else f"{plan.padded_per_real:.3f}",
            boundaries_text(plan.boundaries),
        )
        for plan in plans
    ]
    say_table("Plans", ["plan", ">buckets", ">padding", ">padded/real", "boundaries"], rows)
    best = plans[0]
    say(f"buckets: {{boundaries: [{', '.join(map(str, best.boundaries))}]}}")
