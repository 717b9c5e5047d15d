"""What a worker process on this machine runs: Beam's own worker, started in half the time."""

import gc
import logging
import sys

from lengthwise.job.start import import_beam, uncollected


def main() -> None:
    """Serves the runner that started this process, until it says that all is done."""
    import_beam()
    with uncollected():
        from apache_beam.runners.worker import sdk_worker_main

        from lengthwise.job import pipeline  # noqa: F401 (what its tasks are made of)
    gc.freeze()
    logging.basicConfig()  # to standard error: whoever started this process reads it
    sdk_worker_main.main(sys.argv)
