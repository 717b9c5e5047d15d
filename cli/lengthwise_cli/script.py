"""The `lengthwise` script. It installs signal handlers and streams first, before any other code runs."""

import os
import sys
from typing import NoReturn

from lengthwise_cli import signal_handling, standard_streams
from lengthwise_cli.child_processes import end_children


def run() -> NoReturn:
    """Runs a command, and ends the process with its exit code.

    The process ends immediately: after an interrupted job, native threads still run. They would abort the
    interpreter's shutdown (exit code 134), during which Python does not handle signals either.
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
