"""`lengthwise check`: validates raw data without writing anything."""

from typing import TYPE_CHECKING, Any

import click

from lengthwise_cli import shared_options

if TYPE_CHECKING:
    from lengthwise.config import JobConfig
    from lengthwise.job.data_check import CheckResult

EPILOG = f"""\b
Example:
  lengthwise check job.yaml
  lengthwise check job.yaml 'new/*.tfrecord' --json

{shared_options.EVENTS}"""


@click.command("check", cls=shared_options.BeamCommand, epilog=EPILOG)
@shared_options.config_file
@shared_options.input_files
@shared_options.workers
@shared_options.overrides
@shared_options.quiet
@shared_options.events
def command(
    config: str, files: tuple[str, ...], workers: int | None, settings: tuple[str, ...], quiet: bool, as_json: bool
) -> int:
    """Validate raw TFRecords without writing anything.

    Counts the records that would be rejected, by reason and column, with examples. Exit code 1: a limit of CONFIG is
    exceeded.
    """
    from lengthwise.errors import DataLimitError
    from lengthwise_cli.progress_display import say_event, watching
    from lengthwise_cli.scratch_folders import scratch_folder

    with watching(quiet=quiet, as_json=as_json) as progress, scratch_folder(shared_options.beam_options()) as folder:
        job = shared_options.load(config, files, settings)
        from lengthwise.job import check as check_records

        verdict = check_records(
            job, workers=workers, runner_options=shared_options.beam_options(), progress=progress, folder=folder
        )
    if as_json:
        say_event("result", _as_json(verdict))
    elif not quiet:
        _say(verdict)
        _say_uncounted(job)
    if verdict.fault and not as_json:
        raise DataLimitError(verdict.fault)
    return DataLimitError.exit_code if verdict.fault else 0


def _as_json(verdict: "CheckResult") -> dict[str, Any]:
    tally = verdict.tally
    return {
        "passed": not verdict.fault,
        "fault": verdict.fault,
        "read": tally.read,
        "valid": tally.written,
        "rejected": dict(tally.rejected),
        "sequences": tally.sequences,
        "truncated": tally.truncated,
        "windowed": tally.windowed,
        "repaired": {key: count for key, count in tally.repaired.items() if count},
        "damaged_files": verdict.damaged,
        "examples": [example.model_dump(mode="json") for example in verdict.examples],
    }


def _say_uncounted(job: "JobConfig") -> None:
    from lengthwise.columns import id_features, needs_counting
    from lengthwise_cli.terminal import say

    keys = ", ".join(repr(column.key) for column in id_features(job.columns) if needs_counting(column))
    if keys:
        say(f"`prepare` counts the vocabularies of {keys}, so values outside them are not reported here")


def _say(verdict: "CheckResult") -> None:
    from lengthwise_cli.data_set_summary import say_examples, say_rejects
    from lengthwise_cli.terminal import say

    tally = verdict.tally
    say(f"{tally.read:,} records read, {tally.written:,} valid, {tally.rejected.total():,} would be rejected")
    say_rejects(tally.rejected)
    say_examples(verdict.examples)
    if verdict.lengths.total:
        first, last = verdict.lengths.lengths[0], verdict.lengths.lengths[-1]
        say(f"{tally.sequences:,} sequences of {first:,} to {last:,} steps")
    if not verdict.fault:
        say("the data is within the limits of the configuration")
