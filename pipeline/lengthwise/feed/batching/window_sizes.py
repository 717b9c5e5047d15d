"""The number of sequences of a window: enough for many batches, so that each has sequences of similar lengths."""

import math
from collections.abc import Mapping

from lengthwise.buckets import LengthHistogram
from lengthwise.feed.options.batch_options import WINDOW, BatchOptions

_BATCHES = 96  # per window: with fewer, padded/real exceeds 1.03 for log-normal lengths
_MIN_WINDOWS = 16  # of an epoch, so that small first windows do not add to its padding
_FIRST_DIVISOR = 8  # the first window is this many times smaller than the others


def rows_of_window(options: BatchOptions, steps_per_row: float) -> int:
    """The number of rows that are sorted together: `options.window`, or as many as make about 96 batches."""
    if options.window is not None:
        return options.window
    if options.batch_size is not None:
        return max(WINDOW, _BATCHES * options.batch_size)
    assert options.batch_steps is not None
    return max(WINDOW, math.ceil(_BATCHES * options.batch_steps / max(steps_per_row, 1)))


def cropped_lengths(lengths: Mapping[str, LengthHistogram], options: BatchOptions) -> dict[str, LengthHistogram]:
    """The lengths of sequences after cropping, by the features that have their groups' lengths."""
    crops = {key: options.crop_of(key) for key in lengths}
    return {key: histogram.truncated(crops[key] or histogram.max) for key, histogram in lengths.items()}


def steps_per_row(lengths: Mapping[str, LengthHistogram], options: BatchOptions) -> float:
    """The average steps of a sequence of these lengths, as counted in `batch_steps`, without padding."""
    histograms = cropped_lengths(lengths, options)
    total = max(histogram.total for histogram in histograms.values())
    return float(options.weighed({key: histogram.steps for key, histogram in histograms.items()}) / max(total, 1))


def chunks_of_windows(total: int, per_window: int) -> list[int]:
    """How many chunks each window of an epoch takes.

    All windows have about the same size: a small last window would pad more. If there are many, the first windows are
    small and grow, so that the first batch is available early.

    Args:
        total: the maximum number of chunks of the epoch.
        per_window: the intended number of chunks per window.
    """
    windows = max(round(total / per_window), 1)
    if windows >= _MIN_WINDOWS:
        growing = [max(per_window * 2**power // _FIRST_DIVISOR, 1) for power in range(int(math.log2(_FIRST_DIVISOR)))]
        return [*growing, *_equal_windows(total - sum(growing), per_window)]
    return _equal_windows(total, per_window)


def _equal_windows(total: int, per_window: int) -> list[int]:
    windows = max(round(total / per_window), 1)
    return [max(-(-total // windows), 1)] * windows
