"""What a failure looks like from outside: one message on stderr, and an exit code.

click's usage errors, ConfigError      2        EnvironmentFailure, anything unforeseen    3
DataLimitError, DatasetError           1        Ctrl-C, SIGTERM                          130
"""

import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from lengthwise.errors import Interrupted, LengthwiseError
from lengthwise.visible import visible, visible_lines
from lengthwise_cli.children import end_children, stop_children
from lengthwise_cli.terminal import wrapped

USAGE, UNFORESEEN, STOPPED = 2, 3, 130

_AGAIN_S = 0.05


def guarded(action: Callable[[], Any], *, debug: bool) -> int:
    """Runs a command; returns its exit code, its failure put into words on stderr."""
    try:
        with _signals_as_interrupts():
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


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Lets a command end in peace when nobody reads its output any more, as in `lengthwise inspect DIR | head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):  # what is still in the buffer goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave(code: int) -> NoReturn:
    """Ends the process with an exit code.

    An interrupted job leaves native threads at work, which abort the interpreter's own way out (exit code 134).
    """
    ours = sys.stdout is sys.__stdout__  # this process is ours, not that of a program that calls us
    if code == STOPPED and ours:
        end_children()
        print(end="", flush=True)
        print(end="", file=sys.stderr, flush=True)
        os._exit(code)
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
        f"something unforeseen went wrong: {type(error).__name__}: {first}\n"
        "This is a fault of lengthwise. `lengthwise --debug COMMAND ...` shows where; please report that text, "
        "with what `lengthwise doctor` prints."
    )
    return UNFORESEEN


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """SIGTERM, which containers and schedulers send, ends a command as Ctrl-C does: with all its processes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop_children()
        raise KeyboardInterrupt

    def again(unraisable: Any) -> None:
        """Python forgets what is raised in the callbacks of its weak references and finalizers: raise it once more."""
        if unraisable.exc_type is KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            hook(unraisable)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    hook, sys.unraisablehook = sys.unraisablehook, again
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
