"""A stand-in for an accelerator: it takes a fixed time for each real step, and no CPU time."""

import time
from collections.abc import Iterator
from typing import Any


def waiting(iterator: Iterator[Any], steps_per_s: float, seconds: float) -> tuple[float, float]:
    """The share of its time that the accelerator has nothing to do, and for how many seconds at most at once.

    As in Keras, the next batch is asked for while the last one computes, and no more than one is ahead.

    Args:
        iterator: batches of (features, ...), without end.
        steps_per_s: real steps that the accelerator computes in a second.
        seconds: how long to measure.
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
