"""Values of the whole record -> the column that reads them."""

import numpy as np

from lengthwise.draft.exceptional_records import ExceptionalRecords, allowed_exceptions, most_common
from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import person_rank
from lengthwise.draft.split_key_choice import FEWEST
from lengthwise.draft.step_draft import Fields, draft_integers, draft_texts, range_text

_MOST_VALUES = 256  # of ids in a record: each row is filled up to as many
_DTYPES = {"float_list": ("float32", 0.0), "int64_list": ("int64", 0), "bytes_list": ("string", "")}


def usual_count(facts: FeatureFacts) -> int | None:
    """The number of values in all but a few records; None if it varies."""
    found = facts.counts[facts.present]
    if not len(found):
        return None
    count = most_common(found)
    return count if int((found != count).sum()) <= allowed_exceptions(len(found)) else None


def draft_context(
    key: str, facts: FeatureFacts, *, complete: bool
) -> tuple[Fields, list[str], list[ExceptionalRecords]] | None:
    """The column of one context feature; see `draft_steps`. None for a varying number of numbers that are not ids.

    Ids are drafted for few distinct strings that do not identify persons, and for a varying number of values.
    """
    count = usual_count(facts)
    names_persons = person_rank(key) is not None and facts.distinct >= FEWEST
    if count is None or (count == 1 and facts.kind == "bytes_list" and not names_persons):
        ids = _draft_ids(key, facts, count, complete=complete)
        if ids is not None:
            return ids
    return _draft_values(key, facts, count) if count else None


def _draft_ids(
    key: str, facts: FeatureFacts, count: int | None, *, complete: bool
) -> tuple[Fields, list[str], list[ExceptionalRecords]] | None:
    """An id column of `count` values, or up to the maximum of the records; None if the values are not ids."""
    most = count or int(facts.counts.max())
    if facts.kind == "float_list" or most > _MOST_VALUES:
        return None
    is_text = facts.kind == "bytes_list"
    column, why = draft_texts(key, facts) if is_text else draft_integers(key, facts, complete=complete)
    if column["kind"] == "numeric" or (count is not None and column["kind"] != "vocabulary"):
        return None
    column = {"kind": column.pop("kind"), "per": "record", **column}
    why = ["of the whole record", *why]
    if most > 1:
        column["values_per_step"] = most
        why.append(f"up to {most} a record")
    if not facts.present.all():
        column["required"] = False
    return column, [*why, *_absence(facts)], _odd(facts, facts.counts > most, f"it has more than {_values(most)}")


def _draft_values(key: str, facts: FeatureFacts, count: int) -> tuple[Fields, list[str], list[ExceptionalRecords]]:
    """The values as they are."""
    dtype, zero = _DTYPES[facts.kind]
    column: Fields = {"kind": "context", "key": key, "dtype": dtype}
    why = ["of the whole record"]
    if facts.limits is not None:
        why.append(range_text(facts).strip())
    if count > 1:
        column["shape"] = [count]
    if not facts.is_finite:
        column["finite"] = False
        why.append("NaN or infinite ones among them")
    if not facts.present.all():
        column["default_value"] = zero
    return column, [*why, *_absence(facts)], _odd(facts, facts.counts != count, f"it has other than {_values(count)}")


def _absence(facts: FeatureFacts) -> list[str]:
    absent = int((~facts.present).sum())
    return [f"absent from {absent} of {len(facts.counts)} records"] if absent else []


def _odd(facts: FeatureFacts, wrong: np.ndarray, why: str) -> list[ExceptionalRecords]:
    """The records that the column rejects: those of another kind, and those with another number of values."""
    odd = [ExceptionalRecords(facts.odd, f"it holds no {facts.kind}")] if facts.odd.any() else []
    wrong = facts.present & wrong & ~facts.odd
    return [*odd, ExceptionalRecords(wrong, why)] if wrong.any() else odd


def _values(count: int) -> str:
    return f"{count} value{'s' * (count != 1)}"
