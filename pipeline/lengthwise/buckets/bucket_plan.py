"""`BucketPlan`: the boundaries, and every meaning that the rest of the package gives them."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lengthwise.buckets.argument_checks import checked_int, checked_lengths
from lengthwise.buckets.length_histogram import LengthHistogram, exact_dot
from lengthwise.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """The lengths that sequences are padded to, one for each bucket.

    Attributes:
        boundaries: Inclusive maximum lengths in steps, strictly increasing, each at least 1. Bucket `i` holds the
            lengths above `boundaries[i - 1]` up to and including `boundaries[i]`, padded to `boundaries[i]`. More
            boundaries pad less, and cost one more shape to compile and one more set of files each.

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
                    f"at position {i + 1}. Sort them and leave out repetitions."
                )
        object.__setattr__(self, "boundaries", numbers)

    @property
    def num_buckets(self) -> int:
        """How many buckets there are; over-long sequences are in none of them."""
        return len(self.boundaries)

    @property
    def max_length(self) -> int:
        """The last boundary: what is longer is over-long."""
        return self.boundaries[-1]

    def assign(self, lengths: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """The bucket of each length.

        Args:
            lengths: `[records]`, any integer dtype, in steps, at least 0.

        Returns:
            int32 `[records]`: the first bucket that holds the length. Length 0 goes to bucket 0. Over-long lengths
            get `num_buckets`, which is no bucket: reject, truncate or split those sequences.

        Raises:
            ConfigError: `lengths` is not one-dimensional, not of integers, or negative somewhere.
        """
        return np.searchsorted(self._array(), checked_lengths(lengths), side="left").astype(np.int32)

    def sequences(self, histogram: LengthHistogram) -> list[int]:
        """How many sequences each bucket holds, those that are over-long in the last."""
        reached = np.cumsum(histogram.counts, dtype=np.int64)
        ends = np.searchsorted(histogram.lengths, self._array()[:-1], side="right")
        held = [0, *(int(reached[end - 1]) if end else 0 for end in ends), histogram.total]
        return [after - before for before, after in itertools.pairwise(held)]

    def padded_steps(self, histogram: LengthHistogram) -> int:
        """All steps, real ones and padding, once each sequence is padded to its boundary.

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
        padded = self.padded_steps(histogram)
        return (padded - self.real_steps(histogram)) / padded if padded else 0.0

    def tf_boundaries(self) -> list[int]:
        """`bucket_boundaries` for `tf.data.Dataset.bucket_by_sequence_length`.

        TensorFlow's buckets are half-open, `[lower, upper)`, and `pad_to_bucket_boundary=True` pads to `upper - 1`:
        so each inclusive boundary becomes boundary + 1. TensorFlow adds a bucket after the last one, for over-long
        sequences, and refuses to pad that one to a boundary: truncate or filter them first. This is the one place of
        the package where inclusive boundaries become half-open ones.
        """
        return [boundary + 1 for boundary in self.boundaries]

    def _array(self) -> npt.NDArray[np.int64]:
        return np.array(self.boundaries, np.int64)
