"""The root of all commands, with its help."""

import click

from lengthwise import __version__
from lengthwise_cli.command_group import Commands

EPILOG = """\b
Exit codes: 0 done, 1 the data failed, 2 wrong usage or configuration,
3 the environment failed, 130 interrupted.

\b
Example:
  lengthwise init 'raw/*.tfrecord' -o job.yaml
  lengthwise plan job.yaml
  lengthwise prepare job.yaml --output prepared
  lengthwise inspect prepared

\b
Shell completion (for zsh and fish: zsh_source, fish_source):
  eval "$(_LENGTHWISE_COMPLETE=bash_source lengthwise)"
"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lengthwise")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks and the logs of libraries.")
def main() -> None:
    """Raw sequence TFRecords in; validated, length-bucketed, padded training data out."""
