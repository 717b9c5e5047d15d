"""How many sequences a window holds: enough for many batches, so that each holds sequences of about one length."""

import math
from collections.abc import Mapping

from lengthwise.buckets import LengthHistogram
from lengthwise.feed.options.batch_options import WINDOW, BatchOptions

_BATCHES = 96  # of a window: with fewer, padded/real exceeds 1.03 where lengths are log-normal
_ENOUGH = 16  # windows of an epoch, so that small first ones do not add to its padding
_FIRST = 8  # the first window is this many times smaller than the others


def rows_of_window(options: BatchOptions, steps_per_row: float) -> int:
    """The number of rows that are sorted together, unless `options.window` says it; see `steps_per_row`."""
    if options.window is not None:
        return options.window
    if options.batch_size is not None:
        return max(WINDOW, _BATCHES * options.batch_size)
    assert options.batch_steps is not None
    return max(WINDOW, math.ceil(_BATCHES * options.batch_steps / max(steps_per_row, 1)))


def taken(lengths: Mapping[str, LengthHistogram], options: BatchOptions) -> dict[str, LengthHistogram]:
    """How many steps are taken of sequences, by the features that have their groups' lengths."""
    crops = {key: options.crop_of(key) for key in lengths}
    return {key: own.truncated(crops[key] or own.max) for key, own in lengths.items()}


def steps_per_row(lengths: Mapping[str, LengthHistogram], options: BatchOptions) -> float:
    """What a sequence of these lengths counts in `batch_steps` on average, without padding."""
    found = taken(lengths, options)
    total = max(one.total for one in found.values())
    return float(options.weighed({key: one.steps for key, one in found.items()}) / max(total, 1))


def chunks_of_windows(total: int, per_window: int) -> list[int]:
    """How many chunks each window of an epoch takes.

    All windows are about equal: a small last one would pad more. Where there are many, the first ones are small and
    grow, so that the first batch is soon there.

    Args:
        total: how many chunks the epoch has, at most.
        per_window: how many a window should take.
    """
    windows = max(round(total / per_window), 1)
    if windows >= _ENOUGH:
        growing = [max(per_window * 2**power // _FIRST, 1) for power in range(int(math.log2(_FIRST)))]
        return [*growing, *_equal_windows(total - sum(growing), per_window)]
    return _equal_windows(total, per_window)


def _equal_windows(total: int, per_window: int) -> list[int]:
    windows = max(round(total / per_window), 1)
    return [max(-(-total // windows), 1)] * windows
