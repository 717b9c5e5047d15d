"""The progress of a job: events for the caller, and small files in which workers report their counts."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from lengthwise.storage import files

_REPORT_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """The progress of a job at one time, or a message.

    Attributes:
        stage: `measure`, `read`, `write`, `publish`, `verify`, or `log` for a message only.
        done: bytes of input read (shards written, bytes verified) so far.
        total: the total of these; 0 if unknown.
        records: records so far.
        rejected: rejects so far.
        message: one line for people; empty if the event has only numbers.
    """

    stage: str
    done: int = 0
    total: int = 0
    records: int = 0
    rejected: int = 0
    message: str = ""


ProgressSink = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Ignores the event: the default for callers that show no progress."""


@dataclass(slots=True)
class Reporter:
    """Reports the counts of one task in a separate file, rewritten at most twice per second.

    Attributes:
        folder: a local folder; if it is empty or remote, nothing is reported.
        task: the file's name.
    """

    folder: str
    task: str
    _last: float = 0.0

    def report(self, done: int, records: int = 0, rejected: int = 0, *, final: bool = False) -> None:
        """Reports the counts so far. It never fails: a job must not end because its progress cannot be written."""
        now = time.monotonic()
        is_due = final or now - self._last >= _REPORT_EVERY_S
        if not self.folder or files.is_remote(self.folder) or not is_due:
            return
        self._last = now
        with suppress(OSError), open(os.path.join(self.folder, self.task), "w") as stream:
            json.dump([done, records, rejected], stream)


def collect(folder: str, stage: str, total: int) -> Event:
    """The sum of the counts of a stage's tasks, whose file names start with the name of the stage."""
    sums = [0, 0, 0]
    with suppress(OSError):
        for name in os.listdir(folder):
            if not name.startswith(stage):
                continue
            with suppress(OSError, ValueError), open(os.path.join(folder, name)) as stream:
                sums = [a + b for a, b in zip(sums, json.load(stream), strict=True)]
    return Event(stage, sums[0], total, sums[1], sums[2])
