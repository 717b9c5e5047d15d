"""Shows the progress of a job: a bar on a terminal, plain lines elsewhere, JSON events for machines, or nothing."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from lengthwise.errors import Interrupted, LengthwiseError
from lengthwise.printable_text import visible, visible_json
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise_cli.command_failures import UNFORESEEN
from lengthwise_cli.library_silence import is_debugging, only_our_messages
from lengthwise_cli.terminal import bytes_text

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def watching(*, quiet: bool = False, as_json: bool = False) -> Iterator[ProgressSink]:
    """Provides a sink for the events of a running job."""
    with only_our_messages():
        if as_json:
            with _errors_as_events():
                yield JsonLines().show
        elif quiet:
            yield ignore
        elif sys.stderr.isatty():
            from lengthwise_cli.progress_bar import ProgressBar

            with ProgressBar() as bar:
                yield bar.show
        else:
            yield PlainLines().show


def say_event(event: str, content: dict[str, Any]) -> None:
    """Prints one JSON event as a line."""
    print(visible_json({"event": event, **content}), flush=True)


@contextmanager
def _errors_as_events() -> Iterator[None]:
    """Reports a failure once, as an event, and not on standard error as well."""
    try:
        yield
    except LengthwiseError as error:
        say_event("error", {"message": "\n".join(map(str, error.args)), "exit_code": error.exit_code})
        if is_debugging():
            raise
        raise click.exceptions.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        say_event("error", {"message": "stopped", "exit_code": Interrupted.exit_code})
        raise click.exceptions.Exit(Interrupted.exit_code) from error
    except Exception as error:
        say_event("error", {"message": f"{type(error).__name__}: {error}", "exit_code": UNFORESEEN})
        raise  # for bugs of lengthwise, standard error says what to do


class JsonLines:
    """Prints one JSON object per event, each on a line of stdout."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def show(self, event: Event) -> None:
        if event.stage == "log":
            say_event("log", {"message": event.message})
            return
        content = asdict(event)
        del content["message"]
        say_event("progress", content | {"seconds": round(time.monotonic() - self._started, 2)})


class Pace:
    """The rate of the current stage, and the time until its end."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.done = self.total = 0
        self._stage = ""
        self._started = 0.0
        self._valid = 0  # records that were read and not rejected

    def record(self, event: Event, now: float) -> bool:
        """Records an event; returns whether it is the first of its stage."""
        is_new = event.stage != self._stage
        if is_new:
            self._stage, self._started = event.stage, now
        self.seconds = now - self._started
        self.done, self.total = event.done, event.total
        if event.stage == "read":
            self._valid = event.records - event.rejected
        if event.stage == "write" and event.records <= self._valid:  # the number of shards is unknown before
            self.done, self.total = event.records, self._valid
        return is_new

    @property
    def left(self) -> float | None:
        """Returns the remaining seconds at the current pace; None if it is unknown."""
        if not self.done or self.done >= self.total or self.seconds < 1:
            return None
        return self.seconds * (self.total - self.done) / self.done


class PlainLines:
    """Prints a line on stderr when a stage begins, every few seconds, and when it ends."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._last = time.monotonic()
        self._done = False

    def show(self, event: Event) -> None:
        now = time.monotonic()
        if event.stage == "log":
            self._print(event.message)
            return
        is_new = self._pace.record(event, now)
        self._done = self._done and not is_new
        ends = not self._done and event.total > 0 and event.done >= event.total
        if is_new or ends or (not self._done and now - self._last >= SECONDS_BETWEEN_LINES):
            self._last, self._done = now, self._done or ends
            self._print(progress_text(event, self._pace))

    def _print(self, line: str) -> None:
        print(visible(line), file=sys.stderr, flush=True)


def progress_text(event: Event, pace: Pace) -> str:
    """`read: 120.3 MiB of 397.0 MiB (30%), 81,204 records (27,068/s), 12 rejected, 7 s left`."""
    parts = [amount(event)]
    if event.records:
        rate = f" ({event.records / pace.seconds:,.0f}/s)" if pace.seconds >= 1 else ""
        parts.append(f"{event.records:,} records{rate}")
    if event.rejected:
        parts.append(f"{event.rejected:,} rejected")
    if pace.left is not None:
        parts.append(f"{time_text(pace.left)} left")
    return f"{event.stage}: " + ", ".join(part for part in parts if part)


def amount(event: Event) -> str:
    """Describes how much of the stage is done."""
    if event.stage == "write":
        return f"{event.done:,} shards"
    if not event.total:
        return ""
    return f"{bytes_text(event.done)} of {bytes_text(event.total)} ({event.done / event.total:.0%})"


def time_text(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
