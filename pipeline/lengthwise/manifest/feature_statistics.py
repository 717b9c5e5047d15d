"""The statistics of a feature: of all written values, and of the numbers of the training split, for models."""

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt
from typing import Self

from pydantic import model_validator

from lengthwise.columns import Moments
from lengthwise.errors import DatasetError
from lengthwise.manifest.manifest_section import Amount, ManifestSection

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


class TrainingStatistics(ManifestSection):
    """The statistics of a feature that a model may use: of the training split, for each number of a step.

    A step has the numbers of the column's `shape`, in its order. Where these are more than 4,096, all count together.
    Numbers that are missing (see `ColumnStatistics`) are skipped; if all are missing, the statistics are 0.

    Attributes:
        counts: the number of numbers.
        min: the smallest number.
        max: the largest number.
        mean: their mean.
        std: their standard deviation, that of the split as a whole population.
        quantiles: by share, such as `0.5`: numbers that at least this share of the numbers does not exceed. They
            are exact for up to 65,536 steps of one number, 4,096 of several. Of more steps they are those of a random
            sample of at least half as many: the share is off by less than 0.015 (0.06), except once in a million. P.
            Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18 (1990).
    """

    counts: tuple[Amount, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    quantiles: dict[str, tuple[float, ...]]

    @model_validator(mode="after")
    def _have_equal_sizes(self) -> Self:
        statistics = (self.min, self.max, self.mean, self.std, *self.quantiles.values())
        if self.quantiles.keys() != {f"{share:g}" for share in QUANTILES}:
            raise ValueError(f"training.quantiles: expected {QUANTILES}, received {sorted(self.quantiles)}")
        if not self.counts or any(len(numbers) != len(self.counts) for numbers in statistics):
            raise ValueError(f"training: expected {len(self.counts)} numbers of each kind, one for each of `counts`")
        return self


def joint_moments(statistics: Mapping[str, Sequence[TrainingStatistics]]) -> dict[str, Moments]:
    """The joint mean and standard deviation of the numbers of several data sets, by feature; of one data set, as given.

    Numbers that are too large are skipped: a manifest written by others may contain any number.

    Raises:
        DatasetError: the steps have different sizes, which data sets of the same columns do not have.
    """
    joint = {}
    for key, data_sets in statistics.items():
        if len({len(data_set.counts) for data_set in data_sets}) > 1:
            raise DatasetError("statistics: expected the same number of numbers per step in all folders; verify them")
        elements = [zip(data_set.counts, data_set.mean, data_set.std, strict=True) for data_set in data_sets]
        means, deviations = zip(*map(_join_moments, zip(*elements, strict=True)), strict=True)
        if all(map(isfinite, deviations)):
            joint[key] = Moments(means[0], deviations[0]) if len(means) == 1 else Moments(means, deviations)
    return joint


def _join_moments(moments: Sequence[tuple[int, float, float]]) -> tuple[float, float]:
    """The mean and the standard deviation of several (count, mean, deviation) together."""
    moments = [(count, mean, std) for count, mean, std in moments if count] or [(1, 0.0, 0.0)]
    if len(moments) == 1:
        return moments[0][1:]
    total = sum(count for count, _, _ in moments)
    joint = sum(count / total * mean for count, mean, _ in moments)
    variance = sum(count / total * (std * std + (mean - joint) * (mean - joint)) for count, mean, std in moments)
    return joint, sqrt(variance)


class ColumnStatistics(ManifestSection):
    """The statistics of the written values of one feature, without padding.

    Attributes:
        values: the number of values.
        missing: the number of missing values among them: the missing id, numbers that are not finite, and the values
            that replace an absent optional feature (a default in every step of the sequence; in context, one per
            sequence). The fields below do not count them.
        min: the smallest number (ids: the smallest id).
        max: the largest number.
        mean: the mean of the numbers; None for ids and strings.
        std: their standard deviation, that of the data set as a whole population.
        distinct: the number of distinct ids or strings; None for numbers, and for ids and strings that were not
            counted one by one: of columns with more than 2**20 ids, of features with more than 10,000 distinct strings.
        histogram: counts in equal-width bins between `min` and `max`; empty for ids and strings.
        top: the most frequent ids or strings with their counts, most frequent first; empty if `distinct` is None.
            Strings of more than 200 characters end in an ellipsis.
        training: of numbers, the statistics for models; None without a training split: `train`, or the only split.
    """

    values: int
    missing: int = 0
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    distinct: int | None = None
    histogram: tuple[int, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    training: TrainingStatistics | None = None

    @property
    def counted(self) -> int:
        """The values that are not missing."""
        return self.values - self.missing
