"""`lengthwise verify`: compares a data set with its manifest."""

import dataclasses

import click

from lengthwise_cli import shared_options

EPILOG = f"""\b
Example:
  lengthwise verify prepared && rsync -a prepared/ elsewhere/

{shared_options.EVENTS}"""


@click.command("verify", epilog=EPILOG)
@shared_options.data_set
@shared_options.quiet
@shared_options.events
def command(folder: str, quiet: bool, as_json: bool) -> None:
    """Recount and re-checksum a data set against its manifest.

    Finds missing, swapped, altered, truncated and added files, and edits of the manifest. Exit code 1: it found any.
    """
    from lengthwise.errors import DatasetError
    from lengthwise_cli.progress_display import say_event, watching
    from lengthwise_cli.terminal import bytes_text, say, say_table

    with watching(quiet=quiet, as_json=as_json) as progress:
        shared_options.require_data_set(folder)
        from lengthwise.job.verification.data_set_verification import verify_data_set

        result = verify_data_set(folder, progress)
        if as_json:
            say_event("result", dataclasses.asdict(result) | {"passed": not result.faults})
    if not as_json and not quiet:
        if result.faults:
            say_table("Faults", ["file", "problem"], [(fault.path, fault.problem) for fault in result.faults])
        what = f"{result.shards:,} shards, {result.sequences:,} sequences, {bytes_text(result.bytes)}"
        say(f"{what} read" if result.faults else f"{what}: all match the manifest")
    if result.faults:
        raise DatasetError(
            f"{folder}: {len(result.faults)} faults, the first in {result.faults[0].path}: {result.faults[0].problem}. "
            "Do not use it; copy it again from its source, or prepare it again with --overwrite"
        )
