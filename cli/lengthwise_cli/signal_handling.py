"""Ctrl-C, SIGTERM and SIGHUP end a command with exit code 130, from its first moment to its last.

the script starts   a command runs                          its exit code is known
end_at_once ──────▶ as_interrupts: KeyboardInterrupt ─────▶ ignored: nothing can change it
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lengthwise.errors import Interrupted
from lengthwise_cli.child_processes import stop_children

STOPPED = 130

_AGAIN_S = 0.05
_TOGETHER_S = 1.0  # `timeout` and terminals send a signal to a process, and to its group
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_at_once() -> None:
    """Lets signals end the process immediately: nothing has started yet."""
    for number in not_ignored():
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    os._exit(STOPPED)


def not_ignored() -> list[signal.Signals]:
    """Returns the signals that end a command, without those that are ignored, such as SIGHUP under `nohup`."""
    return [number for number in _ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


@contextmanager
def as_interrupts() -> Iterator[None]:
    """While this lasts, signals are KeyboardInterrupts, and end all processes that were started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first = -1.0

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal first
        del frame
        now = time.monotonic()
        if number != signal.SIGALRM and now - first < _TOGETHER_S:
            return
        first = now
        stop_children()
        raise KeyboardInterrupt

    def again(unraisable: "sys.UnraisableHookArgs") -> None:
        """Raises again an interrupt that Python dropped in the callback of a weak reference or in a finalizer."""
        if unraisable.exc_type is KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            hook(unraisable)

    numbers = [*not_ignored(), signal.SIGALRM]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    hook, sys.unraisablehook = sys.unraisablehook, again
    try:
        yield
    except Exception as error:
        if first < 0 or isinstance(error, Interrupted):
            raise
        # A library written in another language (pydantic) may turn the interrupt into its own error.
        raise KeyboardInterrupt from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if handler is _end else handler)
