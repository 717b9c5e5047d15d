"""`lengthwise completion`: what a shell needs to complete commands, options and files."""

import click
from click.shell_completion import get_completion_class

EPILOG = """\b
Examples:
  lengthwise completion bash >> ~/.bash_completion
  lengthwise completion zsh > ~/.zfunc/_lengthwise
  lengthwise completion fish > ~/.config/fish/completions/lengthwise.fish"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "lengthwise", "_LENGTHWISE_COMPLETE").source())
