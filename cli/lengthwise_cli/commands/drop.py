"""`lengthwise drop`: removes parts of a data set."""

import click

from lengthwise_cli import shared_options

EPILOG = """\b
Example:
  lengthwise drop data 2026-10-31
  lengthwise drop data --before 2026-11-01"""


@click.command("drop", epilog=EPILOG)
@shared_options.data_set
@click.argument("parts", metavar="[PART]...", nargs=-1)
@click.option("--before", metavar="NAME", default="", help="Remove parts whose names sort before this one.")
@shared_options.quiet
def command(folder: str, parts: tuple[str, ...], before: str, quiet: bool) -> None:
    """Remove parts of a data set, such as days that must not be kept.

    Files that other programs put into a part's folder are kept. A job that is reading a removed part fails.
    """
    from lengthwise.errors import ConfigError
    from lengthwise.job import drop_parts
    from lengthwise_cli.terminal import say

    if not parts and not before:
        raise ConfigError("expected the names of parts, or --before, received neither")
    shared_options.require_data_set(folder)
    dropped = drop_parts(folder, parts, before)
    if not quiet:
        for message in [f"{path} removed" for path in dropped] or [f"{folder} has no part before {before}"]:
            say(message)
