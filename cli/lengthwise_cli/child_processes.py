"""Ends the processes that a command started, such as Beam's workers."""

import ctypes
import os
import signal
import time
from collections import defaultdict
from contextlib import suppress

_SET_CHILD_SUBREAPER = 36  # of Linux' prctl
_PATIENCE = 5.0  # seconds


def stop_children() -> None:
    """Asks all descendants of this process to end. An interrupted runner waits for its workers, possibly forever."""
    with suppress(OSError, AttributeError):  # on Linux: this process adopts their orphans, which stay its descendants
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _send(signal.SIGTERM)


def end_children() -> None:
    """Ends all descendants of this process, including those that its threads are just starting."""
    deadline = time.monotonic() + _PATIENCE
    while _send(signal.SIGKILL) and time.monotonic() < deadline:
        time.sleep(0.05)


def _send(number: signal.Signals) -> int:
    """Sends a signal to all descendants of this process; returns their number."""
    processes = _descendants(os.getpid())
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)
    return len(processes)


def _descendants(process: int) -> list[int]:
    """Returns the running descendants of this process; an empty result without /proc."""
    children: dict[int, list[int]] = defaultdict(list)
    with suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            state, parent = _state_and_parent(name)
            if state != "Z":
                children[parent].append(int(name))
    descendants, pending = [], [process]
    while pending:
        added = children[pending.pop()]
        descendants += added
        pending += added
    return descendants


def _state_and_parent(process: str) -> tuple[str, int]:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stream:
            state, parent, *_ = stream.read().rpartition(")")[2].split()
            return state, int(parent)
    except (OSError, ValueError):  # it has ended in the meantime
        return "Z", 0
