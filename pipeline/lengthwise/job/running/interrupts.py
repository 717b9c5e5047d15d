"""Translates signals and errors of the operating system into our errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from lengthwise.errors import EnvironmentFailure, Interrupted


@contextmanager
def interruptible() -> Iterator[None]:
    """Raises `Interrupted` for Ctrl-C, and `EnvironmentFailure` for errors of the operating system."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("stopped; the same command resumes") from error
    except OSError as error:  # no file handles, no space, no permission
        where = f"{error.filename}: " if error.filename is not None else ""
        raise EnvironmentFailure(f"{where}{error.strerror or error}") from error
