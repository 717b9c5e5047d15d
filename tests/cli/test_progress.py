"""The progress of a job: a bar on a terminal, lines elsewhere."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from lengthwise.progress import Event
from lengthwise_cli import progress_display


def test_lines_show_bytes_records_rate_rejects_and_remaining_time(capsys, monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress_display.time, "monotonic", lambda: now)
    lines = progress_display.PlainLines()
    mib = 2**20
    for seconds, done in ((0, 0), (1, 10), (4, 40), (6, 60), (7, 70), (10, 100), (11, 100)):
        now = 100.0 + seconds
        lines.show(Event("read", done * mib, 100 * mib, done * 50, done // 20))
    assert capsys.readouterr().err.splitlines() == [
        "read: 0 B of 100.0 MiB (0%)",
        "read: 60.0 MiB of 100.0 MiB (60%), 3,000 records (500/s), 3 rejected, 4 s left",
        "read: 100.0 MiB of 100.0 MiB (100%), 5,000 records (500/s), 5 rejected",
    ]


def test_a_new_stage_starts_a_new_line_and_messages_are_lines(capsys) -> None:
    lines = progress_display.PlainLines()
    for event in (Event("measure", 5, 5), Event("log", message="planned"), Event("write", 2, 0, 7)):
        lines.show(event)
    assert capsys.readouterr().err.splitlines() == [
        "measure: 5 B of 5 B (100%)",
        "planned",
        "write: 2 shards, 7 records",
    ]


def test_writing_is_measured_by_the_records_that_were_read(capsys, monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress_display.time, "monotonic", lambda: now)
    lines = progress_display.PlainLines()
    for seconds, event in (
        (0, Event("read", 10, 10, 1_050_000, 50_000)),
        (1, Event("write", 1, 0, 1000)),
        (11, Event("write", 20, 0, 100_000)),
        (21, Event("write", 60, 0, 1_200_000)),  # more than were read: there are windows
    ):
        now = 100.0 + seconds
        lines.show(event)
    assert capsys.readouterr().err.splitlines() == [
        "read: 10 B of 10 B (100%), 1,050,000 records, 50,000 rejected",
        "write: 1 shards, 1,000 records",
        "write: 20 shards, 100,000 records (10,000/s), 2 min left",
        "write: 60 shards, 1,200,000 records (60,000/s)",
    ]


def _on_a_terminal(*arguments: str, stop_at: str = "", columns: int = 120) -> tuple[str, int]:
    """What the command shows on a terminal, and its exit code; Ctrl-C is sent once `stop_at` shows."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "lengthwise_cli", *arguments]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    output, deadline, stopped = b"", time.monotonic() + 90, False
    while time.monotonic() < deadline:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            output += os.read(controller, 65536)
        except OSError:  # the other side is closed
            break
        if stop_at and stop_at.encode() in output and not stopped:
            process.send_signal(signal.SIGINT)
            stopped = True
    code = process.wait(30)
    os.close(controller)
    return output.decode(), code


HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_a_bar_from_the_start(columns: int, place) -> None:
    output, code = _on_a_terminal("prepare", place.job, "--workers", "2", columns=columns)
    assert code == 0
    assert "starting" in output.split("read")[0]
    lines = [
        line for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output).replace("\r", "\n").split("\n") if "━" in line
    ]
    assert any(re.search("^  read .*100%.* 200 records .*1 rejected", line) for line in lines)
    assert any(re.search("^  write .*6 shards  199 records", line) for line in lines)
    assert max(map(len, lines)) <= columns - 2  # room for the terminal's own ^C
    assert output.count(HIDE) == output.count(SHOW) > 0
    assert output.rindex(SHOW) > output.rindex(HIDE)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_a_clean_terminal_and_says_how_to_resume(workers: str, place) -> None:
    (place.raw / "b.tfrecord").write_bytes((place.raw / "b.tfrecord").read_bytes() * 600)
    output, code = _on_a_terminal("prepare", place.job, "--workers", workers, stop_at="records")
    assert code == 130
    assert output.rindex(SHOW) > output.rindex(HIDE)
    assert output.rstrip().endswith("stopped; run the same command to resume")
    assert "Traceback" not in output


def test_verify_shows_its_progress_too(original) -> None:
    output, code = _on_a_terminal("verify", str(original.prepared))
    assert code == 0
    assert "verify" in output
