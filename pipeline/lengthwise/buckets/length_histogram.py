"""`LengthHistogram`: how many sequences have each length. Plans are computed from it and evaluated on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int, checked_lengths
from lengthwise.errors import ConfigError

_DENSE_LIMIT = 1 << 16
"""Below this length `np.bincount` (8 bytes per possible length) replaces a sort of all lengths."""


@dataclass(frozen=True, slots=True, eq=False)
class LengthHistogram:
    """Counts of sequences by length. Immutable, picklable, additive: `a.merge(b)` is the histogram of both.

    Attributes:
        lengths: int64 `[n]`, the distinct lengths in steps, strictly increasing, from 0 to 2**31 - 1.
        counts: int64 `[n]`, the number of sequences of that length, each at least 1.

    Example:
        >>> LengthHistogram.from_lengths([3, 1, 3]).to_dict()
        {'lengths': [1, 3], 'counts': [1, 2]}

    Raises:
        ConfigError: The arrays do not match this description.
    """

    lengths: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths, counts = checked_lengths(self.lengths).copy(), np.array(self.counts)
        if counts.shape != lengths.shape or (counts.size and counts.dtype.kind not in "iu"):
            raise ConfigError(
                f"length histogram: expected one integer count for each of {lengths.size} lengths, received counts of "
                f"dtype {counts.dtype} and shape {counts.shape}. LengthHistogram.from_lengths counts for you."
            )
        if (np.diff(lengths) <= 0).any() or (counts < 1).any():
            raise ConfigError(
                "length histogram: expected strictly increasing lengths with counts of at least 1, received lengths "
                f"{_first_values(lengths)} with counts {_first_values(counts)}. LengthHistogram.from_counts sorts and "
                "drops zeros."
            )
        counts = counts.astype(np.int64)
        for name, array in (("lengths", lengths), ("counts", counts)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_lengths(cls, lengths: npt.ArrayLike) -> Self:
        """Counts an array of lengths.

        Args:
            lengths: `[records]`, any integer dtype, in steps.

        Raises:
            ConfigError: The lengths are not one-dimensional, not integers, or negative.
        """
        array = checked_lengths(lengths)
        if array.size and array.max() < _DENSE_LIMIT:
            dense = np.bincount(array)
            distinct = np.flatnonzero(dense)
            return cls(distinct, dense[distinct])
        return cls(*np.unique(array, return_counts=True))

    @classmethod
    def from_counts(cls, counts: Mapping[int, int]) -> Self:
        """Builds the histogram from `{length: count}` in any order. Counts of 0 are omitted.

        Raises:
            ConfigError: A length or a count is not an integer or is negative.
        """
        hint = "Pass {length in steps: number of sequences}."
        pairs: list[tuple[int, int]] = []
        for length, count in counts.items():
            checked_length = checked_int("length", length, hint, minimum=0)
            checked_count = checked_int(f"count of length {length!r}", count, hint, minimum=0, maximum=2**62)
            if checked_count:
                pairs.append((checked_length, checked_count))
        table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        return cls(table[:, 0], table[:, 1])

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: The document has other keys, or its arrays are not a histogram.
        """
        if set(document) != {"lengths", "counts"}:
            raise ConfigError(
                f"length histogram: expected the keys 'lengths' and 'counts', received {sorted(document)}. "
                "Pass what LengthHistogram.to_dict returned."
            )
        return cls(np.asarray(document["lengths"]), np.asarray(document["counts"]))

    @classmethod
    def sum(cls, histograms: Iterable["LengthHistogram"]) -> Self:
        """The histogram of all sequences in `histograms`, which may be empty."""
        parts = list(histograms)
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))
        lengths = np.concatenate([part.lengths for part in parts])
        counts = np.concatenate([part.counts for part in parts])
        return cls(*sum_by_value(lengths, counts))

    def truncated(self, longest: int) -> "LengthHistogram":
        """The histogram after sequences are truncated to `longest` steps."""
        return LengthHistogram(*sum_by_value(np.minimum(self.lengths, longest), self.counts))

    def merge(self, other: "LengthHistogram") -> "LengthHistogram":
        """The histogram of both sets of sequences."""
        return LengthHistogram.sum((self, other))

    def at_most(self, length: int) -> "LengthHistogram":
        """The histogram without the sequences longer than `length` steps.

        Evaluate a plan on this if over-long sequences are rejected: otherwise the plan counts them as truncated.
        """
        kept = int(np.searchsorted(self.lengths, length, side="right"))
        return LengthHistogram(self.lengths[:kept], self.counts[:kept])

    def scaled(self, factor: float) -> "LengthHistogram":
        """The histogram with about `factor` times as many sequences of each length, at least one of each."""
        return LengthHistogram(self.lengths, scaled_counts(self.counts, factor))

    @property
    def total(self) -> int:
        """The number of sequences."""
        return int(self.counts.sum())

    @property
    def steps(self) -> int:
        """The number of real steps: the sum of all lengths."""
        return exact_dot(self.lengths, self.counts)

    @property
    def min(self) -> int:
        """The shortest length; 0 for an empty histogram."""
        return int(self.lengths[0]) if self.lengths.size else 0

    @property
    def max(self) -> int:
        """The longest length; 0 for an empty histogram."""
        return int(self.lengths[-1]) if self.lengths.size else 0

    def quantile(self, q: float) -> int:
        """The smallest length that at least a share `q` of the sequences does not exceed; 0 for an empty histogram.

        Args:
            q: From 0 to 1: 0.5 is the (lower) median, 0.99 the 99th percentile.

        Raises:
            ConfigError: `q` is outside [0, 1].
        """
        if not 0 <= q <= 1:
            raise ConfigError(f"q: expected a number from 0 to 1, received {q!r}. The 99th percentile is 0.99.")
        if not self.lengths.size:
            return 0
        rank = max(1, int(np.ceil(q * self.total)))
        return int(self.lengths[np.searchsorted(np.cumsum(self.counts), rank)])

    def to_dict(self) -> dict[str, list[int]]:
        """JSON-ready: `{"lengths": [...], "counts": [...]}`, both sorted by length."""
        return {"lengths": self.lengths.tolist(), "counts": self.counts.tolist()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LengthHistogram):
            return NotImplemented
        return np.array_equal(self.lengths, other.lengths) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.lengths.tobytes(), self.counts.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (LengthHistogram, (self.lengths, self.counts))  # __post_init__ makes the arrays read-only again


def sum_by_value(
    values: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct values, sorted, and the sum of the counts of each; both int64 `[n]`."""
    distinct, position = np.unique(values, return_inverse=True)
    sums = np.zeros(distinct.size, np.int64)
    np.add.at(sums, position, counts)
    return distinct, sums


def scaled_counts(counts: npt.NDArray[np.int64], factor: float) -> npt.NDArray[np.int64]:
    """The counts times `factor`, rounded, each at least 1."""
    return np.maximum(np.rint(counts * factor), 1).astype(np.int64)


def exact_dot(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> int:
    """The exact sum of products of two arrays of non-negative int64, of any size.

    Computed in int64 if the result certainly fits, otherwise in Python integers.
    """
    if not a.size:
        return 0
    if int(a.max()) * int(b.max()) * a.size < 2**63:
        return int(np.dot(a, b))
    return int(np.dot(a.astype(object), b.astype(object)))


def _first_values(array: npt.NDArray[Any]) -> str:
    values = ", ".join(str(value) for value in array[:8])
    return f"[{values}{', ...' if array.size > 8 else ''}]"
