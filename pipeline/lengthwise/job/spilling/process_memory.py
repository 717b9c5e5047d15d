"""How a worker's C library keeps memory: the freed arrays of one batch serve the next.

By default glibc maps every large array anew and returns it when freed, so that each batch pays for page faults again:
a third of the decoder's time here.
"""

import ctypes
import functools
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BYTES = 256 * 2**20
_LARGEST_KEPT = 32 * 2**20  # glibc's own limit for the threshold


@functools.cache
def keep_freed_memory() -> None:
    """Tunes this process's malloc once; does nothing where the C library is not glibc."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
