"""Values of the whole record -> the column that reads them."""

import numpy as np

from lengthwise.draft.drafted_column import DraftedColumn
from lengthwise.draft.exceptional_records import allowed_exceptions, mode
from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import person_rank
from lengthwise.draft.split_key_choice import MIN_PERSONS
from lengthwise.draft.step_draft import absence_text, draft_integers, draft_strings, range_text

_MOST_VALUES = 256  # of ids in a record: each row is filled up to as many
_DTYPES = {"float_list": ("float32", 0.0), "int64_list": ("int64", 0), "bytes_list": ("string", "")}


def usual_count(facts: FeatureFacts) -> int | None:
    """The number of values in all but a few records; None if it varies."""
    counts = facts.counts[facts.present]
    if not len(counts):
        return None
    count = mode(counts)
    return count if int((counts != count).sum()) <= allowed_exceptions(len(counts)) else None


def draft_context(facts: FeatureFacts, *, complete: bool) -> DraftedColumn | None:
    """The column of one context feature; see `draft_steps`. None for a varying number of numbers that are not ids.

    Ids are drafted for few distinct strings that do not identify persons, and for a varying number of values.
    """
    count = usual_count(facts)
    names_persons = person_rank(facts.key) is not None and facts.distinct >= MIN_PERSONS
    if count is None or (count == 1 and facts.kind == "bytes_list" and not names_persons):
        ids = _draft_ids(facts, count, complete=complete)
        if ids is not None:
            return ids
    return _draft_values(facts, count) if count else None


def _draft_ids(facts: FeatureFacts, count: int | None, *, complete: bool) -> DraftedColumn | None:
    """An id column of `count` values, or up to the maximum of the records; None if the values are not ids."""
    most = count or int(facts.counts.max())
    if facts.kind == "float_list" or most > _MOST_VALUES:
        return None
    column = draft_strings(facts) if facts.kind == "bytes_list" else draft_integers(facts, complete=complete)
    kind = column.fields.pop("kind")
    if kind == "numeric" or (count is not None and kind != "vocabulary"):
        return None
    column.fields = {"kind": kind, "per": "record", **column.fields}
    column.comments.insert(0, "of the whole record")
    if most > 1:
        column.fields["values_per_step"] = most
        column.comments.append(f"up to {most} per record")
    if not facts.present.all():
        column.fields["required"] = False
        column.comments.append(absence_text(facts))
    _reject_exceptions(column, facts, facts.counts > most, f"it has more than {_values_text(most)}")
    return column


def _draft_values(facts: FeatureFacts, count: int) -> DraftedColumn:
    """The values as they are."""
    dtype, zero = _DTYPES[facts.kind]
    column = DraftedColumn({"kind": "context", "key": facts.key, "dtype": dtype}, ["of the whole record"])
    if facts.limits is not None:
        column.comments.append(range_text(facts).strip())
    if count > 1:
        column.fields["shape"] = [count]
    if not facts.is_finite:
        column.fields["finite"] = False
        column.comments.append("NaN or infinite ones among them")
    if not facts.present.all():
        column.fields["default_value"] = zero
        column.comments.append(absence_text(facts))
    _reject_exceptions(column, facts, facts.counts != count, f"it has other than {_values_text(count)}")
    return column


def _reject_exceptions(column: DraftedColumn, facts: FeatureFacts, wrong: np.ndarray, reason: str) -> None:
    """Rejects the records of another kind, and those with a wrong number of values."""
    column.reject(facts.other_kind, f"it holds no {facts.kind}")
    column.reject(facts.present & wrong & ~facts.other_kind, reason)


def _values_text(count: int) -> str:
    return f"{count} value{'s' * (count != 1)}"
