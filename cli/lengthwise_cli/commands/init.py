"""`lengthwise init`: drafts a first configuration from raw data."""

import os
import shlex
import stat
import sys
from typing import TextIO

import click

from lengthwise.errors import LengthwiseError
from lengthwise_cli import shared_options

EPILOG = """\b
Example:
  lengthwise init 'raw/*.tfrecord' -o job.yaml
  lengthwise check job.yaml

With `> job.yaml` instead of -o, the shell creates the file before the command runs:
if the command fails, an empty file remains. -o writes a complete draft or nothing,
and replaces an empty file."""


@click.command("init", epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, type=shared_options.path)
@click.option("--output", "-o", metavar="FILE", type=shared_options.path, help="Write to FILE, not to standard output.")
@click.option("--sample", type=click.IntRange(min=1), default=1000, show_default=True, help="Records to examine.")
@shared_options.max_record_bytes
@click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")
def command(files: tuple[str, ...], output: str | None, sample: int, max_record_bytes: int, overwrite: bool) -> None:
    """Draft a configuration from raw TFRecords.

    Examines features, dtypes, lengths, ranges and small vocabularies in FILES: paths, folders or patterns. Comments in
    the draft say what it omits, which records it would reject, and why.
    """
    from lengthwise.draft import draft_config
    from lengthwise.printable_text import visible_lines
    from lengthwise.storage.files import write_bytes
    from lengthwise_cli.terminal import note

    if output is not None:
        shared_options.refuse_existing("--output", output, overwrite=overwrite or _is_empty(output))
    try:
        draft = draft_config(list(files), sample, max_record_bytes)
    except LengthwiseError:
        if output is None and _is_a_file(sys.stdout):
            note("The redirection left an empty file; `-o FILE` writes a file only if there is a draft.")
        raise
    if output is None:
        click.echo(visible_lines(draft), nl=False)
        return
    write_bytes(output, draft.encode())
    note(f"{output} is drafted; review it, then: lengthwise check {shlex.quote(output)}")


def _is_a_file(stream: TextIO) -> bool:
    """Whether a standard stream is redirected to a file."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # closed, or of a test
        return False


def _is_empty(path: str) -> bool:
    """Whether it is an empty file, such as the redirection of a failed command leaves."""
    return os.path.isfile(path) and os.path.getsize(path) == 0
