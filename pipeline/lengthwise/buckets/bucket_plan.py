"""`BucketPlan`: the boundaries, and everything that the package derives from them."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int, checked_lengths
from lengthwise.buckets.length_histogram import LengthHistogram, exact_dot
from lengthwise.buckets.padding_shares import share_of_padding
from lengthwise.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """The lengths that sequences are padded to, one per bucket.

    Attributes:
        boundaries: Inclusive maximum lengths in steps, strictly increasing, each at least 1. Bucket `i` contains the
            lengths above `boundaries[i - 1]` up to and including `boundaries[i]`, padded to `boundaries[i]`. Each
            additional boundary reduces padding, and adds one shape to compile and one set of files.

    Example:
        >>> BucketPlan((4, 8)).assign(np.array([0, 4, 5, 8, 9]))
        array([0, 0, 1, 1, 2], dtype=int32)

    Raises:
        ConfigError: No boundaries, or not whole numbers that strictly increase from at least 1.
    """

    boundaries: tuple[int, ...]

    def __post_init__(self) -> None:
        hint = "Boundaries are inclusive maximum lengths in steps, such as [8, 16, 64]."
        try:
            given = tuple(self.boundaries)
        except TypeError:
            raise ConfigError(f"boundaries: expected a list of numbers, received {self.boundaries!r}. {hint}") from None
        if not given:
            raise ConfigError(f"boundaries: expected at least one, received none. {hint}")
        numbers = tuple(checked_int(f"boundaries[{i}]", value, hint) for i, value in enumerate(given))
        for i, (before, after) in enumerate(itertools.pairwise(numbers)):
            if before >= after:
                raise ConfigError(
                    f"boundaries: expected strictly increasing numbers, received {before} before {after} "
                    f"at position {i + 1}. Sort them and remove repetitions."
                )
        object.__setattr__(self, "boundaries", numbers)

    @property
    def num_buckets(self) -> int:
        """The number of buckets; over-long sequences are in none of them."""
        return len(self.boundaries)

    @property
    def max_length(self) -> int:
        """The last boundary: longer sequences are over-long."""
        return self.boundaries[-1]

    def assign(self, lengths: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """The bucket of each length.

        Args:
            lengths: `[records]`, any integer dtype, in steps, at least 0.

        Returns:
            int32 `[records]`: the first bucket whose boundary is not below the length; bucket 0 for length 0.
            Over-long lengths get the number `num_buckets`, which is not a bucket: reject, truncate or split those
            sequences.

        Raises:
            ConfigError: `lengths` is not one-dimensional, is not of integers, or contains a negative number.
        """
        return np.searchsorted(self._array(), checked_lengths(lengths), side="left").astype(np.int32)

    def sequences(self, histogram: LengthHistogram) -> list[int]:
        """The number of sequences in each bucket; over-long ones count in the last."""
        up_to = np.concatenate([[0], np.cumsum(histogram.counts, dtype=np.int64)])
        ends = np.searchsorted(histogram.lengths, self._array()[:-1], side="right")
        return np.diff(up_to[ends], prepend=0, append=histogram.total).tolist()

    def padded_steps(self, histogram: LengthHistogram) -> int:
        """All steps, real ones and padding, after each sequence is padded to its boundary.

        Over-long sequences count as truncated to `max_length`, here and in `padding_share`.
        """
        array = self._array()
        bucket = np.minimum(self.assign(histogram.lengths), self.num_buckets - 1)
        return exact_dot(array[bucket], histogram.counts)

    def real_steps(self, histogram: LengthHistogram) -> int:
        """The steps that are not padding, over-long sequences truncated to `max_length`."""
        return exact_dot(np.minimum(histogram.lengths, self.max_length), histogram.counts)

    def padding_share(self, histogram: LengthHistogram) -> float:
        """The share of padding among all padded steps, from 0 to 1; 0 for an empty histogram."""
        return share_of_padding(self.padded_steps(histogram), self.real_steps(histogram))

    def tf_boundaries(self) -> list[int]:
        """`bucket_boundaries` for `tf.data.Dataset.bucket_by_sequence_length`.

        TensorFlow's buckets are half-open, `[lower, upper)`, and `pad_to_bucket_boundary=True` pads to `upper - 1`:
        each inclusive boundary becomes boundary + 1. TensorFlow adds a bucket for over-long sequences after the last
        one, and cannot pad that bucket to a boundary: truncate or filter those sequences first. This is the only place
        in the package where inclusive boundaries become half-open ones.
        """
        return [boundary + 1 for boundary in self.boundaries]

    def _array(self) -> npt.NDArray[np.int64]:
        return np.array(self.boundaries, np.int64)
