"""Degrees of parallelism, fixed when a dataset is built, because autotuning would time every element."""

from lengthwise.cores import usable_cores

MAX_THREADS = 16
BATCHES = 8  # prefetched for the trainer
WINDOWS = 2  # arranged at once, in addition to the window that yields batches


def threads() -> int:
    """How many elements a parallel map processes at once: one per core that this process may use."""
    return max(2, min(usable_cores(), MAX_THREADS))
