"""Shows how far a job is: a bar on a terminal, plain lines elsewhere, JSON events for machines, or nothing."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from lengthwise.errors import LengthwiseError
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise_cli.quiet import only_our_words
from lengthwise_cli.terminal import bytes_text

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def watching(*, quiet: bool = False, as_json: bool = False) -> Iterator[ProgressSink]:
    """A sink for a job's events, for as long as the job runs."""
    with only_our_words(), _shown(quiet, as_json) as sink:
        yield sink


@contextmanager
def _shown(quiet: bool, as_json: bool) -> Iterator[ProgressSink]:
    if as_json:
        with _errors_as_events():
            yield JsonLines().show
    elif quiet:
        yield ignore
    elif sys.stderr.isatty():
        from lengthwise_cli.bar import Bar

        with Bar() as bar:
            yield bar.show
    else:
        yield PlainLines().show


def say_event(event: str, content: dict[str, Any]) -> None:
    """Prints one JSON event as a line."""
    print(json.dumps({"event": event, **content}, ensure_ascii=False), flush=True)


@contextmanager
def _errors_as_events() -> Iterator[None]:
    try:
        yield
    except LengthwiseError as error:
        say_event("error", {"message": str(error), "exit_code": error.exit_code})
        raise


class JsonLines:
    """One JSON object a line and event, on stdout."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def show(self, event: Event) -> None:
        if event.stage == "log":
            say_event("log", {"message": event.message})
            return
        content = asdict(event)
        del content["message"]
        say_event("progress", content | {"seconds": round(time.monotonic() - self._started, 2)})


class PlainLines:
    """A line when a stage begins, every few seconds, and when it is done; on stderr."""

    def __init__(self) -> None:
        self._stage = ""
        self._started = self._last = time.monotonic()
        self._done = False

    def show(self, event: Event) -> None:
        now = time.monotonic()
        if event.stage == "log":
            self._print(event.message)
            return
        is_new = event.stage != self._stage
        if is_new:
            self._stage, self._started, self._done = event.stage, now, False
        ends = not self._done and event.total > 0 and event.done >= event.total
        if is_new or ends or (not self._done and now - self._last >= SECONDS_BETWEEN_LINES):
            self._last, self._done = now, self._done or ends
            self._print(describe(event, now - self._started))

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def describe(event: Event, seconds: float) -> str:
    """`read: 120.3 MiB of 397.0 MiB (30%), 81,204 records (27,068/s), 12 rejected, 7 s left`."""
    parts = [amount(event)]
    if event.records:
        rate = f" ({event.records / seconds:,.0f}/s)" if seconds >= 1 else ""
        parts.append(f"{event.records:,} records{rate}")
    if event.rejected:
        parts.append(f"{event.rejected:,} rejected")
    left = remaining(event, seconds)
    if left is not None:
        parts.append(f"{left:.0f} s left")
    return f"{event.stage}: " + ", ".join(part for part in parts if part)


def amount(event: Event) -> str:
    """How much of the whole is done."""
    if event.stage == "write":
        return f"{event.done:,} shards"
    if not event.total:
        return ""
    return f"{bytes_text(event.done)} of {bytes_text(event.total)} ({event.done / event.total:.0%})"


def remaining(event: Event, seconds: float) -> float | None:
    """The seconds left at the pace so far; None where nobody can tell."""
    if not event.done or event.done >= event.total or seconds < 1:
        return None
    return seconds * (event.total - event.done) / event.done
