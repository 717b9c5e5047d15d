"""`lengthwise init`: a first configuration, drafted by looking at data."""

import shlex

import click

from lengthwise_cli import options

EPILOG = """\b
Example:
  lengthwise init 'raw/*.tfrecord' -o job.yaml
  lengthwise check job.yaml"""


@click.command("init", epilog=EPILOG)
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=options.path)
@click.option("--output", "-o", metavar="FILE", type=options.path, help="Write there, not to standard output.")
@click.option("--sample", type=click.IntRange(min=1), default=1000, show_default=True, help="Records to look at.")
@click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")
def command(files: tuple[str, ...], output: str | None, sample: int, overwrite: bool) -> None:
    """Draft a configuration from raw TFRecords.

    Looks at features, dtypes, lengths, ranges and small vocabularies in FILES, paths or quoted patterns.
    """
    from lengthwise.draft import draft_config
    from lengthwise.files import write_bytes
    from lengthwise.visible import visible, visible_lines

    if output is not None:
        options.refuse_existing("--output", output, overwrite=overwrite)
    draft = draft_config(list(files), sample)
    if output is None:
        click.echo(visible_lines(draft), nl=False)
        return
    write_bytes(output, draft.encode())
    click.echo(visible(f"{output} is drafted; look it over, then: lengthwise check {shlex.quote(output)}"), err=True)
