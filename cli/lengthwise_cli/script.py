"""The `lengthwise` script, in a process of its own: signals and streams first, so that both are ours from the start."""

import os
import sys
from typing import NoReturn

from lengthwise_cli import signal_handling, standard_streams
from lengthwise_cli.child_processes import end_children


def run() -> NoReturn:
    """Runs a command, and ends the process with its exit code.

    It ends on the spot: an interrupted job leaves native threads at work, which abort the interpreter's own way out
    (exit code 134), and there Python would answer no signal either.
    """
    signal_handling.end_at_once()
    standard_streams.install()
    try:
        from lengthwise_cli.main import main

        main(prog_name="lengthwise")
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = signal_handling.STOPPED
    sys.stdout.flush()
    sys.stderr.flush()
    if code:
        end_children()
    os._exit(code if isinstance(code, int) else 0)
