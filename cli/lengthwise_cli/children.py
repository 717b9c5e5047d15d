"""The processes that a command started, such as Beam's workers: they end with it."""

import os
import signal
from collections import defaultdict
from contextlib import suppress


def stop_children() -> None:
    """Asks all processes below this one to end. A runner that is interrupted waits for its workers, else forever."""
    for process in _below(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGTERM)


def _below(process: int) -> list[int]:
    """The children, their children and so on; none where there is no /proc."""
    children: dict[int, list[int]] = defaultdict(list)
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                children[_parent(name)].append(int(name))
    found, pending = [], [process]
    while pending:
        added = children[pending.pop()]
        found += added
        pending += added
    return found


def _parent(process: str) -> int:
    """The parent's number; 0 where the process is gone."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
