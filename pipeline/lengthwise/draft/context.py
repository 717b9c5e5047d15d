"""Values of the whole record -> the column that carries them along."""

from lengthwise.draft.facts import Facts
from lengthwise.draft.odd import Odd, most_common, tolerated
from lengthwise.draft.steps import Fields, range_text

_DTYPES = {"float_list": ("float32", 0.0), "int64_list": ("int64", 0), "bytes_list": ("string", "")}


def usual_count(facts: Facts) -> int | None:
    """How many values records have of it, a few odd ones aside; None where that varies."""
    found = facts.counts[facts.present]
    if not len(found):
        return None
    count = most_common(found)
    return count if int((found != count).sum()) <= tolerated(len(found)) else None


def draft_context(key: str, facts: Facts, count: int) -> tuple[Fields, list[str], list[Odd]]:
    """The column of one context feature of `count` values; see `draft_steps`."""
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
    absent = int((~facts.present).sum())
    if absent:
        column["default_value"] = zero
        why.append(f"absent from {absent} of {len(facts.counts)} records")
    odd = [Odd(facts.odd, f"it holds no {facts.kind}")] if facts.odd.any() else []
    wrong = facts.present & (facts.counts != count) & ~facts.odd
    if wrong.any():
        odd.append(Odd(wrong, f"it has other than {count} value{'s' * (count != 1)}"))
    return column, why, odd
