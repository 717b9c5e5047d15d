"""Which features are steps of the same sequence: those whose numbers of steps agree."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lengthwise.draft.facts import Facts
from lengthwise.draft.scan import Seen


@dataclass(frozen=True, slots=True)
class Alignment:
    """The features that go together.

    Attributes:
        widths: how many values each of them has in a step, by key.
        lengths: the number of steps of each record.
        uneven: how many records have some of them longer than others.
    """

    widths: dict[str, int]
    lengths: list[int]
    uneven: int


def align(sequences: Mapping[str, Facts], seen: Seen) -> Alignment:
    """The largest group of features of which each agrees with the group's first in more than half of the records."""
    groups = [_group(base, sequences, seen) for base in sequences]
    return max(groups, key=lambda group: (len(group.widths), -group.uneven), default=Alignment({}, [], 0))


def _group(base: str, sequences: Mapping[str, Facts], seen: Seen) -> Alignment:
    steps = sequences[base].counts
    widths: dict[str, int] = {}
    for key, facts in sequences.items():
        width = _width(facts, steps, seen)
        if width:
            widths[key] = width
    lengths, uneven = [], 0
    for record in range(seen.records):
        found = {
            _steps(sequences[key].counts[record], width, seen)
            for key, width in widths.items()
            if record in sequences[key].counts
        }
        uneven += len(found) > 1
        lengths.append(min(found, default=0))
    return Alignment(widths, lengths, uneven)


def _width(facts: Facts, steps: Mapping[int, int], seen: Seen) -> int:
    """How many values the feature has in each of the base's steps; 0 where they do not go together."""
    if seen.format == "sequence_example":
        agreeing = sum(steps.get(record, count) == count for record, count in facts.counts.items())
        return max(1, max(facts.widths, default=1)) if 2 * agreeing > len(facts.counts) else 0
    ratios = Counter(
        count // steps[record]
        for record, count in facts.counts.items()
        if steps.get(record) and count % steps[record] == 0
    )
    known = sum(bool(steps.get(record)) for record in facts.counts)
    [(width, agreeing)] = ratios.most_common(1) or [(0, 0)]
    divides = width > 0 and all(count % width == 0 for count in facts.counts.values())
    return width if divides and 2 * agreeing > known else 0


def _steps(count: int, width: int, seen: Seen) -> int:
    return count if seen.format == "sequence_example" else count // width
