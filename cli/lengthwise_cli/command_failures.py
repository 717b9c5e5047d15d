"""Turns each failure into one message on stderr and an exit code.

click's usage errors, ConfigError      2        EnvironmentFailure, anything unforeseen    3
DataLimitError, DatasetError           1        Ctrl-C, SIGTERM, SIGHUP                  130
"""

import io
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import click

from lengthwise.errors import EnvironmentFailure, Interrupted, LengthwiseError
from lengthwise.printable_text import visible, visible_lines
from lengthwise_cli.signal_handling import STOPPED, as_interrupts
from lengthwise_cli.standard_streams import lost_product
from lengthwise_cli.terminal import wrapped

USAGE, UNFORESEEN = 2, 3


def guarded(action: Callable[[], object], *, debug: bool) -> int:
    """Runs a command, prints its failure on stderr, and returns its exit code."""
    try:
        with as_interrupts():
            result = action()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(wrapped(visible_lines(shown.getvalue()), stderr=True), err=True, nl=False)
        return USAGE
    except Interrupted:
        return _stop("stopped; run the same command to resume")
    except (KeyboardInterrupt, click.Abort):
        return _stop("stopped")
    except LengthwiseError as error:
        _trace(debug)
        _say(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 (the last stop before the user)
        return _report(error, debug)
    return result if isinstance(result, int) else 0


def leave(code: int) -> NoReturn:
    """Ends a command with its exit code; an output that was lost is a failure."""
    lost = lost_product()
    if lost is not None:
        _say(f"standard output: {lost.strerror}")
        code = code or EnvironmentFailure.exit_code
    sys.exit(code)


def _trace(debug: bool) -> None:
    if debug:
        click.echo(visible_lines(traceback.format_exc()), err=True, nl=False)


def _say(message: str) -> None:
    text = wrapped(f"Error: {message}", stderr=True).removeprefix("Error:")
    click.echo(f"{click.style('Error:', fg='red')}{text}", err=True)


def _stop(message: str) -> int:
    click.echo(message, err=True)
    return STOPPED


def _report(error: Exception, debug: bool) -> int:
    _trace(debug)
    if isinstance(error, OSError) and error.filename is not None:
        _say(visible(f"{error.filename}: {error.strerror}"))
        return UNFORESEEN
    first = visible((str(error).strip().splitlines() or [""])[0])
    _say(
        f"unexpected error: {type(error).__name__}: {first}\n"
        "This is a bug in lengthwise. `lengthwise --debug COMMAND ...` shows where; please report its output, "
        "with the output of `lengthwise doctor`."
    )
    return UNFORESEEN
