"""`python -m lengthwise_cli`: the `lengthwise` command."""

from lengthwise_cli.main import main

main(prog_name="lengthwise")
