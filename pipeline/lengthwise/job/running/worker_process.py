"""What a worker process on this machine runs: the tasks that `local_workers` gives it, one after the other."""

import gc
import os
import pickle
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from lengthwise.job.running.fast_start import uncollected
from lengthwise.storage import files


def main() -> None:
    """Serves the process that started this one until it closes their connection, the second argument's descriptor."""
    with uncollected():
        from lengthwise.job.running import job_steps  # noqa: F401 (imports all that tasks need)
    gc.freeze()
    _serve(Connection(int(sys.argv[2])))
    os._exit(0)  # all is on disk: nothing is to be torn down


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
        except Exception as error:  # noqa: BLE001 (raised again where the task comes from)
            outcome = False, _sendable(error)
        connection.send(outcome)


def _sendable(error: Exception) -> Exception:
    """The error with where it was raised; where it cannot be sent, another one that says the same."""
    error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 (whatever a class of errors does)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
