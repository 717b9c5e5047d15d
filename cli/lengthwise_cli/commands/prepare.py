"""`lengthwise prepare`: runs the job."""

import click

from lengthwise.errors import Interrupted
from lengthwise_cli import shared_options

EPILOG = f"""\b
Examples:
  lengthwise prepare job.yaml --output prepared
  lengthwise prepare job.yaml 'raw/*.tfrecord.gz' --output prepared
  lengthwise prepare job.yaml --output data --part 2026-11-27
  lengthwise prepare job.yaml --output gs://bucket/prepared -- \\
    --runner=DataflowRunner --project=p --region=r \\
    --temp_location=gs://bucket/tmp

{shared_options.EVENTS}"""


@click.command("prepare", cls=shared_options.BeamCommand, epilog=EPILOG)
@shared_options.config_file
@shared_options.input_files
@click.option("--output", "-o", metavar="DIR", type=shared_options.path, help="Replaces CONFIG's output.path.")
@click.option("--part", metavar="NAME", help="Add a part to the data set in DIR, from files that are in no part yet.")
@click.option(
    "--like",
    metavar="DIR2",
    type=shared_options.DataSetPath(),
    help="Take boundaries and vocabularies from DIR2.",
)
@click.option("--overwrite", is_flag=True, help="Replace the data set in DIR, once the new one is complete.")
@shared_options.workers
@shared_options.overrides
@shared_options.quiet
@shared_options.events
def command(
    config: str,
    files: tuple[str, ...],
    output: str | None,
    part: str | None,
    like: str | None,
    overwrite: bool,
    workers: int | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Read, validate, bucket, pad and write raw TFRecords.

    CONFIG defines the sequences and which records are valid; FILES (paths or quoted patterns) replace its inputs.
    Rejected records are kept with their reason: see `lengthwise rejects`. After an interruption, run the same command
    to resume. Options after -- are passed to Beam.
    """
    from lengthwise_cli.progress_display import say_event, watching
    from lengthwise_cli.standard_streams import result_is_elsewhere

    result_is_elsewhere()
    with watching(quiet=quiet, as_json=as_json) as progress:
        job = shared_options.load(config, files, settings, output_path=output)
        from lengthwise.job import run_by_plan

        try:
            done = run_by_plan(
                job,
                part=part,
                like=like,
                overwrite=overwrite,
                workers=workers,
                runner_options=shared_options.beam_options(),
                progress=progress,
            )
        except KeyboardInterrupt as error:
            raise Interrupted("stopped") from error
    from lengthwise_cli.data_set_summary import say_summary, summarize

    if as_json:
        say_event("result", summarize(done.manifest, done.path))
    elif not quiet:
        say_summary(done.manifest, done.path)
