"""Finds the features that are steps of the same sequence: their numbers of steps agree, record by record.

Features of equal counts are one class. Then each class leads a group: others with its counts, or in a tf.Example, whose
lists are flat, with a fixed multiple of them, join it. Only records that have both features are compared.

The group that is kept is in about as many records as any other, and is the longest on average; among groups of nearly
that length, it has the most features. Separate sequences are aligned again, for separate groups. Names do not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lengthwise.draft.exceptional_records import allowed_exceptions
from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.yaml_quoting import quote

_MIN_FREQUENCY = 0.9  # of the number of records that have the most frequent list
_MIN_LENGTH = 2 / 3  # of the longest
_MOST_LEADERS = 16
_WIDEST = 65_536  # values in a step, as columns have it
_WIDEST_IF_CONSTANT = 4  # if all records are equally long: coordinates of two to four numbers


@dataclass(frozen=True, slots=True)
class Alignment:
    """The features that are steps of one sequence.

    Attributes:
        widths: how many values each of them has in a step, by key, the leader first; in feature lists 1.
        steps: float64 `[records]` by key: the numbers of steps, plus a half if values are left over; -1 without it.
        unaligned: why each of the other features does not belong to them, by key.
        separate: those of them that are sequences of another length, rather than the same with exceptional records.
    """

    widths: dict[str, int] = field(default_factory=dict)
    steps: dict[str, np.ndarray] = field(default_factory=dict)
    unaligned: dict[str, str] = field(default_factory=dict)
    separate: tuple[str, ...] = ()

    def lengths(self, keys: Sequence[str]) -> np.ndarray:
        """The number of steps of each record: of the first of these features that it has, int64 `[records]`."""
        lengths = np.full_like(next(iter(self.steps.values()), np.zeros(0)), -1)
        for key in keys:
            lengths = np.where(lengths < 0, self.steps[key], lengths)
        return np.floor(np.maximum(lengths, 0)).astype(np.int64)

    def uneven(self, key: str, lengths: np.ndarray) -> np.ndarray:
        """The records in which the feature has another number of steps, bool `[records]`."""
        return (self.steps[key] >= 0) & (self.steps[key] != lengths)


@dataclass(frozen=True, slots=True)
class _Group:
    """Classes that go together: `ratios` times as many values as the leader has."""

    leader: int
    members: np.ndarray
    ratios: np.ndarray
    features: int
    share: float
    mean: float


def align_sequences(sequences: Mapping[str, FeatureFacts], *, flat: bool) -> Alignment:
    """Groups features by their numbers of steps, and keeps one group.

    Args:
        sequences: the features that can be sequences, by key.
        flat: whether they are of tf.Examples, where a step may be several values in a row.
    """
    if not sequences:
        return Alignment()
    classes = _Classes(sequences, flat=flat)
    kept = _choose(classes.groups())
    ratios = {key: ratio for at, ratio in zip(kept.members, kept.ratios, strict=True) for key in classes.keys[at]}
    narrowest = min(ratios.values())
    first = classes.keys[kept.leader][0]
    widths = {key: round(ratios[key] / narrowest) for key in sorted(ratios, key=lambda key: (key != first, key))}
    steps = {key: _steps(sequences[key].counts, width) for key, width in widths.items()}
    return Alignment(widths, steps, *classes.explain_unaligned(kept))


def _steps(counts: np.ndarray, width: int) -> np.ndarray:
    return np.where(counts < 0, -1, counts // width + (counts % width > 0) / 2)


def _choose(groups: list[_Group]) -> _Group:
    longest = max(group.mean for group in groups)
    long = [group for group in groups if group.mean >= _MIN_LENGTH * longest]
    return max(long, key=lambda group: (group.features, group.share, group.mean))


class _Classes:
    """Features by their counts: `counts[c]` are those of the features `keys[c]`, int64 `[classes, records]`."""

    def __init__(self, sequences: Mapping[str, FeatureFacts], *, flat: bool) -> None:
        by_counts: dict[bytes, list[str]] = {}
        for key, facts in sequences.items():
            by_counts.setdefault(facts.counts.tobytes(), []).append(key)
        self.keys = list(by_counts.values())
        self.counts = np.stack([sequences[keys[0]].counts for keys in self.keys])
        self._of_floats = np.array([any(sequences[key].kind == "float_list" for key in keys) for keys in self.keys])
        self._flat = flat
        self._filled = self.counts > 0
        self._records = self._filled.sum(axis=1)
        self._means = np.where(self._filled, self.counts, 0).sum(axis=1) / np.maximum(self._records, 1)

    def groups(self) -> list[_Group]:
        """The groups that might be kept, of the longest leaders."""
        frequent = np.flatnonzero(self._records >= _MIN_FREQUENCY * self._records.max())
        left = frequent[np.argsort(-self._means[frequent], kind="stable")].tolist()
        groups: list[_Group] = []
        while left and len(groups) < _MOST_LEADERS:
            group = self._group(left[0])
            groups.append(group)
            left = [at for at in left if at not in group.members and at != group.leader]
        return groups

    def _group(self, leader: int) -> _Group:
        ratios = self._ratios(leader)
        agreeing, differing, both = self._compare(leader, ratios)
        least = np.minimum(self._records, self._records[leader])
        allowed = np.array([allowed_exceptions(count) for count in both.tolist()])
        joins = (2 * agreeing > least) & (differing <= allowed) & (ratios > 0)
        joins[leader] = True
        narrowest = ratios[joins].min()
        joins &= self._divides(ratios / narrowest)
        if not joins[leader]:  # its values do not divide into whole steps
            joins[:] = np.arange(len(joins)) == leader
            narrowest = 1.0
        members = np.flatnonzero(joins)
        features = sum(len(self.keys[at]) for at in members)
        share = self._records[members].max() / self.counts.shape[1]
        return _Group(leader, members, ratios[members], features, share, self._means[leader] * narrowest)

    def _ratios(self, leader: int) -> np.ndarray:
        """The number of values of each class per value of the leader; 0 if they cannot belong together."""
        if not self._flat:
            return np.ones(len(self.counts))
        both = self._filled & self._filled[leader]
        quotients = np.where(both, self.counts / np.maximum(self.counts[leader], 1), np.nan)
        known = both.any(axis=1)
        ratios = np.zeros(len(self.counts))
        ratios[known] = np.nanmedian(quotients[known], axis=1)
        lengths = self.counts[leader][self._filled[leader]]
        if (lengths != lengths[0]).any():
            return ratios
        wide_of_floats = np.where(ratios > 1, self._of_floats, self._of_floats[leader])
        times = np.where(ratios < 1, 1 / np.maximum(ratios, 1e-9), ratios)
        coordinates = wide_of_floats & (times <= _WIDEST_IF_CONSTANT) & (np.abs(times - np.round(times)) < 1e-6)
        return np.where((ratios == 1) | coordinates, ratios, 0)

    def _divides(self, widths: np.ndarray) -> np.ndarray:
        """Whether the values of each class divide into steps of that width, in all but a few records."""
        whole = np.maximum(np.round(widths), 1).astype(np.int64)
        broken = ((self.counts > 0) & (self.counts % whole[:, None] > 0)).sum(axis=1)
        allowed = np.array([allowed_exceptions(count) for count in self._records.tolist()])
        return (np.abs(widths - whole) < 1e-6) & (whole <= _WIDEST) & (broken <= allowed)

    def _compare(self, leader: int, ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By class, in how many records that have both the steps agree, and differ, and how many have both."""
        expected = self.counts[leader] * ratios[:, None]
        equal = np.abs(self.counts - expected) < 1e-6 * np.maximum(expected, 1)
        both = (self.counts >= 0) & (self.counts[leader] >= 0)
        agreeing = (equal & self._filled & self._filled[leader]).sum(axis=1)
        return agreeing, (both & ~equal).sum(axis=1), both.sum(axis=1)

    def explain_unaligned(self, kept: _Group) -> tuple[dict[str, str], tuple[str, ...]]:
        """Why features are not steps of the group that is kept, by key, and which are sequences of another length."""
        ratios = self._ratios(kept.leader)
        agreeing, differing, both = self._compare(kept.leader, ratios)
        agreeing[ratios == 0] = 0
        unaligned, separate = {}, []
        for at in np.setdiff1d(np.arange(len(self.keys)), kept.members).tolist():
            reason = self._why_unaligned(at, kept.leader, int(agreeing[at]), int(differing[at]), int(both[at]))
            unaligned.update(dict.fromkeys(self.keys[at], reason))
            separate += self.keys[at] * (not agreeing[at] > differing[at] > 0)
        return unaligned, tuple(separate)

    def _why_unaligned(self, at: int, leader: int, agreeing: int, differing: int, both: int) -> str:
        first = quote(self.keys[leader][0])
        if agreeing > differing > 0:
            return (
                f"in {differing} of the {both} records that have both, its number of steps differs from that of "
                f"{first}: they would be rejected, or truncated with sequences.mismatch: truncate; add it if that is "
                "right"
            )
        unit, total = ("values" if self._flat else "steps"), self.counts.shape[1]
        text = (
            f"a separate sequence: {self._means[at]:.3g} {unit} on average in {self._records[at]} of {total} "
            f"records, {first} has {self._means[leader]:.3g} in {self._records[leader]}"
        )
        if not differing:
            text += "; too few records have both to say that they go together"
        return text
