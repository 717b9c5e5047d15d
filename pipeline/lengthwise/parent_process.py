"""Ends a process together with the one that started it. It has few imports, so that processes start fast."""

import ctypes
import os
import signal
from contextlib import suppress

_SET_PDEATHSIG = 1  # of Linux' prctl


def tie(parent: int) -> None:
    """Ties this process to its parent: when the parent ends for any reason, the kernel kills this process.

    This process ignores Ctrl-C, which a terminal sends to both: the parent handles it.

    Args:
        parent: the process id of the parent; if it has ended already, this process ends immediately.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # without prctl, it ends when its connections break
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
