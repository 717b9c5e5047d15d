"""Keeps the libraries' own chatter off the terminal."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NATIVE = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "NONE", "ABSL_MIN_LOG_LEVEL": "3"}
_PYTHON = ("apache_beam", "tensorflow", "absl", "tfx_bsl", "google")


def silence_libraries(*, debug: bool) -> None:
    """Silences TensorFlow, absl, gRPC and Beam, before they are imported; under `debug` they speak."""
    if debug:
        logging.basicConfig(level=logging.INFO)
        return
    for name, value in _NATIVE.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.CRITICAL)
    for name in _PYTHON:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Sends what native code writes to standard error nowhere, such as TensorFlow's greetings when it is imported.

    TensorFlow 2.21 logs them before it reads its own log level. Python's exceptions still come through.
    """
    if logging.getLogger().isEnabledFor(logging.INFO):  # --debug
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
