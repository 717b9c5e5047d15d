"""A signal ends a command whatever Python is at when it comes."""

import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, time, weakref
from lengthwise_cli.failures import guarded

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
