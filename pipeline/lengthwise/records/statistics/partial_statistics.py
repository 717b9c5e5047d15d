"""The statistics of a feature in some rows, as they add up and are stored."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lengthwise.records.statistics.training_numbers import TrainingNumbers

MOST_STRINGS = 10_000
"""Strings of features with more distinct ones are not counted one by one: `distinct` and `top` are omitted. It
limits distinct strings, not what a shard keeps: so the counts are exact, in any order of shards."""
_ARRAYS = ("sums", "bins", "ids", "counts")


def _no_counts() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(slots=True)
class PartialStatistics:
    """The statistics of a feature in some rows.

    Attributes:
        sums: float64 `[4]`: values; missing values; of the numbers, less the smallest of the data set, the sum and the
            sum of the squares.
        bins: int64 `[BINS]` of numbers, else empty.
        ids: int64 `[distinct]`, increasing: the ids that occur.
        counts: int64 `[distinct]`: how often.
        strings: how often each string occurs; empty if there are more than `MOST_STRINGS`.
        too_many_strings: whether there are more.
        training: of numbers in rows of the training split.
    """

    sums: np.ndarray = field(default_factory=lambda: np.zeros(4))
    bins: np.ndarray = field(default_factory=_no_counts)
    ids: np.ndarray = field(default_factory=_no_counts)
    counts: np.ndarray = field(default_factory=_no_counts)
    strings: Counter[bytes] = field(default_factory=Counter)
    too_many_strings: bool = False
    training: TrainingNumbers | None = None

    def add(self, other: "PartialStatistics") -> None:
        """Adds the statistics of other rows to these."""
        self.sums = self.sums + other.sums
        if len(other.bins):
            self.bins = self.bins + other.bins if len(self.bins) else other.bins
        if len(other.ids):
            counts = np.zeros(max(self.ids.max(initial=0), other.ids[-1]) + 1, np.int64)
            counts[self.ids] = self.counts
            counts[other.ids] += other.counts
            self.ids = np.flatnonzero(counts)
            self.counts = counts[self.ids]
        self.strings.update(other.strings)
        if self.too_many_strings or other.too_many_strings or len(self.strings) > MOST_STRINGS:
            self.strings, self.too_many_strings = Counter(), True
        if self.training is None:
            self.training = other.training
        elif other.training is not None:
            self.training.add(other.training)


def sum_statistics(parts: Iterable[Mapping[str, PartialStatistics]]) -> dict[str, PartialStatistics]:
    """The statistics of all rows, by key; the last digits of sums depend on the order."""
    total: dict[str, PartialStatistics] = {}
    for part in parts:
        for key, other in part.items():
            total.setdefault(key, PartialStatistics()).add(other)
    return total


def encode_statistics(parts: Mapping[str, PartialStatistics]) -> bytes:
    """Statistics by key as the bytes of an `.npz` archive."""
    arrays: dict[str, np.ndarray] = {}
    for number, (key, part) in enumerate(parts.items()):
        strings = {value.decode("latin-1"): count for value, count in part.strings.items()}  # a character per byte
        rest = json.dumps([key, strings, part.too_many_strings]).encode()
        arrays |= {f"{number}-{name}": getattr(part, name) for name in _ARRAYS}
        arrays[f"{number}-rest"] = np.frombuffer(rest, np.uint8)
        if part.training is not None:
            sample = np.concatenate(part.training.sample)
            arrays |= {f"{number}-moments": part.training.moments, f"{number}-sample": sample}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def decode_statistics(content: bytes) -> dict[str, PartialStatistics]:
    """The statistics that `encode_statistics` encoded."""
    parts = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for number in range(sum(name.endswith("-rest") for name in arrays.files)):
            key, strings, too_many = json.loads(arrays[f"{number}-rest"].tobytes())
            counted = Counter({value.encode("latin-1"): count for value, count in strings.items()})
            sums, bins, ids, counts = (arrays[f"{number}-{name}"] for name in _ARRAYS)
            parts[key] = PartialStatistics(sums, bins, ids, counts, counted, too_many)
            if f"{number}-moments" in arrays.files:
                parts[key].training = TrainingNumbers(arrays[f"{number}-moments"], [arrays[f"{number}-sample"]])
    return parts
