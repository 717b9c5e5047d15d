"""The group of all commands. Loads a command's module at its first use, and suggests names for unknown commands."""

import difflib
import importlib
import sys
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any

import click

from lengthwise_cli import command_failures
from lengthwise_cli.library_silence import silence_libraries

COMMANDS = (
    "init",
    "plan",
    "check",
    "prepare",
    "inspect",
    "verify",
    "rejects",
    "report",
    "compare",
    "drop",
    "serve",
    "demo",
    "schema",
    "doctor",
)
"""In the order in which users need them. Each is `lengthwise_cli.commands.NAME.command`."""


class Commands(click.Group):
    """A group whose commands are modules. Failures become a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lengthwise_cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the commands are: {', '.join(COMMANDS)}"
            ctx.fail(f"no such command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:  # which click would treat as Ctrl-D
            raise RuntimeError(f"EOFError: {error}") from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        run = partial(super().main, arguments, prog_name or "lengthwise", complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        debug = "--debug" in takewhile(lambda argument: argument.startswith("-"), arguments)
        silence_libraries(debug=debug)
        return command_failures.leave(command_failures.guarded(run, debug=debug))
