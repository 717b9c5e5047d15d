"""The program of a worker process on this machine: it runs the tasks that `local_workers` sends, one by one."""

import gc
import os
import pickle
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from lengthwise.job.running.fast_start import gc_disabled
from lengthwise.storage import files


def serve_parent() -> None:
    """Serves the parent process until it closes the connection, whose descriptor is the second argument."""
    with gc_disabled():
        from lengthwise.job.running import job_steps  # noqa: F401 (imports all that tasks need)
    gc.freeze()
    _serve(Connection(int(sys.argv[2])))
    os._exit(0)  # all is on disk: no cleanup is needed


def _serve(connection: Connection) -> None:
    options = connection.recv()
    if options:
        files.use_options(options)
    function, job = None, None
    while True:
        try:
            is_step, value = connection.recv()
        except EOFError:
            return
        if is_step:
            function, job = value
            continue
        assert function is not None
        try:
            outcome: Any = True, function(job, value)
        except Exception as error:  # noqa: BLE001 (raised again by the parent process)
            outcome = False, _sendable(error)
        connection.send(outcome)


def _sendable(error: Exception) -> Exception:
    """The error with its traceback as a note; if it cannot be pickled, a RuntimeError with the same message."""
    error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 (an exception class may raise anything)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
