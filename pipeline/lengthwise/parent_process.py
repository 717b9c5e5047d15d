"""What a process does first that shall not outlive the one that started it. It imports next to nothing: it is quick."""

import ctypes
import os
import signal
from contextlib import suppress

_SET_PDEATHSIG = 1  # of Linux' prctl


def tie(parent: int) -> None:
    """Ties this process to its parent: when that dies, however, the kernel kills this one.

    Ctrl-C, which a terminal sends to both, is the parent's to answer.

    Args:
        parent: the process id of the one that started this one; if it is gone already, this one ends at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # there is no prctl: it ends when it finds its connections broken
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
