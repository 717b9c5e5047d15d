"""`Candidates`: the boundaries worth trying, with the sequences that each would end.

    lengths 3 9 10 30  ─ multiple_of=8, max_length=20 ─>  values 8 16 24, counts of sequences rounded up to each

Every planner works on these, so all of them round and clip alike. An optimal plan needs no other boundary: one that is
not the rounded-up length of some sequence can be lowered to the next that is, and nothing is padded more.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int
from lengthwise.buckets.length_histogram import LengthHistogram
from lengthwise.errors import ConfigError

Cost = Literal["linear", "quadratic"]
"""What a sequence padded to `b` steps costs: `b` (memory, RNNs, convolutions) or `b` squared (attention)."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Possible boundaries of one histogram.

    Attributes:
        values: int64 `[n]`, strictly increasing multiples; the last one is the last boundary of every plan.
        counts: int64 `[n]`, the sequences whose rounded-up length is that value. Only the last count can be 0: when
            `max_length` is above all lengths.
        shortest: The smallest length of at least 1 that the histogram holds, else 1.
        multiple_of: What every value is a multiple of.
    """

    values: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    shortest: int
    multiple_of: int

    @classmethod
    def of(cls, histogram: LengthHistogram, *, multiple_of: int, max_length: int | None) -> Self:
        """Rounds lengths up to the multiple and clips those above the last boundary to it.

        Raises:
            ConfigError: The histogram is empty, or an argument is no whole number of at least 1.
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
        top = round_up(max(1, longest), multiple_of)
        rounded = np.clip(-(-histogram.lengths // multiple_of) * multiple_of, multiple_of, top)
        # Sorted already: np.unique would sort again.
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
        ConfigError: No such cost.
    """
    if cost not in get_args(Cost):
        raise ConfigError(
            f"cost: expected 'linear' (padded steps) or 'quadratic' (padded steps squared, for attention), "
            f"received {cost!r}. Name one of the two."
        )
    return 1 if cost == "linear" else 2


def round_up(length: int, multiple_of: int) -> int:
    """The smallest multiple that is not below `length`."""
    return -(-length // multiple_of) * multiple_of
