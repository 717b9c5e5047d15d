"""`lengthwise report`: writes a data set's report as an HTML page."""

import click

from lengthwise.printable_text import visible
from lengthwise_cli import shared_options

EPILOG = """\b
Example:
  lengthwise report prepared -o report.html
  lengthwise report prepared -o drift.html --compare prepared-last-week"""


@click.command("report", epilog=EPILOG)
@shared_options.data_set
@click.option("--output", "-o", metavar="FILE", required=True, type=shared_options.path, help="The page to write.")
@click.option(
    "--compare",
    metavar="DIR2",
    type=shared_options.DataSetPath(),
    help="Also show DIR2, and which columns drifted.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")
def command(folder: str, output: str, compare: str | None, overwrite: bool) -> None:
    """Write an HTML report: lengths, padding, rejects, columns.

    The page is a single file. Each data set contains it, without a comparison, as report.html.
    """
    from lengthwise.report import write_report
    from lengthwise_cli.standard_streams import result_is_elsewhere

    for data_set in filter(None, (folder, compare)):
        shared_options.require_data_set(data_set)
    shared_options.refuse_existing("--output", output, overwrite=overwrite)
    result_is_elsewhere()
    write_report(folder, output, compare=compare)
    click.echo(visible(output))
