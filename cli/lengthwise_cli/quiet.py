"""Keeps the libraries' own chatter off the terminal."""

import logging
import os
import warnings

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
