"""`PairHistogram`: how many records have each pair of lengths, of the two groups by which buckets are planned."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import MAX_LENGTH, checked_lengths
from lengthwise.buckets.length_histogram import LengthHistogram, exact_dot
from lengthwise.errors import ConfigError

Triples = tuple[tuple[int, int, int], ...]
"""JSON-ready: `(first length, second length, how many records)`, sorted."""


@dataclass(frozen=True, slots=True, eq=False)
class PairHistogram:
    """Counts of records by their two lengths. Immutable and additive.

    Attributes:
        lengths: int64 `[n, 2]`, the distinct pairs in steps, sorted.
        counts: int64 `[n]`, how many records have that pair, each at least 1.

    Example:
        >>> PairHistogram.from_lengths([[3, 5], [1, 2], [3, 5]]).triples
        ((1, 2, 1), (3, 5, 2))
    """

    lengths: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @classmethod
    def from_lengths(cls, lengths: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> Self:
        """Counts pairs of lengths.

        Args:
            lengths: `[records, 2]`, any integer dtype, in steps.
            counts: `[records]`, how often each pair counts; None: once.

        Raises:
            ConfigError: Not two dimensions, not integers, or negative.
        """
        array = checked_pairs(lengths)
        often = np.ones(len(array), np.int64) if counts is None else np.asarray(counts, np.int64)
        if often.shape != (len(array),) or (often < 0).any():
            raise ConfigError(f"counts: expected {len(array)} numbers of at least 0, received shape {often.shape}.")
        keys, places = np.unique((array[:, 0] << 32) | array[:, 1], return_inverse=True)
        summed = np.zeros(keys.size, np.int64)
        np.add.at(summed, places, often)
        keys, summed = keys[summed > 0], summed[summed > 0]
        return cls(np.stack([keys >> 32, keys & MAX_LENGTH], axis=1), summed)

    @classmethod
    def sum(cls, histograms: Iterable[Triples]) -> Self:
        """The histogram of all the records that are counted in `triples`, of any number of histograms."""
        table = np.array([triple for one in histograms for triple in one], np.int64).reshape(-1, 3)
        return cls.from_lengths(table[:, :2], table[:, 2])

    @property
    def triples(self) -> Triples:
        """The counts, for JSON."""
        return tuple(map(tuple, np.column_stack([self.lengths, self.counts]).tolist()))

    def rounded(self, bits: int) -> "PairHistogram":
        """With each length rounded up to `bits` leading binary digits, so that there are only so many pairs.

        Lengths up to `2 ** bits` stay as they are, longer ones grow by less than `2 ** (1 - bits)` of themselves.
        """
        return PairHistogram.from_lengths(rounded_up(self.lengths, bits), self.counts)

    def of(self, place: int) -> LengthHistogram:
        """The lengths of one of the two groups: 0 or 1."""
        lengths, where = np.unique(self.lengths[:, place], return_inverse=True)
        return LengthHistogram(lengths, np.bincount(where, self.counts).astype(np.int64))

    def scaled(self, factor: float) -> "PairHistogram":
        """With about `factor` times as many records of each pair, at least one: what a sample says of the whole."""
        return PairHistogram(self.lengths, np.maximum(np.rint(self.counts * factor), 1).astype(np.int64))

    @property
    def total(self) -> int:
        """The number of records."""
        return int(self.counts.sum())

    @property
    def max(self) -> tuple[int, int]:
        """The longest of each group; 0 for an empty histogram."""
        first, second = (int(self.lengths[:, place].max(initial=0)) for place in (0, 1))
        return first, second

    @property
    def steps(self) -> tuple[int, int]:
        """The real steps of each group."""
        first, second = (exact_dot(self.lengths[:, place], self.counts) for place in (0, 1))
        return first, second

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PairHistogram) and self.triples == other.triples

    def __hash__(self) -> int:
        return hash(self.triples)


def checked_pairs(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns pairs of lengths of any integer dtype as int64 `[n, 2]`.

    Raises:
        ConfigError: Not of that shape, not integers, or a length below 0 or above `MAX_LENGTH`.
    """
    array: npt.NDArray[Any] = np.asarray(lengths)
    if array.size == 0:
        return np.zeros((0, 2), np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ConfigError(
            f"lengths: expected pairs, an array of shape [records, 2], received shape {array.shape}. Pass the numbers "
            "of steps of both groups of each record, such as np.array([[3, 5], [17, 20]])."
        )
    return checked_lengths(array.reshape(-1)).reshape(-1, 2)


def rounded_up(lengths: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.int64]:
    """The lengths, rounded up to `bits` leading binary digits."""
    _, exponent = np.frexp(np.maximum(lengths - 1, 0).astype(np.float64))  # 2 ** exponent > length - 1
    unit = np.int64(1) << np.maximum(exponent - bits, 0)
    return np.minimum(-(-lengths // unit) * unit, MAX_LENGTH)
