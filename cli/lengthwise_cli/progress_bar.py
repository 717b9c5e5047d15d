"""The progress bar on a terminal. It moves from the start."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from lengthwise.printable_text import visible
from lengthwise.progress import Event
from lengthwise_cli.progress_display import Pace, amount, time_text
from lengthwise_cli.terminal import bytes_text, console

_BESIDE = 11  # spinner, name of the stage and the spaces between
_ELAPSED = 8
_MARGIN = 2  # at the right, for the ^C that a terminal shows: if it wrapped, a line of the bar would remain
_WIDE = 110  # columns of a terminal with room for a long bar, and for the elapsed time


class ProgressBar:
    """One bar per stage: bytes, records, records per second, rejects, time left. Restores the terminal at the end.

    On a narrow terminal, it omits the least important facts instead of breaking the line.
    """

    def __init__(self) -> None:
        terminal = console(stderr=True)
        is_wide = terminal.width >= _WIDE
        width = 24 if is_wide else 8
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            TextColumn("[bold]{task.description:8}"),
            BarColumn(bar_width=width, complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[facts]}"),
        ]
        self._room = terminal.width - _BESIDE - width - 1 - _MARGIN
        if is_wide:
            columns.append(TimeElapsedColumn())
            self._room -= _ELAPSED + 1
        self._progress = Progress(*columns, console=terminal, refresh_per_second=8, redirect_stderr=False)
        self._stage = ""
        self._pace = Pace()
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        self._task = self._progress.add_task("starting", total=None, facts="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._task is not None:
            self._finish(self._task)
        self._progress.stop()

    def show(self, event: Event) -> None:
        if event.stage == "log":
            self._progress.console.print(Text(visible(event.message), style="dim"))
            return
        task = self._task_of(event.stage)
        self._pace.record(event, time.monotonic())
        facts = _facts(event, self._pace, self._room)
        self._progress.update(task, completed=self._pace.done, total=self._pace.total or None, facts=facts)

    def _task_of(self, stage: str) -> TaskID:
        assert self._task is not None
        if stage != self._stage:
            if self._stage:
                self._finish(self._task)
                self._task = self._progress.add_task(stage, total=None, facts="")
            self._progress.update(self._task, description=stage)
            self._stage = stage
        return self._task

    def _finish(self, task: TaskID) -> None:
        state = self._progress.tasks[self._progress.task_ids.index(task)]
        total = state.total or max(state.completed, 1)
        self._progress.update(task, completed=total, total=total)


def _facts(event: Event, pace: Pace, room: int) -> str:
    """The most important facts that fit into `room` characters."""
    left = "" if pace.left is None else f"{time_text(pace.left)} left"
    rejected = f"{event.rejected:,} rejected" if event.rejected else ""
    rate = f"{event.records / max(pace.seconds, 0.5):,.0f}" if event.records else ""
    long = amount(event)
    short = f"{event.done / event.total:.0%} of {bytes_text(event.total)}" if event.total else long
    per_second = rate and f"{rate} records/s"
    for parts in (
        [long, event.records and f"{event.records:,} records", rate and f"{rate}/s", rejected, left],
        [short, event.records and f"{event.records:,} records", rate and f"{rate}/s", rejected, left],
        [short, per_second, rejected, left],
        [short, rejected, left],
        [short, left],
    ):
        facts = [str(part) for part in parts if part]
        if len("  ".join(facts)) <= room:
            break
    return "  ".join(f"[red]{part}[/red]" if part == rejected else part for part in facts)
