"""Chooses the feature of the person a record belongs to, to split by it: models are then evaluated on new persons."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import person_rank
from lengthwise.records.rows.splits import assign_splits, hash_values

EVAL_SHARE = 0.1
MIN_PERSONS = 10
"""Features with fewer distinct values than this do not identify persons."""
_SEEDS = 100


@dataclass(frozen=True, slots=True)
class SplitKey:
    """The feature by which records are split.

    Attributes:
        key: the context feature that names the person.
        seed: of the hash; the first that puts about a tenth of the sampled records into the evaluation split.
        eval_records: the number of these records.
    """

    key: str
    seed: int
    eval_records: int


def choose_split_key(context: Mapping[str, FeatureFacts]) -> SplitKey | None:
    """The feature whose name ranks first; None if none is in every record, with enough persons."""
    ranks = {key: person_rank(key) for key, facts in context.items() if _can_split(facts)}
    ranked = sorted((rank, key) for key, rank in ranks.items() if rank is not None)
    return next(filter(None, (_find_seed(context[key]) for _, key in ranked)), None)


def _can_split(facts: FeatureFacts) -> bool:
    in_every_record = bool(np.all(facts.counts == 1)) and not facts.other_kind.any()
    return in_every_record and facts.kind != "float_list" and facts.distinct >= MIN_PERSONS


def _find_seed(facts: FeatureFacts) -> SplitKey | None:
    """The first seed for which the evaluation split has about a tenth, which is not certain with few persons."""
    values = pa.array(facts.strings, pa.large_binary()) if facts.strings else facts.distinct_numbers
    hashes, records = hash_values(values), len(facts.counts)
    for seed in range(_SEEDS):
        splits = assign_splits(hashes, [EVAL_SHARE, 1 - EVAL_SHARE], seed)
        eval_records = int(facts.occurrences[splits == 0].sum())
        if EVAL_SHARE / 2 * records <= eval_records <= EVAL_SHARE * 2 * records:
            return SplitKey(facts.key, seed, eval_records)
    return None
