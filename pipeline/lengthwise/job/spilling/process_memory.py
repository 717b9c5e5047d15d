"""Makes a worker's C library keep freed memory, so that the next batch uses it again.

By default glibc maps each large array anew, and unmaps it when it is freed, so each batch causes page faults again,
which take a third of the decoder's time.
"""

import ctypes
import functools
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BYTES = 256 * 2**20
_LARGEST_KEPT = 32 * 2**20  # glibc's own limit for the threshold


@functools.cache
def keep_freed_memory() -> None:
    """Tunes the malloc of this process once; does nothing if the C library is not glibc."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
