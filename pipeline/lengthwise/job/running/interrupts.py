"""Signals and refusals of the operating system, as our own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from lengthwise.errors import EnvironmentFailure, Interrupted


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C as `Interrupted`, and what the operating system refuses as `EnvironmentFailure`."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("stopped; the same command resumes") from error
    except OSError as error:  # no file handles, no room, no rights
        where = f"{error.filename}: " if error.filename is not None else ""
        raise EnvironmentFailure(f"{where}{error.strerror or error}") from error
