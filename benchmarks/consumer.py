"""A simulated accelerator that needs a fixed time per real step, and no CPU time."""

import time
from collections.abc import Iterator
from typing import Any


def waiting(iterator: Iterator[Any], steps_per_s: float, seconds: float) -> tuple[float, float]:
    """Returns the share of time in which the accelerator is idle, and the longest idle time in seconds.

    As in Keras, the next batch is requested while the last one is computed, and at most one batch is requested ahead.

    Args:
        iterator: endless batches of (features, ...).
        steps_per_s: real steps per second of the accelerator.
        seconds: the duration of the measurement.
    """
    next(iterator)
    begin = free = time.perf_counter()
    waits = []
    while free - begin < seconds:
        features = next(iterator)[0]
        start = max(free, time.perf_counter())
        waits.append(start - free)
        free = start + int(features["sequence_length"].numpy().sum()) / steps_per_s
        time.sleep(max(start - time.perf_counter(), 0))
    return sum(waits) / (free - begin), max(waits)
