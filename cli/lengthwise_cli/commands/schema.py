"""`lengthwise schema`: the JSON Schema of configurations."""

import click

EPILOG = """\b
Example:
  lengthwise schema > lengthwise.schema.json
and as the first line of job.yaml, for editors:
  # yaml-language-server: $schema=lengthwise.schema.json"""


@click.command("schema", epilog=EPILOG)
def command() -> None:
    """Print the JSON Schema of configurations, for editors."""
    from lengthwise.config import config_schema
    from lengthwise_cli.terminal import say_json

    say_json(config_schema())
