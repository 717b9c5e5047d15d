"""Statistics of a feature's numbers in the training split, for each number of a step: moments, and a sample.

    numbers of a shard ─ measure_numbers ─> TrainingNumbers
    ─ add, shard by shard ─> training_statistics, quantile_boundaries

Shards do not depend on workers, so the statistics do not either.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from lengthwise.manifest import QUANTILES, TrainingStatistics
from lengthwise.records.rows.id_lookup import fingerprint64
from lengthwise.records.rows.shuffle_order import GOLDEN, mix_bits

MOST_ELEMENTS = 4096
"""Steps of more numbers are not measured number by number: all their numbers together are one."""
_SAMPLED = 2**16  # steps of one number: a quantile's rank is off by less than 1.5%, but once in a million
_LEAST_SAMPLED = 2**12  # steps of many numbers
_CHUNK = 2**15  # numbers that stay in the processor's cache
_LEAST_ROWS = 256  # of a chunk: numpy is slow to reduce short rows


@dataclass(slots=True)
class TrainingNumbers:
    """The statistics of a feature's finite numbers in some shards of the training split.

    Attributes:
        moments: float64 `[5, elements]`: how many numbers, the smallest, the largest, their mean, and the sum of the
            squares of their differences from it.
        sample: numbers of every n-th step, `[steps, elements]` each, in the dtype of the feature; NaN where one is not
            finite.
    """

    moments: np.ndarray
    sample: list[np.ndarray]

    def add(self, other: Self) -> None:
        """Adds those of other shards.

        Source: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", COMPSTAT 1982.
        """
        (count, low, high, mean, squares), (others, lows, highs, means, more) = self.moments, other.moments
        total = count + others
        share = np.divide(others, total, out=np.zeros_like(total), where=total > 0)
        difference = means - mean
        self.moments = np.stack(
            [
                total,
                np.minimum(low, lows),
                np.maximum(high, highs),
                mean + difference * share,
                squares + more + np.square(difference) * count * share,
            ]
        )
        self.sample = [*self.sample, *other.sample]


def measure_numbers(numbers: np.ndarray, total: int, name: str) -> TrainingNumbers:
    """The statistics of a shard's numbers.

    Args:
        numbers: `[steps, elements]`, floats or integers.
        total: how many steps there are in all shards, or more.
        name: of shard and feature, the seed of the sample.
    """
    elements = numbers.shape[1]
    wanted = max(_SAMPLED // elements, _LEAST_SAMPLED)
    sample = numbers[_sampled(len(numbers), -(-total // wanted), name)]
    if sample.dtype.kind == "f":
        sample = np.where(np.isfinite(sample), sample, np.float32(np.nan))
    return TrainingNumbers(_moments(numbers), [sample])


def training_statistics(measured: TrainingNumbers) -> TrainingStatistics | None:
    """The manifest's statistics; None without a number."""
    count, low, high, mean, squares = measured.moments
    if not count.any():
        return None
    has_numbers = count > 0
    quantiles = np.zeros((len(QUANTILES), len(count)))
    ordered = np.sort(np.concatenate(measured.sample), axis=0)  # NaN comes last
    real = len(ordered) - np.isnan(ordered).sum(axis=0)
    for place in np.flatnonzero(real):
        quantiles[:, place] = np.quantile(ordered[: real[place], place], QUANTILES, method="inverted_cdf")
    return TrainingStatistics(
        counts=tuple(count.astype(int).tolist()),
        min=_listed(np.where(has_numbers, low, 0)),
        max=_listed(np.where(has_numbers, high, 0)),
        mean=_listed(mean),
        std=_listed(np.sqrt(squares / np.maximum(count, 1))),
        quantiles={f"{share:g}": _listed(values) for share, values in zip(QUANTILES, quantiles, strict=True)},
    )


def quantile_boundaries(measured: TrainingNumbers, buckets: int) -> tuple[float, ...]:
    """Boundaries of so many buckets of about equal size, fewer if many numbers are equal; empty without numbers.

    The k-th is the smallest number such that `k / buckets` of all are less than it. So no bucket is empty, except
    the first one if all numbers are equal.
    """
    ordered = np.sort(np.concatenate(measured.sample), axis=None)
    ordered = ordered[~np.isnan(ordered)]
    if not len(ordered):
        return ()
    values, first = np.unique(ordered, return_index=True)  # how many are less than each
    shares = np.arange(1, buckets) * len(ordered)
    places = np.searchsorted(first * buckets, shares)
    kept = values[np.unique(places[places < len(values)])]
    return tuple(map(float, kept)) or (float(values[0]),)


def _listed(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(numbers.astype(float).tolist())


def _sampled(count: int, stride: int, name: str) -> np.ndarray:
    """One place of each `stride` places below `count`: all of them, where the stride is 1; the last may have none."""
    if stride <= 1:
        return np.arange(count)
    strata = np.arange(-(-count // stride), dtype=np.uint64)
    within = mix_bits(np.uint64(fingerprint64(name.encode())) + strata * GOLDEN) % np.uint64(stride)
    places = (strata * np.uint64(stride) + within).astype(np.int64)
    return places[places < count]


def _moments(numbers: np.ndarray) -> np.ndarray:
    """Float64 `[5, elements]` of `numbers`, `[steps, elements]`, chunk by chunk.

    They are summed less the mean of the first chunk, so that no digits cancel however far from 0 they are. Source: T.
    Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37 (1983).
    """
    elements = numbers.shape[1]
    count, low, high = np.zeros(elements), np.full(elements, np.inf), np.full(elements, -np.inf)
    sums, squares, shift = np.zeros(elements), np.zeros(elements), np.zeros(elements)
    rows = max(_LEAST_ROWS, _CHUNK // elements)
    for start in range(0, len(numbers), rows):
        chunk = numbers[start : start + rows].T.astype(np.float64, order="C")  # whose rows numpy reduces fast
        lows, highs, counts = chunk.min(axis=1), chunk.max(axis=1), np.full(elements, chunk.shape[1])
        is_finite = None
        if not np.isfinite([lows, highs]).all():
            is_finite = np.isfinite(chunk)
            counts = is_finite.sum(axis=1)
            lows = chunk.min(axis=1, initial=np.inf, where=is_finite)
            highs = chunk.max(axis=1, initial=-np.inf, where=is_finite)
            chunk[~is_finite] = 0
        begins = (count == 0) & (counts > 0)
        if begins.any():
            shift = np.where(begins, chunk.sum(axis=1) / np.maximum(counts, 1), shift)
        chunk -= shift[:, None]
        if is_finite is not None:
            chunk[~is_finite] = 0
        sums += chunk.sum(axis=1)
        np.square(chunk, out=chunk)
        squares += chunk.sum(axis=1)
        low, high, count = np.minimum(low, lows), np.maximum(high, highs), count + counts
    means = np.divide(sums, count, out=np.zeros(elements), where=count > 0)
    return np.stack([count, low, high, shift + means, np.maximum(squares - sums * means, 0)])
