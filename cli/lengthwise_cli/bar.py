"""The progress bar on a terminal, moving from the first moment on."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from lengthwise.progress import Event
from lengthwise_cli.terminal import console
from lengthwise_cli.watch import amount, remaining


class Bar:
    """A bar a stage: bytes, records, records a second, rejects, time left. Leaves the terminal as it was."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24, complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            console=console(stderr=True),
            refresh_per_second=8,
            redirect_stderr=False,
        )
        self._stage = ""
        self._started = 0.0
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
            self._progress.console.print(Text(event.message, style="dim"))
            return
        task = self._task_of(event.stage)
        seconds = time.monotonic() - self._started
        self._progress.update(task, completed=event.done, total=event.total or None, facts=_facts(event, seconds))

    def _task_of(self, stage: str) -> TaskID:
        assert self._task is not None
        if stage != self._stage:
            if self._stage:
                self._finish(self._task)
                self._task = self._progress.add_task(stage, total=None, facts="")
            self._progress.update(self._task, description=stage)
            self._stage, self._started = stage, time.monotonic()
        return self._task

    def _finish(self, task: TaskID) -> None:
        shown = self._progress.tasks[self._progress.task_ids.index(task)]
        whole = shown.total or max(shown.completed, 1)
        self._progress.update(task, completed=whole, total=whole)


def _facts(event: Event, seconds: float) -> str:
    parts = [amount(event)]
    if event.records:
        parts.append(f"{event.records:,} records")
        parts.append(f"{event.records / max(seconds, 0.5):,.0f}/s")
    if event.rejected:
        parts.append(f"[red]{event.rejected:,} rejected[/red]")
    left = remaining(event, seconds)
    if left is not None:
        parts.append(f"{left:.0f} s left")
    return "  ".join(part for part in parts if part)
