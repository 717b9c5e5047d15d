"""How far a job is: events for whoever shows them, and the small files by which workers tell their counts."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from lengthwise.storage import files

_SECONDS_BETWEEN = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """A moment of a job.

    Attributes:
        stage: `measure`, `read`, `write`, `publish`, `verify`, or `log` for a message alone.
        done: bytes of input read (shards written, bytes verified) so far.
        total: of how many; 0 where unknown.
        records: records so far.
        rejected: rejects so far.
        message: a line for people; empty for plain progress.
    """

    stage: str
    done: int = 0
    total: int = 0
    records: int = 0
    rejected: int = 0
    message: str = ""


ProgressSink = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The sink of those who do not watch."""


@dataclass(slots=True)
class Reporter:
    """One task's side: keeps its counts in a file of its own, rewritten twice a second at most.

    Attributes:
        folder: a local folder; reports nothing where it is empty or remote.
        task: the file's name.
    """

    folder: str
    task: str
    _last: float = field(default=0.0)

    def report(self, done: int, records: int = 0, rejected: int = 0, *, final: bool = False) -> None:
        """Tells the counts so far. Never fails: progress is not worth a job."""
        now = time.monotonic()
        if not self.folder or files.is_remote(self.folder) or (now - self._last < _SECONDS_BETWEEN and not final):
            return
        self._last = now
        with suppress(OSError), open(os.path.join(self.folder, self.task), "w") as stream:
            json.dump([done, records, rejected], stream)


def collect(folder: str, stage: str, total: int) -> Event:
    """The sum of what the tasks of a stage have told; their files start with its name."""
    sums = [0, 0, 0]
    with suppress(OSError):
        for name in os.listdir(folder):
            if not name.startswith(stage):
                continue
            with suppress(OSError, ValueError), open(os.path.join(folder, name)) as stream:
                sums = [a + b for a, b in zip(sums, json.load(stream), strict=True)]
    return Event(stage, sums[0], total, sums[1], sums[2])
