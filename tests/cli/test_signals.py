"""A signal ends a command at any point of its execution."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cli.conftest import Place, start

PROGRAM = """
import signal, sys, time, weakref
from lengthwise_cli.command_failures import guarded

class Thing:
    pass

def interrupted(_):
    signal.raise_signal(signal.{name})
    time.sleep(0)

def action():
    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    del thing
    time.sleep(60)

sys.exit(guarded(action, debug=False))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_in_a_callback_whose_exceptions_python_ignores_is_not_lost(name: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(name=name)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (130, "stopped\n")


TRANSLATING = """
import signal, sys
from lengthwise_cli.command_failures import guarded

def action():
    try:
        signal.raise_signal(signal.SIGTERM)
    except BaseException as error:
        raise ValueError("as pydantic does, where it calls Python") from error

sys.exit(guarded(action, debug=False))
"""


def test_an_interrupt_that_a_library_turns_into_its_own_error_stays_an_interrupt() -> None:
    program = [sys.executable, "-c", TRANSLATING]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (130, "stopped\n")


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal; before that, none of our code has run in it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    [mask] = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def _send(process: subprocess.Popen[str], reached: Callable[[], bool], delay: float, number: signal.Signals) -> str:
    """Sends a signal `delay` seconds after `reached()` is true; returns the standard error of the process."""
    while not reached() and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    for _ in range(2):  # as `timeout` and terminals do: to the process, and to its group
        process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    return errors


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_in_the_first_moments_of_a_command_gives_130(place: Place, name: str) -> None:
    number = signal.Signals[name]
    for delay in (0, 0.005, 0.02, 0.05, 0.1, 0.2):
        process = start("prepare", place.job)
        errors = _send(process, partial(_catches, process.pid, signal.SIGHUP), delay, number)  # the last to be set
        assert process.returncode == 130, (delay, errors)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_from_publication_to_the_end_gives_130_or_comes_too_late(place: Place, name: str) -> None:
    for attempt, delay in enumerate((0, 0.01, 0.03, 0.06, 0.1, 0.2)):
        output = place.folder / f"{name}-{attempt}"
        process = start("prepare", place.job, "--workers", "1", "-o", output)
        errors = _send(process, lambda: any(output.glob("Split-*")), delay, signal.Signals[name])  # noqa: B023
        assert process.returncode in (0, 130), (delay, errors)
        assert process.returncode == 130 or (output / "manifest.json").exists()


@pytest.mark.slow
def test_a_run_under_nohup_ignores_the_end_of_its_terminal(place: Place) -> None:
    process = start("prepare", place.job, "--workers", "1", before=("nohup",))
    errors = _send(process, lambda: place.prepared.exists(), 0, signal.SIGHUP)
    assert process.returncode == 0, errors
    assert (place.prepared / "manifest.json").exists()
