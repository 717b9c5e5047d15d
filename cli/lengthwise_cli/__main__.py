"""`python -m lengthwise_cli`: the `lengthwise` command."""

from lengthwise_cli.script import run

run()
