"""`PairHistogram`: how many records have each pair of lengths, of the two groups that buckets are planned for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import MAX_LENGTH, checked_lengths
from lengthwise.buckets.length_histogram import LengthHistogram, exact_dot, scaled_counts, sum_by_value
from lengthwise.errors import ConfigError

Triples = tuple[tuple[int, int, int], ...]
"""JSON-ready: `(first length, second length, number of records)`, sorted."""


@dataclass(frozen=True, slots=True, eq=False)
class PairHistogram:
    """Counts of records by their two lengths. Immutable and additive.

    Attributes:
        lengths: int64 `[n, 2]`, the distinct pairs in steps, sorted.
        counts: int64 `[n]`, the number of records of that pair, each at least 1.

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
            counts: `[records]`, how many records each pair counts for; None: one.

        Raises:
            ConfigError: Not two dimensions, not integers, or negative.
        """
        array = checked_pairs(lengths)
        amounts = np.ones(len(array), np.int64) if counts is None else np.asarray(counts, np.int64)
        if amounts.shape != (len(array),) or (amounts < 0).any():
            raise ConfigError(f"counts: expected {len(array)} numbers of at least 0, received shape {amounts.shape}.")
        keys, sums = sum_by_value((array[:, 0] << 32) | array[:, 1], amounts)
        keys, sums = keys[sums > 0], sums[sums > 0]
        return cls(np.stack([keys >> 32, keys & MAX_LENGTH], axis=1), sums)

    @classmethod
    def sum(cls, histograms: Iterable[Triples]) -> Self:
        """The histogram of all records in the `triples` of any number of histograms."""
        table = np.array([triple for triples in histograms for triple in triples], np.int64).reshape(-1, 3)
        return cls.from_lengths(table[:, :2], table[:, 2])

    @property
    def triples(self) -> Triples:
        """The counts, for JSON."""
        return tuple(map(tuple, np.column_stack([self.lengths, self.counts]).tolist()))

    def rounded(self, bits: int) -> "PairHistogram":
        """With each length rounded up to `bits` leading binary digits, which limits the number of distinct pairs.

        Lengths up to `2 ** bits` stay the same; longer ones grow by a share of less than `2 ** (1 - bits)`.
        """
        return PairHistogram.from_lengths(round_up_to_bits(self.lengths, bits), self.counts)

    def of(self, group: int) -> LengthHistogram:
        """The lengths of one of the two groups: 0 or 1."""
        return LengthHistogram(*sum_by_value(self.lengths[:, group], self.counts))

    def scaled(self, factor: float) -> "PairHistogram":
        """With about `factor` times as many records of each pair, at least one: from a sample to all data."""
        return PairHistogram(self.lengths, scaled_counts(self.counts, factor))

    @property
    def total(self) -> int:
        """The number of records."""
        return int(self.counts.sum())

    @property
    def max(self) -> tuple[int, int]:
        """The longest length of each group; 0 for an empty histogram."""
        first, second = self.lengths.max(axis=0, initial=0).tolist()
        return first, second

    @property
    def steps(self) -> tuple[int, int]:
        """The number of real steps of each group."""
        return sums_of_pairs(self.lengths, self.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PairHistogram) and self.triples == other.triples

    def __hash__(self) -> int:
        return hash(self.triples)


def checked_pairs(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns pairs of lengths of any integer dtype as int64 `[n, 2]`.

    Raises:
        ConfigError: A different shape, not integers, or a length below 0 or above `MAX_LENGTH`.
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


def sums_of_pairs(pairs: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The exact sums of both columns of pairs, int64 `[n, 2]`, weighted by their counts."""
    return exact_dot(pairs[:, 0], counts), exact_dot(pairs[:, 1], counts)


def round_up_to_bits(lengths: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.int64]:
    """The lengths rounded up to `bits` leading binary digits."""
    _, exponent = np.frexp(np.maximum(lengths - 1, 0).astype(np.float64))  # 2 ** exponent > length - 1
    unit = np.int64(1) << np.maximum(exponent - bits, 0)
    return np.minimum(-(-lengths // unit) * unit, MAX_LENGTH)
