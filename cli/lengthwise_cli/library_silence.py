"""Keeps messages of libraries off the terminal."""

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from lengthwise.printable_text import visible_lines
from lengthwise_cli.standard_streams import lossy

_NATIVE = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "NONE", "ABSL_MIN_LOG_LEVEL": "3"}
_PYTHON = ("apache_beam", "tensorflow", "absl", "tfx_bsl", "google")


def silence_libraries(*, debug: bool) -> None:
    """Silences TensorFlow, absl, gRPC and Beam, before they are imported; with `debug`, their logs are shown."""
    if debug:
        logging.basicConfig(level=logging.INFO)
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_Visible(logging.BASIC_FORMAT))
        return
    for name, value in _NATIVE.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.CRITICAL)
    for name in _PYTHON:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


class _Visible(logging.Formatter):
    """Makes log records printable: libraries also log names from data."""

    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record))


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Discards what native code writes to standard error, such as TensorFlow's messages when it is imported.

    TensorFlow 2.21 logs them before it reads its own log level. Python's exceptions are still shown.
    """
    if is_debugging():
        yield
        return
    sys.stderr.flush()
    original = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
        os.close(nowhere)


@contextmanager
def only_our_messages() -> Iterator[None]:
    """Reserves standard error for our own messages while a job runs.

    Beam's workers print the traceback of every failure, which we report in a sentence; their processes and native code
    do not write through Python. With `--debug`, all of it is shown.
    """
    if is_debugging():
        yield
        return
    before, hook = sys.stderr, threading.excepthook
    with _on_another_descriptor(before) as stream, native_stderr_silenced():
        sys.stderr = cast(TextIO, _WithoutTracebacks(stream))
        threading.excepthook = lambda _: None  # of a runner's threads; the runner reports the failure too
        try:
            yield
        finally:
            sys.stderr, threading.excepthook = before, hook


def is_debugging() -> bool:
    """Whether `--debug` was given, which shows what is otherwise hidden."""
    return logging.getLogger().isEnabledFor(logging.INFO)


@contextmanager
def _on_another_descriptor(stream: TextIO) -> Iterator[TextIO]:
    """Returns the stream, or, for the process's standard error, a stream on another descriptor of the same file."""
    try:
        is_standard = stream.fileno() == 2
    except (OSError, ValueError):  # a stream of a test, which has no file
        is_standard = False
    if not is_standard:
        yield stream
        return
    with lossy(os.dup(2), stream, closes=True) as other:
        yield other


class _WithoutTracebacks:
    """A text stream that omits tracebacks, which arrive in one piece, and the end of their line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._dropped = False

    def write(self, text: str) -> int:
        ends, self._dropped = self._dropped and text == "\n", text.startswith("Traceback (most recent call last)")
        return len(text) if ends or self._dropped else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
