"""Chooses the feature of the person a record belongs to, to split by it: models are then evaluated on new persons."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import person_rank
from lengthwise.records.rows.splits import assign_splits, hash_values

HELD_BACK = 0.1
FEWEST = 10
"""Features with fewer distinct values than this do not identify persons."""
_LEAST, _MOST = HELD_BACK / 2, HELD_BACK * 2
_SEEDS = 100


@dataclass(frozen=True, slots=True)
class Division:
    """Records divided by persons.

    Attributes:
        key: the context feature that names the person.
        seed: of the hash; the first that holds back about a tenth of the records looked at.
        held_back: the number of these records.
    """

    key: str
    seed: int
    held_back: int


def find_division(context: Mapping[str, FeatureFacts]) -> Division | None:
    """By the feature whose name ranks first; None if none is in every record, with enough persons."""
    ranks = {key: person_rank(key) for key, facts in context.items() if _can_divide(facts)}
    named = sorted((rank, key) for key, rank in ranks.items() if rank is not None)
    return next((found for _, key in named if (found := _divide(key, context[key]))), None)


def _can_divide(facts: FeatureFacts) -> bool:
    in_every_record = bool(np.all(facts.counts == 1)) and not facts.odd.any()
    return in_every_record and facts.kind != "float_list" and facts.distinct >= FEWEST


def _divide(key: str, facts: FeatureFacts) -> Division | None:
    """Uses the first seed for which the small split has about a tenth, which is not certain with few persons."""
    values = pa.array(facts.texts, pa.large_binary()) if facts.texts else facts.distinct_numbers
    hashes, records = hash_values(values), len(facts.counts)
    for seed in range(_SEEDS):
        held_back = int(facts.occurrences[assign_splits(hashes, [HELD_BACK, 1 - HELD_BACK], seed) == 0].sum())
        if _LEAST * records <= held_back <= _MOST * records:
            return Division(key, seed, held_back)
    return None
