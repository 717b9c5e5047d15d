"""`Candidates`: the boundaries worth trying, and how many sequences round up to each.

    lengths 3 9 10 30  ─ multiple_of=8, max_length=20 ─>  values 8 16 24, counts of sequences rounded up to each

All planners work on these, so all of them round and clip in the same way. An optimal plan needs no other boundaries: a
boundary that is not the rounded-up length of any sequence can be lowered to the next that is, without more padding.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.length_histogram import LengthHistogram
from lengthwise.errors import ConfigError

Lengths = TypeVar("Lengths", int, npt.NDArray[np.int64])

Cost = Literal["linear", "quadratic"]
"""The cost of a sequence padded to `b` steps: `b` (memory, RNNs, convolutions) or `b` squared (attention)."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The possible boundaries for one histogram.

    Attributes:
        values: int64 `[n]`, strictly increasing multiples; the last one is the last boundary of every plan.
        counts: int64 `[n]`, the number of sequences whose rounded-up length is that value. Only the last count can be
            0: if `max_length` is above all lengths.
        shortest: The smallest length of at least 1 in the histogram, or 1 if all are 0.
        multiple_of: Every value is a multiple of this.
    """

    values: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    shortest: int
    multiple_of: int

    @classmethod
    def of(cls, histogram: LengthHistogram, *, multiple_of: int, max_length: int | None) -> Self:
        """Rounds lengths up to the multiple and clips those above the last boundary to it.

        Raises:
            ConfigError: The histogram is empty, or an argument is not a whole number of at least 1.
        """
        multiple_of = checked_int("multiple_of", multiple_of, "1 rounds nothing; 8 suits tensor cores.")
        if not histogram.lengths.size:
            raise ConfigError(
                "bucket plan: expected a histogram of at least one sequence, received an empty one. There is nothing "
                "to plan from: look at the input files and at the rejects, or give the boundaries yourself."
            )
        longest = histogram.max
        if max_length is not None:
            longest = checked_int("max_length", max_length, "Leave it out to cover the longest sequence.")
        top = round_up_to_multiple(max(1, longest), multiple_of)
        rounded = np.clip(round_up_to_multiple(histogram.lengths, multiple_of), multiple_of, top)
        # They are sorted already; np.unique would sort again.
        first = np.flatnonzero(np.diff(rounded, prepend=0))
        values, counts = rounded[first], np.add.reduceat(histogram.counts, first)
        if values[-1] < top:
            values, counts = np.append(values, top), np.append(counts, 0)
        positive = histogram.lengths[histogram.lengths > 0]
        return cls(values, counts, int(positive[0]) if positive.size else 1, multiple_of)

    @property
    def top(self) -> int:
        """The last boundary of every plan."""
        return int(self.values[-1])


def power_of(cost: Any) -> int:
    """The exponent of a cost: 1 or 2.

    Raises:
        ConfigError: The cost does not exist.
    """
    if cost not in get_args(Cost):
        raise ConfigError(
            f"cost: expected 'linear' (padded steps) or 'quadratic' (padded steps squared, for attention), "
            f"received {cost!r}. Name one of the two."
        )
    return 1 if cost == "linear" else 2


def round_up_to_multiple(lengths: Lengths, multiple_of: int) -> Lengths:
    """The smallest multiple that is not below the length, of one length or of each in an array."""
    return -(-lengths // multiple_of) * multiple_of
