"""How much runs at once: numbers that are fixed when a dataset is made, because tuning would time every element."""

from lengthwise.cores import usable_cores

MOST = 16
BATCHES = 8  # that wait for whoever trains
WINDOWS = 2  # arranged at once, beside the one that gives batches


def threads() -> int:
    """How many elements of a parallel map are worked on at once: one for each core that this process may use."""
    return max(2, min(usable_cores(), MOST))
